"""What a run with these settings will do, in numbers, or why they describe no run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trainspec.answers.faults import NoAnswer, mistake
from trainspec.plan.batches import PlanError
from trainspec.plan.run import RunPlan, plan_batches, plan_run

if TYPE_CHECKING:
    from trainspec.plan.course import Course
    from trainspec.plan.scale.model import ModelSize
    from trainspec.plan.scale.plan import ScalePlan, Way
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.settings.targets.machines import Target

_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan, where there is one, what many processes cost, where that was asked, and what there is to say.

    `course` and `compared` are for pictures, and only there where they are asked for.
    """

    plan: RunPlan | None
    diagnostics: tuple[Diagnostic, ...]
    scale: ScalePlan | None = None
    course: Course | None = None
    compared: tuple[Way, ...] | None = None

    @property
    def ok(self) -> bool:
        """Whether what was asked is answered: a plan without a length is one where numbers of processes were asked."""
        return self.plan is not None or (self.scale is not None and self.scale.model is not None)

    def _repr_html_(self) -> str:
        from trainspec.plan.html import plan_html

        told = "".join(item._repr_html_() for item in self.diagnostics)
        told += plan_html(self.plan) if self.plan is not None else ""
        if self.scale is None:
            return told
        from trainspec.plan.scale.picture import block

        return told + block(self.scale)

    def to_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "ok": self.ok,
            "plan": self.plan.to_dict() if self.plan is not None else None,
            "diagnostics": [item.to_dict() for item in self.diagnostics],
        }
        found |= {"scale": self.scale.to_dict()} if self.scale is not None else {}
        found |= {"course": self.course.to_dict()} if self.course is not None else {}
        return found | ({"compared": [way.to_dict() for way in self.compared]} if self.compared is not None else {})


@dataclass(frozen=True, slots=True)
class Scale:
    """What is known of a run of many processes: how many, on how many nodes of which kind, and the model's size."""

    world_size: int
    nodes: int | None = None
    target: Target | None = None
    model: ModelSize | None = None


def plan(
    settings: TrainingArguments,
    diagnostics: tuple[Diagnostic, ...] = (),
    *,
    rows: int | None = None,
    eval_rows: int | None = None,
    world_size: int = 1,
    scale: Scale | None = None,
    remedy: str = "say how many rows there are",
) -> Planned:
    """The plan of a run over `rows` rows, None for data without a length.

    `diagnostics` are those of the settings. `scale` asks for what many processes cost too, and for what does not fit
    them; its number of processes holds then. `remedy` is what the diagnostic says to do where no rows were given.
    """
    if scale is not None:
        return _with_scale(settings, diagnostics, rows, eval_rows, scale, remedy)
    try:
        made = plan_run(settings, train_rows=rows, eval_rows=eval_rows, world_size=world_size)
    except PlanError as error:
        why = mistake("CLI107", str(error), remedy if rows is None else "")
        return Planned(None, (*diagnostics, why))
    return Planned(made, diagnostics)


def _with_scale(
    settings: TrainingArguments,
    diagnostics: tuple[Diagnostic, ...],
    rows: int | None,
    eval_rows: int | None,
    scale: Scale,
    remedy: str,
) -> Planned:
    from trainspec.plan.scale.plan import plan_scale
    from trainspec.settings.targets.machines import check_target

    found = (*diagnostics, *check_target(settings, scale.target, scale.world_size, scale.nodes))
    try:
        batches = plan_batches(settings, rows, scale.world_size)
        device = scale.target.memory_gb if scale.target is not None else None
        costs = plan_scale(
            settings,
            batches,
            world_size=scale.world_size,
            nodes=scale.nodes,
            model=scale.model,
            train_rows=rows,
            device_memory=round(device * _GIB) if device else None,
        )
    except PlanError as error:
        return Planned(None, (*found, mistake("CLI107", str(error))))
    run = plan(settings, found, rows=rows, eval_rows=eval_rows, world_size=scale.world_size, remedy=remedy)
    if run.plan is None and rows is None and costs.model is not None:
        # What a rank holds and sends needs no length of the run.
        *rest, why = run.diagnostics
        return Planned(None, (*rest, replace(why, severity="note")), costs)
    return replace(run, scale=costs)


def with_course(planned: Planned, settings: TrainingArguments, best: int | None = None) -> Planned:
    """The same with the run's course, for a picture; `best` supposes which save turns out the best."""
    from trainspec.plan.course import course_of

    if planned.plan is None:
        return planned
    try:
        return replace(planned, course=course_of(settings, planned.plan, best))
    except PlanError as error:
        why = mistake("CLI107", str(error), "name one of its saves" if best is not None else "")
        return replace(planned, diagnostics=(*planned.diagnostics, why))


def with_compared(planned: Planned, settings: TrainingArguments) -> Planned:
    """The same with DDP and ZeRO's stages side by side."""
    from trainspec.plan.scale.plan import compared

    return replace(planned, compared=compared(settings, planned.scale) if planned.scale is not None else ())


def size_at(place: str) -> ModelSize:
    """The size of the model in a folder or file of this machine. Raises NoAnswer."""
    from trainspec.plan.scale.reading import model_at

    try:
        return model_at(place)
    except PlanError as error:
        raise NoAnswer(mistake("CLI115", str(error), "give a number: --params 7e9")) from None


def size_of_task(task: Any, settings: Any, name: str) -> ModelSize:
    """The size of a task's model, as its parameter_shapes tell it for these settings of its own. Raises NoAnswer."""
    from trainspec.plan.scale.model import of_shapes
    from trainspec.tasks import TaskError

    shapes = getattr(task, "parameter_shapes", None)
    if shapes is None:
        why = f"the task {name} does not tell the shapes of its parameters"
        raise NoAnswer(mistake("CLI115", why, "give a number, --params 7e9, or the task a function parameter_shapes"))
    try:
        return of_shapes(dict(shapes(settings)), f"of the task {name}")
    except TaskError as error:
        raise NoAnswer(mistake("CLI115", str(error))) from None


def picture(scale: ScalePlan, name: str) -> str:
    """The picture of it for a file of that name: SVG, or a page of HTML. Raises NoAnswer for another ending."""
    from trainspec.plan.scale.picture import page, svg

    ending = name.rpartition(".")[2].lower()
    if ending not in ("svg", "html"):
        raise NoAnswer(
            mistake("CLI116", f"no picture can be drawn as {ending or name}", "name it plan.svg or plan.html")
        )
    return svg(scale) if ending == "svg" else page(scale)
