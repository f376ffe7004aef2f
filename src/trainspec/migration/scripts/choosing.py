"""Which of a script's commands is migrated: one, and the others are told, never merged."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from trainspec.migration.documents import Found
from trainspec.migration.scripts.launchers import Launch, launch_of
from trainspec.migration.scripts.settings import CommandSettings, shown_script, vocabulary
from trainspec.migration.scripts.words import Command, Marks, Word
from trainspec.migration.scripts.wrappers import PYTHON, TRAINERS, base_name
from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.files import source_error
from trainspec.settings.sources.formats.flags import cut
from trainspec.settings.sources.formats.limits import Place
from trainspec.text.redaction import printable, redact_url

# Judging the flags of one command takes as long as so many steps of reading it.
_WORK = 400
# No report lists more.
_LISTED = 20
# A program that nobody knows is one with settings only where it is given several: `pip --debug` trains nothing.
_ENOUGH = 2
# What prepares a machine says nothing of a training.
_SETS_NOTHING = re.compile(r"activate$|\.(?:bash|zsh)?rc$|profile|/etc/|conda|modules?\b|nvm|setvars|\.env$")


@dataclass(slots=True)
class Script:
    """What a script would run, and the places in it that do not parse."""

    name: str
    commands: list[Command]
    marks: Marks
    faults: list[tuple[int, int]] = field(default_factory=list)
    is_file: bool = True
    files: dict[str, str] = field(default_factory=dict)
    """What the script itself writes into files."""

    def place(self, line: int, column: int) -> Source:
        return Source(SourceKind.FILE, self.name, line, column) if self.is_file else Source(SourceKind.FLAG)


@dataclass(slots=True)
class Candidate:
    """A launch, and how many of its flags are settings, or may be."""

    launch: Launch
    settings: int

    @property
    def is_python(self) -> bool:
        launch = self.launch
        name = base_name(launch.program).partition(" ")[0]
        known = PYTHON.fullmatch(name) or name in TRAINERS or name in ("torchrun", "deepspeed", "accelerate", "")
        return bool(known) or (launch.script is not None and launch.script.endswith((".py", ".sh")))


def candidates_of(script: Script) -> list[Candidate]:
    """The launches of a script in its order; the same one twice (a loop, a function) is one."""
    find, found, seen = vocabulary().find, [], set()
    for command in script.commands:
        launch = launch_of(command)
        if launch is None or (launch.script is None and not launch.program and not launch.arguments):
            continue
        script.marks.spend(_WORK + 10 * len(launch.arguments))
        pieces = cut(launch.arguments, find)
        # Words that nobody knows may be settings.
        unknown = sum(isinstance(word, Word) and not word.is_known for word, _ in pieces.strays)
        one = Candidate(launch, len(pieces.uses) + unknown)
        key = (launch.line, tuple(command.words), launch.command.column)
        if key not in seen and (one.is_python or one.settings >= _ENOUGH) and not command.cut_off_flags:
            seen.add(key)
            found.append(one)
    return found


def choose(script: Script, number: int | None) -> Found:
    """The settings of one command: of that number, else the first one with settings. Raises SourceError."""
    candidates = candidates_of(script)
    if not candidates:
        raise _nothing(script)
    if number is not None and not 1 <= number <= len(candidates):
        listed = _listed(script, candidates)
        message = f"{script.name}: there is no command {number}, it has {len(candidates)}: {listed}"
        raise source_error("SRC143", message, script.name, remedy="choose one of them with --command")
    rivals = [one for one in candidates if one.settings] or candidates
    chosen = rivals[0] if number is None else candidates[number - 1]
    if chosen.launch.command.broken:
        raise _unreadable(script)
    found = CommandSettings(chosen.launch, script.marks, script.name, script.files, is_file=script.is_file).found()
    found.is_words = not script.is_file
    found.facts["command"]["number"] = candidates.index(chosen) + 1
    found.facts["commands"] = [_fact(number, one, script.marks) for number, one in enumerate(candidates, 1)]
    others = [one for one in candidates if one is not chosen]
    if number is None and len(rivals) > 1:
        found.left.append(_several(script, candidates, chosen))
    elif others:
        found.notes.append(f"not migrated, choose with --command: {_listed(script, candidates, but=chosen)}")
    found.notes += _not_read(script, chosen)
    found.left += _cut_off(script)
    found.left += [_fault(script, *place) for place in script.faults]
    return found


def _not_read(script: Script, chosen: Candidate) -> list[str]:
    """Files that the script takes in before the command, and that may set variables of it."""
    names = []
    for command in script.commands:
        is_taken_in = command.words[0] in ("source", ".") and len(command.words) > 1
        if is_taken_in and command.line <= chosen.launch.line and not _SETS_NOTHING.search(command.words[1]):
            names.append(f"{script.marks.readable(command.words[1])} (line {command.line})")
    return [f"not read, though it may set variables: {printable(redact_url(', '.join(names)))}"] if names else []


def _fact(number: int, one: Candidate, marks: Marks) -> dict[str, object]:
    launch = one.launch
    shown = shown_script(launch, marks)
    return {"number": number, "line": launch.line, "program": launch.program, "script": shown, "settings": one.settings}


def _listed(script: Script, candidates: list[Candidate], but: Candidate | None = None) -> str:
    lines = [
        f"{number}: line {one.launch.line}, {_named(one, script.marks)}"
        for number, one in enumerate(candidates, 1)
        if one is not but
    ]
    return "; ".join(lines[:9]) + (f"; and {len(lines) - 9} more" if len(lines) > 9 else "")


def _named(one: Candidate, marks: Marks) -> str:
    script, program = shown_script(one.launch, marks), printable(one.launch.program)
    return script if not program or base_name(script) == program else f"{program} {script}"


def _several(script: Script, candidates: list[Candidate], chosen: Candidate) -> Diagnostic:
    code, number = CODES["SRC142"], candidates.index(chosen) + 1
    message = f"{len(candidates)} commands in {script.name}; this is number {number}, {_named(chosen, script.marks)}"
    evidence = tuple(
        Evidence("", f"{at}: {_named(one, script.marks)}", script.place(one.launch.line, one.launch.command.column))
        for at, one in enumerate(candidates[:_LISTED], 1)
    )
    if len(candidates) > _LISTED:
        evidence = (*evidence, Evidence("", f"and {len(candidates) - _LISTED} more"))
    return Diagnostic("SRC142", code.name, "error", printable(message), code.reason, code.fix, evidence)


def _cut_off(script: Script) -> list[Diagnostic]:
    code = CODES["SRC145"]
    found = []
    for command in script.commands:
        if command.cut_off_flags:
            word = command.words[0]
            message = f"{printable(word.partition('=')[0])} stands in a line that no command goes on to"
            evidence = (Evidence("", None, script.place(word.line, word.column)),)
            reason = command.cut_off or code.reason
            found.append(Diagnostic("SRC145", code.name, "error", message, reason, code.fix, evidence))
    return found


def _fault(script: Script, line: int, column: int) -> Diagnostic:
    code = CODES["SRC107"]
    evidence = (Evidence("", None, script.place(line, column)),)
    message = f"a part of {script.name} does not read as a script, and was passed over"
    return Diagnostic("SRC107", code.name, "error", printable(message), code.reason, code.fix, evidence)


def _unreadable(script: Script) -> Exception:
    remedy = "close each quote and bracket that is opened"
    message = f"{script.name}: it does not read as a script"
    return source_error("SRC107", message, script.name, Place(*(script.faults or [(1, 1)])[0]), remedy=remedy)


def _nothing(script: Script) -> Exception:
    if script.faults:
        return _unreadable(script)
    return source_error("SRC143", f"{script.name}: no command in it starts a training script", script.name)
