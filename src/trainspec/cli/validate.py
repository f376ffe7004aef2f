"""`trainspec validate`: judge files of settings, all of them, whatever the first ones look like."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from trainspec.answers.judgement import Judgement
from trainspec.cli import terminal
from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.files import STDIN_OPTIONS
from trainspec.cli.judging import Judging, what_to_judge
from trainspec.cli.options import AT, IGNORE_UNKNOWN, TASK_OPTION, Command, Option, wants_help
from trainspec.reports.report import Report, shown_file
from trainspec.text.languages import Words
from trainspec.text.redaction import printable

# The forms that other programs read, and what makes each; imported when chosen.
FORMS = {
    "github": "trainspec.reports.github",
    "sarif": "trainspec.reports.sarif",
    "junit": "trainspec.reports.junit",
}

COMMAND = Command(
    "validate",
    "FILE...",
    "Judge files of settings (YAML, JSON, TOML): paths, URLs, folders, quoted patterns such as 'configs/**/*.yaml', or "
    "- for stdin. Each is judged alone, unless --together is given. The verdict depends on the files alone, unless "
    "--env is given.",
    (
        Option("together", "judge all files as one, each laid over those before it: a base, then what a site changes"),
        Option(
            "only-settings",
            "pass over files that do not look like settings: that neither point at the schema nor hold mostly names of "
            "settings; for hooks that are handed every file",
        ),
        Option("env", "judge this process's TRAINSPEC_* variables too, over each file; no file is needed then"),
        AT,
        IGNORE_UNKNOWN,
        Option("target", "check against a machine: h100x8, a100, v100, t4, cpu ...", "MACHINE"),
        Option("world-size", "check against a job of this many processes", "N"),
        Option("nodes", "these processes run on so many machines; without it, as many as a target's devices need", "N"),
        TASK_OPTION,
        Option(
            "model",
            "judge by this settings class, or by an app of pydantic-settings with one inside, instead",
            "pkg.mod:Class",
        ),
        Option("strict", "warnings count too: exit code 1 where there is one"),
        *STDIN_OPTIONS,
        terminal.LANG,
        Option(
            "format",
            "text (the default), json, github (annotations), sarif or junit; all but text print nothing else",
            "FORMAT",
            ("text", "json", *FORMS),
        ),
    ),
    examples=(
        "trainspec validate run.yaml --target h100x8",
        "trainspec validate run.yaml --world-size 64 --nodes 8",
        "trainspec validate --together base.yaml site.yaml",
        "trainspec validate 'configs/**/*.yaml' --strict --format sarif",
        "helm template . | trainspec validate - --at data",
    ),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help(argv))
        return 0
    given = COMMAND.parse(argv)
    given.settle()
    if not given.words and not given.has("env"):
        raise CannotRun(mistake("CLI102", "validate needs a file", what_to_judge()))
    words = terminal.words_for(given)
    judging, form = Judging(given), given.get("format") or "text"
    reports = []
    together = given.has("together") and given.words
    for report in [judging.together(given.words)] if together else judging.reports(given.words):
        report.diagnostics = terminal.told(report.diagnostics, words)
        reports.append(report)
        _note(report, form, words)
        if form == "text":
            _print(
                report,
                words,
                headed=len(given.words) != 1 or report.number > 1 or report.file != shown_file(given.words[0]),
            )
    judgement = Judgement(reports, strict=given.has("strict"))
    code = terminal.exit_code(item for report in reports for item in report.diagnostics)
    code = terminal.FINDINGS if code == terminal.FINE and not judgement.ok else code
    if form == "text":
        others = terminal.counted(judging.passed_over, "other", words) if judging.passed_over else ""
        passed_over = words(", {others} passed over").format(others=others) if others else ""
        print(terminal.summary_line(judgement.summary(), words, of_files=bool(given.words)) + passed_over)
    elif form == "json":
        terminal.answer_json(judgement.to_dict())
    elif text := _rendered(form, judgement, code, words):
        print(text)
    return code


def _rendered(form: str, judgement: Judgement, code: int, words: Words) -> str:
    from functools import partial
    from importlib import import_module

    from trainspec.answers.rule import meanings
    from trainspec.export.places import help_at
    from trainspec.reports.report import Manner

    # Services show paths from the root of the repository, wherever in it the command runs.
    here = os.getcwd()
    roots = (os.environ.get(name, "") for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"))
    root = next((path for path in roots if path and f"{here}{os.sep}".startswith(f"{path}{os.sep}")), here)
    base = terminal.schema_base()
    manner = Manner(root, judgement.strict, code, partial(meanings, words), help_at(base) if base else "")
    text: str = import_module(FORMS[form]).render(judgement.reports, manner)
    return text


def _note(report: Report, form: str, words: Words) -> None:
    """What is no fault but should be known, to stderr; the JSON has it in its place."""
    if form == "json":
        return
    name = _name_of(report, words)
    if report.task == "unchecked":
        said = words("note: {file}: the task section was not checked; --task NAME does that")
        print(said.format(file=name), file=sys.stderr)
    if report.ignored:
        said = words("note: {file}: keys that are no settings: {keys}")
        print(said.format(file=name, keys=printable(", ".join(report.ignored))), file=sys.stderr)


def _name_of(report: Report, words: Words) -> str:
    number = words(" (document {number})").format(number=report.number) if report.number > 1 else ""
    return printable(", ".join(report.files)) + number


def _print(report: Report, words: Words, *, headed: bool) -> None:
    if not report.diagnostics:
        return
    if headed:
        print(terminal.style(_name_of(report, words), "bold"))
    color = terminal.uses_color(sys.stdout)
    print("\n\n".join(item.render(color=color) for item in report.diagnostics), end="\n\n")
