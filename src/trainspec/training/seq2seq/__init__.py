"""Models that generate: the Trainer whose evaluation sees what a model writes, not only what it makes of the labels."""

from trainspec.training.seq2seq.trainer import Seq2SeqTrainer

__all__ = ["Seq2SeqTrainer"]
