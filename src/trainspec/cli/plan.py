"""`trainspec plan`: what a run with these settings will do, in numbers, from the functions the trainer goes by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainspec.answers.faults import NoAnswer
from trainspec.answers.plan import Planned, Scale, picture, plan, size_at
from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.files import files_named
from trainspec.cli.loading import Loaded, load_settings, settings_vocabulary
from trainspec.cli.options import AT, FORMAT, IGNORE_UNKNOWN, Command, Given, Option, wants_help
from trainspec.cli.show import say_notes
from trainspec.cli.terminal import FINDINGS, answer_json, exit_code, say
from trainspec.plan.render import aligned, render_plan

if TYPE_CHECKING:
    from trainspec.plan.scale.model import ModelSize
    from trainspec.settings.targets.machines import Target

COMMAND = Command(
    "plan",
    "[FILE...]",
    "What a run will do: batches, updates, warmup, learning rate, and when it logs, evaluates and saves. Of many "
    "processes: what each holds and sends, and what is written. Of several files, each is laid over those before it.",
    (
        Option("rows", "rows of the training data; without it, only max_steps gives a run a length", "N"),
        Option("eval-rows", "rows of the evaluation data", "N"),
        Option("devices", "devices that share the work (also --world-size)", "N", also="world_size"),
        Option("nodes", "these are on so many machines", "N"),
        Option("target", "plan for a machine, its devices and their memory: h100x8, a100 ...", "MACHINE"),
        Option("params", "parameters of the model, such as 7e9 or 350M", "N"),
        Option("params-from", "the model: a folder or file with weights (safetensors) or a config.json", "PATH"),
        Option("sequence-length", "tokens of a row, which decide about activations", "N"),
        Option("plot", "draw what ranks hold and send, as .svg or .html", "FILE"),
        AT,
        IGNORE_UNKNOWN,
        FORMAT,
    ),
    takes_settings=True,
    examples=(
        "trainspec plan run.yaml --rows 10000",
        "trainspec plan base.yaml site.yaml --rows 10000",
        "trainspec plan --rows 30000 --devices 3 --gradient_accumulation_steps 2",
        "trainspec plan run.yaml --target h100x8 --nodes 1250 --params 70e9 --fsdp full_shard --plot plan.svg",
    ),
)
_OF_SCALE = ("nodes", "target", "params", "params_from", "sequence_length", "plot")


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help())
        return 0
    given = COMMAND.parse(argv, settings_vocabulary())
    as_json = given.get("format") == "json"
    loaded = load_settings(given, files_named(given), None)
    loaded.unchecked_task = False
    planned = _plan(loaded, given)
    if as_json:
        answer_json(planned.to_dict())
    else:
        say(planned.diagnostics)
        say_notes(loaded)
        if planned.plan is not None:
            print(render_plan(planned.plan))
        if planned.scale is not None:
            from trainspec.plan.scale.render import facts

            print(aligned(facts(planned.scale)))
    _draw(planned, given.get("plot"))
    return exit_code(planned.diagnostics) or (0 if planned.ok else FINDINGS)


def _plan(loaded: Loaded, given: Given) -> Planned:
    scale = _scale(given)
    if loaded.settings is None:
        return Planned(None, tuple(loaded.diagnostics))
    return plan(
        loaded.settings,
        tuple(loaded.diagnostics),
        rows=given.number("rows", 0),
        eval_rows=given.number("eval_rows", 0),
        scale=scale,
        remedy="say how many rows there are: --rows 10000",
    )


def _scale(given: Given) -> Scale | None:
    """What the options say of many processes; None where they say nothing of them."""
    world, nodes = given.number("devices", 1), given.number("nodes", 1)
    if world in (None, 1) and not any(given.has(name) for name in _OF_SCALE):
        return None
    from trainspec.settings.targets.checks import Place

    target = _target(given.get("target"))
    if nodes is not None and world is None and (target is None or not target.count):
        raise CannotRun(mistake("CLI102", "--nodes alone tells no number of processes", "--world-size 16 --nodes 2"))
    place = Place.of(target, world, nodes)
    size = _size(given)
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


def _size(given: Given) -> ModelSize | None:
    place, said = given.get("params_from"), given.get("params")
    if place is not None and said is not None:
        raise CannotRun(mistake("CLI103", "--params and --params-from both tell the size of the model", "keep one"))
    if place is not None:
        return size_at(place)
    if said is None:
        return None
    from trainspec.plan.scale.model import number_in_words, of_number

    number = number_in_words(said)
    if number is None:
        raise CannotRun(mistake("CLI103", "--params takes a number of parameters, such as 7e9, 7B or 350M"))
    return of_number(number)


def _draw(planned: Planned, file: str | None) -> None:
    if file is None or planned.scale is None:
        return
    drawn = picture(planned.scale, file)
    try:
        Path(file).write_text(drawn, encoding="utf-8", newline="\n")
    except OSError as error:
        raise NoAnswer(mistake("CLI116", f"{file} cannot be written: {error.strerror}")) from None
