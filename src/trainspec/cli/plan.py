"""`trainspec plan`: what a run with these settings will do, in numbers, from the functions the trainer goes by."""

from __future__ import annotations

from collections.abc import Sequence

from trainspec.answers.plan import Planned, plan
from trainspec.cli.files import files_named
from trainspec.cli.loading import Loaded, load_settings, settings_vocabulary
from trainspec.cli.options import AT, FORMAT, IGNORE_UNKNOWN, Command, Given, Option, wants_help
from trainspec.cli.show import say_notes
from trainspec.cli.terminal import FINDINGS, answer_json, exit_code, say
from trainspec.plan.render import render_plan

COMMAND = Command(
    "plan",
    "[FILE...]",
    "What a run will do: batches, updates, warmup, learning rate, and when it logs, evaluates and saves. Of several "
    "files, each is laid over those before it.",
    (
        Option("rows", "rows of the training data; without it, only max_steps gives a run a length", "N"),
        Option("eval-rows", "rows of the evaluation data", "N"),
        Option("devices", "devices that share the work (also --world-size)", "N", also="world_size"),
        AT,
        IGNORE_UNKNOWN,
        FORMAT,
    ),
    takes_settings=True,
    examples=(
        "trainspec plan run.yaml --rows 10000",
        "trainspec plan base.yaml site.yaml --rows 10000",
        "trainspec plan --rows 30000 --devices 3 --gradient_accumulation_steps 2",
    ),
)


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
    return exit_code(planned.diagnostics) or (0 if planned.plan is not None else FINDINGS)


def _plan(loaded: Loaded, given: Given) -> Planned:
    if loaded.settings is None:
        return Planned(None, tuple(loaded.diagnostics))
    return plan(
        loaded.settings,
        tuple(loaded.diagnostics),
        rows=given.number("rows", 0),
        eval_rows=given.number("eval_rows", 0),
        world_size=given.number("devices", 1) or 1,
        remedy="say how many rows there are: --rows 10000",
    )
