"""`trainspec migrate`: old names and values become today's, in the file or in another form."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from trainspec.answers.migrate import Migration, convert, migrate
from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.files import STDIN, files_in
from trainspec.cli.options import AT, Command, Given, Option, wants_help
from trainspec.cli.terminal import FINDINGS, FINE, counted, exit_code, say
from trainspec.migration.local_files import decoded, read_bytes, write_whole
from trainspec.migration.reading import Found, format_of_source, read_sources
from trainspec.reports.report import shown_file
from trainspec.settings.diagnostics import SourceError
from trainspec.text.redaction import printable

COMMAND = Command(
    "migrate",
    "FILE...",
    "Rewrite old names and values, of transformers 4.x and 5.x too, in YAML, TOML and JSON files, which keep their "
    "comments, order and quotes. With --to, or from a command line, a Python file or training_args.bin: write the "
    "settings found there to stdout. Nothing that is read is ever run.",
    (
        Option("check", "write nothing; exit code 1 where something would change"),
        Option("diff", "write nothing; show what would change"),
        Option("to", "write all settings to stdout in this form", "FORM", ("yaml", "toml", "json", "env", "cli")),
        Option("from", "what to read, where the ending does not tell", "FORM", ("file", "cli", "python", "pickle")),
        AT,
    ),
    examples=(
        "trainspec migrate configs/ --diff",
        "trainspec migrate training_args.bin --to yaml",
        "trainspec migrate --from cli 'torchrun train.py --no_cuda --evaluation_strategy steps' --to yaml",
    ),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help())
        return 0
    given = COMMAND.parse(argv)
    given.settle()
    if not given.words:
        raise CannotRun(mistake("CLI102", "migrate needs a file", "trainspec migrate run.yaml"))
    codes = []
    for word in given.words:
        try:
            codes += [_one(path, given) for path in ([word] if given.get("from") == "cli" else files_in(word))]
        except SourceError as error:
            say(error.diagnostics)
            codes.append(exit_code(error.diagnostics))
    return max(codes)


def _one(path: str, given: Given) -> int:
    kind = given.get("from") or format_of_source(path)
    if kind == "file" and not given.has("to"):
        return _in_place(path, given)
    if given.has("check") or given.has("diff"):
        raise CannotRun(mistake("CLI103", "--check and --diff are about files rewritten in place", "leave them out"))
    return _converted(read_sources(path, kind, given.get("at")), given.get("to") or "yaml", path)


def _converted(found: Sequence[Found], form: str, path: str) -> int:
    for one, done in zip(found, convert(found, form, path), strict=True):
        say(done.left)
        name = "the command line" if one.is_words else printable(path)
        if done.others:
            print(f"note: {name}: no settings, left out: {printable(', '.join(done.others))}", file=sys.stderr)
        if done.secrets:
            print(f"note: {name}: secrets are not written: {', '.join(done.secrets)}", file=sys.stderr)
        if done.refusal is not None:
            raise CannotRun(done.refusal)
        sys.stdout.write(done.text or "")
    return FINDINGS if any(one.left for one in found) else FINE


def _in_place(path: str, given: Given) -> int:
    done = migrate(_read(path), format_of_source(path, exactly=True), path, given.get("at"))
    say(done.left)
    say(done.stuck)
    if given.has("diff"):
        sys.stdout.writelines(done.difference(printable(path)))
    elif not given.has("check") and done.changed:
        _write(path, done.after)
    _tell(path, done, "would change" if given.has("check") or given.has("diff") else "changed")
    return FINDINGS if (given.has("check") and done.changed) or not done.ok else FINE


def _tell(path: str, done: Migration, verb: str) -> None:
    for change in done.changes:
        print(change, file=sys.stderr)
    number = counted(len(done.changes), "name or value").replace("name or values", "names and values")
    verb = "refused, since names contradict each other" if done.refused else f"{number} {verb}"
    print(f"{printable(path)}: {verb}", file=sys.stderr)


def _read(path: str) -> str:
    """The text of a local file with the line breaks it has. Raises SourceError."""
    if "://" in path or path == STDIN:
        raise CannotRun(
            mistake("CLI103", f"{shown_file(path)} cannot be rewritten in place", "write it elsewhere with --to yaml")
        )
    return decoded(read_bytes(path), path)


def _write(path: str, text: str) -> None:
    try:
        write_whole(path, text, permissions_of=path)
    except OSError as error:
        raise CannotRun(mistake("CLI109", f"{path} cannot be written: {error.strerror}")) from None
