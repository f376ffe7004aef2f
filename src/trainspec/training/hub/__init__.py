"""Pushing a run to a model hub: what is pushed when, and never the token anywhere else."""

from trainspec.training.hub.client import HubError
from trainspec.training.hub.hub_needs import find_hub_needs
from trainspec.training.hub.publisher import HubPublisher

__all__ = ["HubError", "HubPublisher", "find_hub_needs"]
