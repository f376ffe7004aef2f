"""From settings and a model to what trackers are told: everything that holds, and no secret."""

from __future__ import annotations

import socket
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from trainspec.settings.values.choices import TrackerName
from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint.states.documents import resolved_document
from trainspec.training.trackers.base import ModelFacts, RunFacts
from trainspec.training.trackers.discretion import plain

if TYPE_CHECKING:
    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.storage import Store


def run_facts(args: TrainingArguments, model: nn.Module, output: Store) -> RunFacts:
    """`output` is output_dir opened; `model` is the model itself, without what a strategy wraps around it."""
    values = {name: entry["value"] for name, entry in resolved_document(args).items()}
    return RunFacts(
        name=redact_whole_url(args.run_name or ""),
        output=output,
        project=args.project,
        project_is_said="project" in args.model_fields_set,
        settings=plain(values),
        logging_dir=args.logging_dir or output.child_url(f"runs/{_moment_and_machine()}"),
        trackio_space_id=args.trackio_space_id if uses_space(args) else None,
        trackio_bucket_id=args.trackio_bucket_id,
        trackio_static_space_id=args.trackio_static_space_id if isinstance(args.trackio_static_space_id, str) else None,
        private=args.hub_private_repo,
        model=describe(model),
    )


def uses_space(args: TrainingArguments) -> bool:
    """Whether Trackio publishes: the default Space is only used where trackio or the Space was asked for by name.

    report_to has the default "all", and a run that nobody asked to publish stays on this machine.
    """
    if args.trackio_space_id is None:
        return False
    return TrackerName.TRACKIO in args.report_to or "trackio_space_id" in args.model_fields_set


def describe(model: nn.Module) -> ModelFacts:
    sizes = [(value.numel(), value.requires_grad) for value in model.parameters()]
    return ModelFacts(
        class_name=type(model).__name__,
        parameters=sum(size for size, _ in sizes),
        trainable=sum(size for size, trained in sizes if trained),
        config=plain({**_configuration(model), **_adapters(model)}),
    )


def _configuration(model: nn.Module) -> dict[str, Any]:
    return _as_dict(getattr(model, "config", None))


def _adapters(model: nn.Module) -> dict[str, Any]:
    adapters = getattr(model, "peft_config", None)
    if not isinstance(adapters, dict):
        return {}
    return {"peft_config": {name: _as_dict(adapter) for name, adapter in adapters.items()}}


def _as_dict(config: Any) -> dict[str, Any]:
    """A configuration is somebody else's code: one that cannot be read describes nothing."""
    if isinstance(config, dict):
        return config
    with suppress(Exception):
        return dict(config.to_dict())
    return {}


def _moment_and_machine() -> str:
    return f"{datetime.now():%b%d_%H-%M-%S}_{socket.gethostname()}"
