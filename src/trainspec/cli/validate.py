"""`trainspec validate`: judge files of settings, all of them, whatever the first ones look like."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.judging import Judging, Report
from trainspec.cli.options import AT, FORMAT, IGNORE_UNKNOWN, TASK_OPTION, Command, Option, wants_help
from trainspec.cli.terminal import answer_json, counted, exit_code, style, uses_color
from trainspec.settings.redaction import printable

COMMAND = Command(
    "validate",
    "FILE...",
    "Judge files of settings (YAML, JSON, TOML; paths or URLs; folders are searched). The verdict depends on the files "
    "alone, unless --env is given.",
    (
        Option("env", "judge this process's TRAINSPEC_* variables too, over each file; no file is needed then"),
        AT,
        IGNORE_UNKNOWN,
        Option("target", "check against a machine: h100x8, a100, v100, t4, cpu ...", "MACHINE"),
        Option("world-size", "check against a job of this many processes", "N"),
        TASK_OPTION,
        Option("model", "judge by this settings class instead of TrainingArguments", "pkg.mod:Class"),
        FORMAT,
    ),
    examples=("trainspec validate run.yaml --target h100x8", "trainspec validate configs/ --format json"),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help())
        return 0
    given = COMMAND.parse(argv)
    if given.unknown:
        raise CannotRun(*given.unknown)
    if not given.words and not given.has("env"):
        raise CannotRun(mistake("CLI102", "validate needs a file", "trainspec validate run.yaml"))
    judging = Judging(given)
    reports = []
    for report in judging.reports(given.words):
        reports.append(report)
        if given.get("format") != "json":
            _print(report, headed=len(given.words) != 1 or report.number > 1 or os.path.isdir(given.words[0]))
    found = [item for report in reports for item in report.diagnostics]
    summary = _summary(reports)
    if given.get("format") == "json":
        answer_json({"ok": not summary["errors"], "files": [one.to_dict() for one in reports], "summary": summary})
    else:
        print(_summary_line(summary))
    return exit_code(found)


def _print(report: Report, *, headed: bool) -> None:
    name = printable(report.file) + (f" (document {report.number})" if report.number > 1 else "")
    if report.task == "unchecked":
        print(f"note: {name}: the task section was not checked; --task NAME does that", file=sys.stderr)
    if report.ignored:
        print(f"note: {name}: keys that are no settings: {printable(', '.join(report.ignored))}", file=sys.stderr)
    if not report.diagnostics:
        return
    if headed:
        print(style(name, "bold"))
    color = uses_color(sys.stdout)
    print("\n\n".join(item.render(color=color) for item in report.diagnostics), end="\n\n")


def _summary(reports: Sequence[Report]) -> dict[str, int]:
    severities = [item.severity for report in reports for item in report.diagnostics]
    return {
        "files": len({report.file for report in reports}),
        "documents": len(reports),
        "errors": severities.count("error"),
        "warnings": severities.count("warning"),
    }


def _summary_line(summary: dict[str, int]) -> str:
    parts = [counted(summary["files"], "file")]
    if summary["documents"] != summary["files"]:
        parts.append(counted(summary["documents"], "document"))
    if not summary["errors"] and not summary["warnings"]:
        return f"{', '.join(parts)}: nothing wrong"
    parts += [counted(summary["errors"], "error"), counted(summary["warnings"], "warning")]
    return ", ".join(parts)
