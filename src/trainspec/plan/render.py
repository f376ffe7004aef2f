"""A plan as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.text.wide import padded, width_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainspec.plan.run import RunPlan
    from trainspec.text.languages import Words

_LONGEST = 8
_WIDTH = 20


def render_plan(plan: RunPlan, words: Words = str) -> str:
    """The plan in some fifteen aligned lines, without a newline at the end."""
    return aligned(facts(plan), words)


def aligned(lines: Sequence[tuple[str, str]], words: Words = str) -> str:
    """Labels and what there is to say, under each other, in these words."""
    told = [(_indented(label, words), words(text)) for label, text in lines]
    width = max([_WIDTH, *(width_of(label) + 2 for label, _ in told)])
    return "\n".join(f"{padded(label, width)}{text}".rstrip() for label, text in told)


def _indented(label: str, words: Words) -> str:
    said = label.lstrip()
    return label[: len(label) - len(said)] + words(said)


def facts(plan: RunPlan) -> list[tuple[str, str]]:
    """The plan as labels, each with what there is to say."""
    return [*_data(plan), *_length(plan), *_rates(plan), *_events(plan)]


def shortened(steps: Sequence[int]) -> str:
    """ "500, 1000, 1500, … 9500 (19)": steps with the middle left out and their number; "never" for none."""
    if len(steps) <= _LONGEST:
        return ", ".join(map(str, steps)) or "never"
    return f"{', '.join(map(str, steps[:3]))}, … {steps[-1]} ({len(steps):,})"


def _data(plan: RunPlan) -> list[tuple[str, str]]:
    devices = f"{plan.world_size} device{'s' * (plan.world_size != 1)}"
    known = plan.train_rows is not None
    rows = [
        ("train rows", f"{plan.train_rows:,}" if known else "not known, so epochs cannot be counted"),
        ("effective batch", f"{plan.batches.update_rows:,} rows an update on {devices}"),
    ]
    if plan.micro_batches_per_epoch is not None:
        rows.append(("micro-batches", f"{plan.micro_batches_per_epoch:,} an epoch on each device"))
    if plan.batches.dropped_rows:
        rows.append(("dropped rows", f"{plan.batches.dropped_rows:,} an epoch (dataloader_drop_last)"))
    if plan.eval_batches is not None:
        rows.append(("evaluation batches", f"{plan.eval_batches:,} on each device"))
    return rows


def _length(plan: RunPlan) -> list[tuple[str, str]]:
    total = f"{plan.total_updates:,} in all"
    if plan.updates_per_epoch is not None:
        begun = f"{plan.epochs:,} epoch{'s' * (plan.epochs != 1)}"
        total = f"{plan.updates_per_epoch:,} an epoch, {total} ({begun} begun)"
    return [("updates", total), ("warmup updates", f"{plan.warmup_updates:,}")]


def _rates(plan: RunPlan) -> list[tuple[str, str]]:
    first, last = plan.learning_rate(1), plan.learning_rate(max(1, plan.total_updates))
    if first is None or last is None:
        return [("learning rate", f"{plan.peak_learning_rate:g}, then as evaluations decide ({plan.schedule})")]
    peak = plan.peak_learning_rate
    return [("learning rate", f"{first:.4g} first, {peak:.4g} peak, {last:.4g} last ({plan.schedule})")]


def _events(plan: RunPlan) -> list[tuple[str, str]]:
    saves = "whenever the metric improves" if plan.saves_when_best else _steps(plan, "save_steps", plan.save_steps)
    rows = [
        ("logs after", f"{_steps(plan, 'log_steps', plan.log_steps)}; a summary at the end"),
        ("evaluates after", _steps(plan, "eval_steps", plan.eval_steps)),
        ("saves after", saves),
    ]
    if "save_steps" not in plan.truncated and not plan.saves_when_best:
        best = " and the best" if plan.keeps_best and plan.save_steps else ""
        kept = shortened(plan.kept_checkpoints) if plan.kept_checkpoints else "none"
        rows.append(("left at the end", f"{kept}{best}"))
    return rows


def _steps(plan: RunPlan, name: str, steps: Sequence[int]) -> str:
    # An endless list is cut at its head, so its last entry must not pass for the run's.
    return f"{', '.join(map(str, steps[:3]))}, … (over {len(steps):,})" if name in plan.truncated else shortened(steps)
