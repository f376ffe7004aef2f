"""What the options of `trainspec plan` say of many processes: how many, where, and the model that they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.answers.plan import Scale, size_at, size_of_task
from trainspec.cli.faults import CannotRun, mistake

if TYPE_CHECKING:
    from trainspec.cli.loading import Loaded
    from trainspec.cli.options import Given
    from trainspec.plan.scale.model import ModelSize
    from trainspec.settings.targets.machines import Target

_OPTIONS = ("nodes", "target", "params", "expert_params", "params_from", "task", "sequence_length", "plot")


def scale_of(given: Given, task: Any, loaded: Loaded) -> Scale | None:
    """What the options say of many processes; None where they say nothing of them."""
    world, nodes = given.number("devices", 1), given.number("nodes", 1)
    if world in (None, 1) and not any(given.has(name) for name in _OPTIONS):
        return None
    from trainspec.settings.targets.checks import Place

    target = _target(given.get("target"))
    if nodes is not None and world is None and (target is None or not target.count):
        raise CannotRun(mistake("CLI102", "--nodes alone tells no number of processes", "--world-size 16 --nodes 2"))
    place = Place.of(target, world, nodes)
    size = _size(given, task, loaded)
    length = given.number("sequence_length", 1)
    return Scale(place.world or 1, place.nodes, target, size.with_sequence(length) if size is not None else None)


def _target(name: str | None) -> Target | None:
    if name is None:
        return None
    from trainspec.settings.targets.machines import parse_target
    from trainspec.text.redaction import redact_reason

    try:
        return parse_target(name)
    except ValueError as error:
        raise CannotRun(mistake("CLI103", redact_reason(str(error), name))) from None


def _size(given: Given, task: Any, loaded: Loaded) -> ModelSize | None:
    place, said = given.get("params_from"), given.get("params")
    told = [f"--{name.replace('_', '-')}" for name in ("params", "params_from", "task") if given.has(name)]
    if len(told) > 1:
        raise CannotRun(mistake("CLI103", f"{' and '.join(told)} tell the size of the model", "keep one of them"))
    if task is not None:
        return size_of_task(task, loaded.task, given.values["task"]) if loaded.task is not None else None
    if place is not None:
        return size_at(place)
    if said is None:
        if given.has("expert_params"):
            said = "--expert-params tells how many of --params are of experts, and there are no --params"
            raise CannotRun(mistake("CLI102", said, "--params 47e9"))
        return None
    from trainspec.plan.scale.model import number_in_words, of_number

    def number_of(option: str, word: str) -> int:
        number = number_in_words(word)
        if number is None:
            raise CannotRun(mistake("CLI103", f"{option} takes a number of parameters, such as 7e9, 7B or 350M"))
        return number

    number, of_experts = number_of("--params", said), given.get("expert_params")
    experts = 0 if of_experts is None else number_of("--expert-params", of_experts)
    if experts > number:
        raise CannotRun(mistake("CLI103", "--expert-params are some of --params, and there are more of them"))
    return of_number(number, experts)
