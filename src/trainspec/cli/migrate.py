"""`trainspec migrate`: old names and values become today's, in the file or in another form."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from trainspec.answers.migrate import Migration, convert, migrate
from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.files import STDIN, files_in
from trainspec.cli.options import AT, FORMAT, Command, Given, Option, wants_help
from trainspec.cli.terminal import FINDINGS, FINE, LANG, answer_json, exit_code, say, words_for
from trainspec.migration.local_files import decoded, read_bytes, write_whole
from trainspec.migration.reading import SCRIPTS, Found, foreign_kind, format_of_source, read_sources
from trainspec.reports.report import shown_file
from trainspec.settings.diagnostics import SourceError
from trainspec.text.languages import Words
from trainspec.text.redaction import printable

_FROM = ("file", "cli", "python", "pickle", "bat", "powershell", "notebook")
COMMAND = Command(
    "migrate",
    "FILE...",
    "Rewrite old names and values, of transformers 4.x and 5.x too, in YAML, TOML and JSON files, which keep their "
    "comments, order and quotes. With --to, or from what is no file of settings, write the settings found there to "
    "stdout: launch scripts (.sh, .slurm, .bat, .ps1, notebooks), a command line, a Python file, training_args.bin, "
    "configurations of accelerate, DeepSpeed, LLaMA-Factory, trl and axolotl. Nothing that is read is ever run: what "
    "only a run would tell is named and left out, with exit code 1.",
    (
        Option("check", "write nothing; exit code 1 where something would change"),
        Option("diff", "write nothing; show what would change"),
        Option("to", "write all settings to stdout in this form", "FORM", ("yaml", "toml", "json", "env", "cli")),
        Option("from", "what to read, where the name does not tell (cli: a shell's line or script)", "FORM", _FROM),
        Option("command", "which command of a script, by its number among those listed; the first with settings", "N"),
        AT,
        LANG,
        FORMAT,
    ),
    examples=(
        "trainspec migrate configs/ --diff",
        "trainspec migrate training_args.bin --to yaml",
        "trainspec migrate train.slurm --command 2 > run.yaml",
        "trainspec migrate --from cli 'torchrun train.py --no_cuda --evaluation_strategy steps' --to yaml",
    ),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help(argv))
        return 0
    given = COMMAND.parse(argv)
    given.settle()
    if not given.words:
        raise CannotRun(mistake("CLI102", "migrate needs a file", "trainspec migrate run.yaml"))
    codes, answers = [], []
    for word, path in _sources(given):
        try:
            code, answer = _one(path, given, named=path == word)
        except SourceError as error:
            say(error.diagnostics, words_for(given))
            code = exit_code(error.diagnostics)
            answer = {"ok": False, "diagnostics": [item.to_dict() for item in error.diagnostics]}
        codes.append(code)
        answers.append({"source": printable(shown_file(path)) if "from" not in given.values else None, **answer})
    if given.get("format") == "json":
        answer_json({"sources": answers})
    return max(codes)


def _sources(given: Given) -> Iterator[tuple[str, str]]:
    """Each word with the files that it names. Raises CannotRun."""
    for word in given.words:
        try:
            yield from ((word, path) for path in ([word] if given.get("from") in SCRIPTS else files_in(word)))
        except SourceError as error:
            raise CannotRun(*error.diagnostics) from None


def _one(path: str, given: Given, *, named: bool) -> tuple[int, dict[str, Any]]:
    kind = given.get("from") or format_of_source(path)
    if given.has("command") and kind not in SCRIPTS:
        raise CannotRun(mistake("CLI103", "--command is about scripts, which hold several", "leave it out"))
    if kind == "file" and not given.has("to"):
        foreign = "" if given.has("from") or path == STDIN else foreign_kind(path, given.get("at"))
        if not foreign:
            return _in_place(path, given)
        if not named or given.has("check") or given.has("diff"):
            said = words_for(given)("{file}: a configuration of {program}, left as it is")
            print(said.format(file=printable(path), program=foreign), file=sys.stderr)
            return FINE, {"ok": True, "kind": foreign, "changed": False}
    if given.has("check") or given.has("diff"):
        raise CannotRun(mistake("CLI103", "--check and --diff are about files rewritten in place", "leave them out"))
    found = read_sources(path, kind, given.get("at"), given.number("command", 1))
    return _converted(found, given, path)


def _converted(found: Sequence[Found], given: Given, path: str) -> tuple[int, dict[str, Any]]:
    answers, words = [], words_for(given)
    for one in convert(found, given.get("to") or "yaml", path):
        answers.append(one.to_dict())
        say([*one.left, *one.told], words)
        name = words("the command line") if one.found.is_words else printable(path)
        for note in one.notes(words):
            print(words("note: {name}: {said}").format(name=name, said=printable(note)), file=sys.stderr)
        if one.refusal is not None:
            raise CannotRun(one.refusal)
        sys.stdout.write("" if given.get("format") == "json" else one.text or "")
    code = FINDINGS if any(one.left for one in found) else FINE
    return code, answers[0] if len(answers) == 1 else {"ok": code == FINE, "sets": answers}


def _in_place(path: str, given: Given) -> tuple[int, dict[str, Any]]:
    done = migrate(_read(path), format_of_source(path, exactly=True), path, given.get("at"))
    say([*done.left, *done.stuck], words := words_for(given))
    if given.has("diff") and given.get("format") != "json":
        sys.stdout.writelines(done.difference(printable(path)))
    elif not given.has("diff") and not given.has("check") and done.changed:
        _write(path, done.after)
    _tell(path, done, words, is_done=not (given.has("check") or given.has("diff")))
    code = FINDINGS if (given.has("check") and done.changed) or not done.ok else FINE
    return code, done.to_dict()


def _tell(path: str, done: Migration, words: Words, *, is_done: bool) -> None:
    for change in done.changes:
        print(change.told(words), file=sys.stderr)
    if done.refused:
        said = "refused, since names contradict each other"
    elif len(done.changes) == 1:
        said = "{number} name or value changed" if is_done else "{number} name or value would change"
    else:
        said = "{number} names and values changed" if is_done else "{number} names and values would change"
    print(f"{printable(path)}{words(': ')}{words(said).format(number=f'{len(done.changes):,}')}", file=sys.stderr)


def _read(path: str) -> str:
    """The text of a local file with the line breaks it has. Raises SourceError."""
    if "://" in path or path == STDIN:
        remedy = "write it elsewhere with --to yaml"
        raise CannotRun(mistake("CLI103", f"{shown_file(path)} cannot be rewritten in place", remedy))
    return decoded(read_bytes(path), path)


def _write(path: str, text: str) -> None:
    try:
        write_whole(path, text, permissions_of=path)
    except OSError as error:
        raise CannotRun(mistake("CLI109", f"{path} cannot be written: {error.strerror}")) from None
