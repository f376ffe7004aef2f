"""Launch scripts by their kind: shells, Windows' batch files, PowerShell, notebooks."""

from __future__ import annotations

import re

from trainspec.migration.documents import Found
from trainspec.migration.scripts.choosing import Script, choose
from trainspec.migration.scripts.words import Marks, TooMuch, has_marks
from trainspec.settings.sources.files import source_error

_HEADER = re.compile(r"^#(?:SBATCH|PBS|BSUB|SLURM|\$)(?=\s)", re.M)
_MOST_BYTES = 1_000_000


def read_command_line(text: str, name: str = "command line") -> Found:
    """The settings of a command line. Raises SourceError."""
    return read_script(text, name, "cli", is_file=False)


def read_script(text: str, name: str, language: str, number: int | None = None, *, is_file: bool = True) -> Found:
    """The settings of one command of a script (cli, bat, powershell, notebook). Raises SourceError."""
    if len(text) > _MOST_BYTES:
        raise source_error("SRC109", f"{name} is larger than {_MOST_BYTES:,} characters, which no script is", name)
    if has_marks(text):
        raise source_error("SRC106", f"{name} holds characters of a private plane of Unicode", name)
    try:
        found = choose(script_in(text.replace("\r\n", "\n"), name, language, is_file=is_file), number)
    except (TooMuch, RecursionError):
        message = f"{name} comes to more commands, values or levels than any launch script"
        raise source_error("SRC109", message, name) from None
    headers = _HEADER.findall(text)
    if headers:
        found.notes.append(f"{headers[0]} lines ({len(headers)}) are the scheduler's, no settings")
    return found


def script_in(text: str, name: str, language: str, *, is_file: bool = True) -> Script:
    """The commands of a text in a language. Raises SourceError for a notebook that is none."""
    marks = Marks()
    if language == "bat":
        from trainspec.migration.scripts.batch import commands_of

        return Script(name, commands_of(text, marks), marks, is_file=is_file)
    if language == "powershell":
        from trainspec.migration.scripts.powershell import commands_of as commands_of_powershell

        return Script(name, commands_of_powershell(text, marks), marks, is_file=is_file)
    from trainspec.migration.scripts.shell.reading import Shell
    from trainspec.migration.scripts.shell.scope import Scope

    shell = Shell(marks)
    if language == "notebook":
        from trainspec.migration.scripts.notebooks import shell_of

        text = shell_of(text, name, marks)
    scope = Scope(marks)
    shell.read(text, scope)
    return Script(name, shell.commands, marks, shell.faults, is_file, scope.files)
