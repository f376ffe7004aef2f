"""`trainspec plan`: what a run with these settings will do, in numbers, from the functions the trainer goes by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainspec.answers.faults import NoAnswer
from trainspec.answers.plan import Planned, picture, plan
from trainspec.cli.faults import mistake
from trainspec.cli.files import files_named
from trainspec.cli.loading import Loaded, load_settings, settings_vocabulary, task_vocabulary
from trainspec.cli.named import task_named
from trainspec.cli.options import AT, FORMAT, IGNORE_UNKNOWN, Command, Given, Option, wants_help
from trainspec.cli.scale import scale_of
from trainspec.cli.show import say_notes
from trainspec.cli.terminal import FINDINGS, LANG, answer_json, exit_code, say, told, words_for
from trainspec.plan.render import aligned, render_plan

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
        Option("expert-params", "of --params: those of experts, which ep_size shares out, such as 45e9", "N"),
        Option("params-from", "the model: a folder or file with weights (safetensors) or a config.json", "PATH"),
        Option("task", "the model of this task, by the settings of its own: --task lm --task.depth 8", "NAME"),
        Option("sequence-length", "tokens of a row, which decide about activations", "N"),
        Option("plot", "draw what ranks hold and send, as .svg or .html", "FILE"),
        AT,
        IGNORE_UNKNOWN,
        LANG,
        FORMAT,
    ),
    takes_settings=True,
    examples=(
        "trainspec plan run.yaml --rows 10000",
        "trainspec plan base.yaml site.yaml --rows 10000",
        "trainspec plan --rows 30000 --devices 3 --gradient_accumulation_steps 2",
        "trainspec plan run.yaml --target h100x8 --nodes 1250 --params 70e9 --plot plan.svg",
    ),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help(argv))
        return 0
    given = COMMAND.parse(argv, settings_vocabulary())
    task, shape = None, None
    if (name := given.get("task")) is not None:
        task, shape = task_named(name)
        given = COMMAND.parse(argv, settings_vocabulary(), task_vocabulary(shape))
    as_json = given.get("format") == "json"
    words = words_for(given)
    loaded = load_settings(given, files_named(given), shape)
    loaded.unchecked_task = False
    planned = _plan(loaded, given, task)
    planned = replace(planned, diagnostics=tuple(told(planned.diagnostics, words)))
    if as_json:
        answer_json(planned.to_dict())
    else:
        say(planned.diagnostics)
        say_notes(loaded, words)
        if planned.plan is not None:
            print(render_plan(planned.plan, words))
        if planned.scale is not None:
            from trainspec.plan.scale.render import facts

            print(aligned(facts(planned.scale), words))
    _draw(planned, given.get("plot"))
    return exit_code(planned.diagnostics) or (0 if planned.ok else FINDINGS)


def _plan(loaded: Loaded, given: Given, task: Any) -> Planned:
    scale = scale_of(given, task, loaded)
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


def _draw(planned: Planned, file: str | None) -> None:
    if file is None or planned.scale is None:
        return
    drawn = picture(planned.scale, file)
    try:
        Path(file).write_text(drawn, encoding="utf-8", newline="\n")
    except OSError as error:
        raise NoAnswer(mistake("CLI116", f"{file} cannot be written: {error.strerror}")) from None
