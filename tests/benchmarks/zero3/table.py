"""What was measured in every process, beside what `trainspec plan` computes, as tables in Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trainspec import TrainingArguments
from trainspec.plan.scale.memory import persistence
from trainspec.plan.scale.optimizer_state import state_bytes
from trainspec.plan.scale.phases import Phase, phases, sizes_of
from trainspec.plan.scale.pieces import layers_of
from trainspec.plan.scale.widths import widths_of
from trainspec.settings.views.layout import layout_of

COLUMNS = ("phase", "collective", "sent", "planned", "held", "planned", "gathered at once", "planned")


@dataclass(frozen=True)
class Line:
    """Of one phase and one collective in it: bytes of every rank, measured and planned; None: not in the plan."""

    phase: str
    collective: str
    sent: tuple[int, ...]
    planned_sent: tuple[int, ...] | None
    held: tuple[int, ...] | None = None
    planned_held: tuple[int, ...] | None = None
    at_once: tuple[int, ...] | None = None
    planned_at_once: tuple[int, ...] | None = None

    def markdown(self) -> str:
        sizes = (self.sent, self.planned_sent, self.held, self.planned_held, self.at_once, self.planned_at_once)
        return f"| {' | '.join((self.phase, self.collective, *map(_in_words, sizes)))} |"


def _in_words(sizes: tuple[int, ...] | None) -> str:
    """One number where all ranks have the same."""
    if sizes is None or not any(sizes):
        return ""
    return f"{sizes[0]:,}" if len(set(sizes)) == 1 else " / ".join(f"{size:,}" for size in sizes)


def read(folder: Path, ranks: int) -> list[dict[str, Any]]:
    """What every process has written."""
    return [json.loads((folder / f"measured-{rank}.json").read_text()) for rank in range(ranks)]


def planned(args: TrainingArguments, ranks: int, shapes: dict[str, tuple[int, ...]]) -> list[list[Phase]]:
    """Of every rank."""
    layout = layout_of(args, ranks)
    widths = widths_of(args, layout)

    def of(rank: int) -> list[Phase]:
        sizes = sizes_of(
            shapes,
            layers_of(shapes),
            layout,
            rank=rank,
            state=lambda shape: state_bytes(args, shape),
            master=widths.master,
            persists=persistence(args),
        )
        return phases(sizes, layout, widths, accumulation=args.gradient_accumulation_steps)

    return [of(rank) for rank in range(ranks)]


def lines(measured: Sequence[dict[str, Any]], plan: Sequence[Sequence[Phase]]) -> list[Line]:
    """Every phase in its order, with a line for each collective in it."""
    return [line for number in range(len(measured[0]["phases"])) for line in _of_phase(measured, plan, number)]


def _of_phase(measured: Sequence[dict[str, Any]], plan: Sequence[Sequence[Phase]], number: int) -> list[Line]:
    every = [one["phases"][number] for one in measured]
    name, micro = every[0]["name"], every[0]["micro_batch"]
    of_rank = [[one for one in phases if _is_in(one, name, micro)] for phases in plan]
    promised = {one.collective: None for one in of_rank[0] if one.collective}
    found = []
    for kind in {**promised, **every[0]["sent"]} or {"": 0}:
        sent = tuple(one["sent"].get(kind, 0) for one in every)
        said = [sum(one.sent for one in parts if one.collective == kind) for parts in of_rank]
        known = kind in promised
        label = "norm" if kind == "all-reduce" and not known and name == "backward" else _label(name, micro)
        found.append(Line(label, kind, sent, tuple(said) if known else None))
    if not all(of_rank):
        return found
    # What is held is held when the phase is over: it stands beside the last collective.
    ends = [parts[-1].resident for parts in of_rank]
    found[-1] = replace(
        found[-1],
        held=tuple(map(_held, every)),
        planned_held=tuple(one.total - one.gathered for one in ends),
        at_once=tuple(one["gathered_at_once"] for one in every),
        planned_at_once=tuple(max(one.resident.gathered for one in parts) for parts in of_rank),
    )
    return found


def _is_in(planned: Phase, name: str, micro: int) -> bool:
    """Whether that phase of the plan is a part of the measured one."""
    names = ("backward", "reduce", "accumulate") if name == "backward" else (name,)
    return planned.name in names and planned.micro_batch == micro


def _held(phase: dict[str, Any]) -> int:
    """Without what is gathered, and without what collectives are packed into."""
    return sum(size for part, size in phase["held"].items() if part not in ("gathered", "buckets"))


def _label(name: str, micro: int) -> str:
    return f"{name} {micro}" if name in ("forward", "backward") else name


def markdown(self) -> str:
    sizes = (self.sent, self.planned_sent, self.held, self.planned_held, self.at_once, self.planned_at_once)
    return f"| {' | '.join((self.phase, self.collective, *map(_in_words, sizes)))} |"


def _in_words(sizes: tuple[int, ...] | None) -> str:
    """One number where all ranks have the same."""
    if sizes is None or not any(sizes):
        return ""
    return f"{sizes[0]:,}" if len(set(sizes)) == 1 else " / ".join(f"{size:,}" for size in sizes)


def read(folder: Path, ranks: int) -> list[dict[str, Any]]:
    """What every process has written."""
    return [json.loads((folder / f"measured-{rank}.json").read_text()) for rank in range(ranks)]


def planned(args: TrainingArguments, ranks: int, shapes: dict[str, tuple[int, ...]]) -> list[list[Phase]]:
    """Of every rank."""
    layout = layout_of(args, ranks)
    widths = widths_of(args, layout)

    def of(rank: int) -> list[Phase]:
        sizes = sizes_of(
            shapes,
            layers_of(shapes),
            layout,
            rank=rank,
            state=lambda shape: state_bytes(args, shape),
            master=widths.master,
            persists=persistence(args),
        )
        return phases(sizes, layout, widths, accumulation=args.gradient_accumulation_steps)

    return [of(rank) for rank in range(ranks)]


def lines(measured: Sequence[dict[str, Any]], plan: Sequence[Sequence[Phase]]) -> list[Line]:
    """Every phase in its order, with a line for each collective in it."""
    return [line for number in range(len(measured[0]["phases"])) for line in _of_phase(measured, plan, number)]


def _of_phase(measured: Sequence[dict[str, Any]], plan: Sequence[Sequence[Phase]], number: int) -> list[Line]:
    every = [one["phases"][number] for one in measured]
    name, micro = every[0]["name"], every[0]["micro_batch"]
    of_rank = [[one for one in phases if _is_in(one, name, micro)] for phases in plan]
    promised = {one.collective: None for one in of_rank[0] if one.collective}
    found = []
    for kind in {**promised, **every[0]["sent"]} or {"": 0}:
        sent = tuple(one["sent"].get(kind, 0) for one in every)
        said = [sum(one.sent for one in parts if one.collective == kind) for parts in of_rank]
        known = kind in promised
        label = "norm" if kind == "all-reduce" and not known and name == "backward" else _label(name, micro)
        found.append(Line(label, kind, sent, tuple(said) if known else None))
    if not all(of_rank):
        return found
    # What is held is held when the phase is over: it stands beside the last collective.
    ends = [parts[-1].resident for parts in of_rank]
    found[-1] = replace(
        found[-1],
        held=tuple(map(_held, every)),
        planned_held=tuple(one.total - one.gathered for one in ends),
        at_once=tuple(one["gathered_at_once"] for one in every),
        planned_at_once=tuple(max(one.resident.gathered for one in parts) for parts in of_rank),
    )
    return found


def _is_in(planned: Phase, name: str, micro: int) -> bool:
    """Whether that phase of the plan is a part of the measured one."""
    names = ("backward", "reduce", "accumulate") if name == "backward" else (name,)
    return planned.name in names and planned.micro_batch == micro


def _held(phase: dict[str, Any]) -> int:
    """Without what is gathered, and without what collectives are packed into."""
    return sum(size for part, size in phase["held"].items() if part not in ("gathered", "buckets"))


def _label(name: str, micro: int) -> str:
    return f"{name} {micro}" if name in ("forward", "backward") else name


def _planned_end(plan: Sequence[Phase], name: str, micro: int) -> Phase | None:
    """A backward pass ends with gradients that are summed, or wait for the last of them."""
    names = ("reduce", "accumulate") if name == "backward" else (_AS_PLANNED.get(name, name),)
    return next((one for one in plan if one.name in names and one.micro_batch == micro), None)


def _planned_sent(plan: Sequence[Phase], name: str, micro: int, kind: str) -> int | None:
    names = ("backward", "reduce") if name == "backward" else (name,)
    sizes = [one.sent for one in plan if one.name in names and one.micro_batch == micro and one.collective == kind]
    return sum(sizes) if sizes else None


def markdown(found: Sequence[Line]) -> str:
    head = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"
    return "\n".join([head, *(line.markdown() for line in found)])
