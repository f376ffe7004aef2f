"""What a run with these settings will do, in numbers, or why they describe no run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainspec.answers.faults import mistake
from trainspec.plan.batches import PlanError
from trainspec.plan.run import RunPlan, plan_run

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan, where there is one, and what there is to say about the settings and the run."""

    plan: RunPlan | None
    diagnostics: tuple[Diagnostic, ...]

    def _repr_html_(self) -> str:
        from trainspec.plan.html import plan_html

        told = "".join(item._repr_html_() for item in self.diagnostics)
        return told + (plan_html(self.plan) if self.plan is not None else "")

    def to_dict(self) -> dict[str, Any]:
        return {
            "ok": self.plan is not None,
            "plan": self.plan.to_dict() if self.plan is not None else None,
            "diagnostics": [item.to_dict() for item in self.diagnostics],
        }


def plan(
    settings: TrainingArguments,
    diagnostics: tuple[Diagnostic, ...] = (),
    *,
    rows: int | None = None,
    eval_rows: int | None = None,
    world_size: int = 1,
    remedy: str = "say how many rows there are",
) -> Planned:
    """The plan of a run over `rows` rows, None for data without a length.

    `diagnostics` are those of the settings. `remedy` is what the diagnostic says to do where no rows were given.
    """
    try:
        made = plan_run(settings, train_rows=rows, eval_rows=eval_rows, world_size=world_size)
    except PlanError as error:
        why = mistake("CLI107", str(error), remedy if rows is None else "")
        return Planned(None, (*diagnostics, why))
    return Planned(made, diagnostics)
