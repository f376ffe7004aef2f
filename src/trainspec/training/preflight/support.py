"""What this release does not drive yet. A setting of that kind is refused, never passed over in silence.

Whatever is driven is read somewhere in this package; a test compares the two with the list of all settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainspec.training.findings.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Machine


@dataclass(frozen=True)
class Gap:
    """One setting with the values that are driven; `details` are settings that only matter together with it."""

    field: str
    driven: tuple[Any, ...]
    what: str
    details: tuple[str, ...] = ()

    def is_asked_for(self, args: TrainingArguments) -> bool:
        value = getattr(args, self.field)
        if isinstance(value, (list, tuple, set)):
            return any(entry not in self.driven for entry in value)
        return value not in self.driven


NOT_DRIVEN: tuple[Gap, ...] = (Gap("parallelism_config", (None,), "device meshes"),)

# These say how several processes work together, and are not driven yet.
WITHOUT_EFFECT_YET: dict[str, Any] = {}

# A run of one process has no use for them. Its author need not know: the same file serves runs of many.
OF_SEVERAL_PROCESSES = (
    "ddp_backend",
    "ddp_find_unused_parameters",
    "ddp_bucket_cap_mb",
    "ddp_broadcast_buffers",
    "ddp_static_graph",
    "ddp_timeout",
    "log_level_replica",
    "log_on_each_node",
    "average_tokens_across_devices",
    "accelerator_config",
    "eval_use_gather_object",
    "uneven_inputs",
)

# By contract: accepted for the sake of old configurations; the settings themselves warn of it.
RETIRED = ("use_mps_device",)


def find_gaps(args: TrainingArguments, machine: Machine) -> Iterator[Diagnostic]:
    """A finding for every setting that asks for what is not there."""
    for gap in NOT_DRIVEN:
        if gap.is_asked_for(args):
            yield _refusal(gap, args)
    alone = machine.world_size == 1
    idle = [name for name, usual in WITHOUT_EFFECT_YET.items() if getattr(args, name) != usual]
    if idle:
        yield found(
            args,
            "RUN102",
            f"{', '.join(idle)}: no effect, " + ("this run is a single process" if alone else "in this release"),
            *idle,
            remedy="nothing has to be done; leave them out to make this notice go away",
            severity="warning",
        )


def _refusal(gap: Gap, args: TrainingArguments) -> Diagnostic:
    said = [gap.field, *(name for name in gap.details if name in args.model_fields_set)]
    return found(
        args,
        "RUN101",
        f"{gap.field}: {gap.what} cannot be had in this release",
        *said,
        remedy=f"leave {gap.field} out" + _choices(gap),
    )


def _choices(gap: Gap) -> str:
    names = [value for value in gap.driven if isinstance(value, str) and value]
    return f", or use one of {', '.join(names)}" if names else ""
