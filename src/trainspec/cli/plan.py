"""`trainspec plan`: what a run with these settings will do, in numbers, from the functions the trainer goes by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.loading import load_settings, settings_vocabulary
from trainspec.cli.options import AT, FORMAT, IGNORE_UNKNOWN, Command, Given, Option, wants_help
from trainspec.cli.show import say_notes
from trainspec.cli.terminal import FINDINGS, answer_json, counted, exit_code, say
from trainspec.plan.batches import PlanError
from trainspec.plan.render import render_plan
from trainspec.plan.run import RunPlan, plan_run

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments

COMMAND = Command(
    "plan",
    "[FILE]",
    "What a run will do: batches, updates, warmup, learning rate, and when it logs, evaluates and saves.",
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
        "trainspec plan --rows 30000 --devices 3 --gradient_accumulation_steps 2",
    ),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help())
        return 0
    given = COMMAND.parse(argv, settings_vocabulary())
    if len(given.words) > 1:
        raise CannotRun(mistake("CLI102", f"plan takes one file, and {counted(len(given.words), 'word')} stand here"))
    as_json = given.get("format") == "json"
    loaded = load_settings(given, given.words[0] if given.words else None, None)
    loaded.unchecked_task = False
    plan = None
    if loaded.settings is not None:
        try:
            plan = _plan(loaded.settings, given)
        except PlanError as error:
            loaded.diagnostics.append(mistake("CLI107", str(error), _remedy(given)))
    if as_json:
        found = [item.to_dict() for item in loaded.diagnostics]
        answer_json({"ok": plan is not None, "plan": plan.to_dict() if plan else None, "diagnostics": found})
    else:
        say(loaded.diagnostics)
        say_notes(loaded)
        if plan is not None:
            print(render_plan(plan))
    return exit_code(loaded.diagnostics) or (0 if plan is not None else FINDINGS)


def _plan(settings: TrainingArguments, given: Given) -> RunPlan:
    return plan_run(
        settings,
        train_rows=given.number("rows", 0),
        eval_rows=given.number("eval_rows", 0),
        world_size=given.number("devices", 1) or 1,
    )


def _remedy(given: Given) -> str:
    return "" if given.has("rows") else "say how many rows there are: --rows 10000"
