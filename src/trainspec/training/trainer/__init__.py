"""The Trainer: the face people know, in one class of several parts."""

from trainspec.training.trainer.trainer import Trainer

__all__ = ["Trainer"]
