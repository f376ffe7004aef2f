"""The settings that a command says: by flags, by TRAINSPEC_ variables in front of it, by flags of its launcher."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from trainspec.migration.documents import Found, found_in
from trainspec.migration.foreign.accelerate import from_launcher
from trainspec.migration.foreign.reading import found_in_foreign
from trainspec.migration.scripts.launchers import Launch
from trainspec.migration.scripts.words import Marks, Word
from trainspec.migration.scripts.wrappers import PYTHON, SIMPLE, base_name
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.diagnostics import Diagnostic, Evidence, SourceError
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.command_line import FlagValues, Vocabulary
from trainspec.settings.sources.files import format_of, parse_document, read_plain
from trainspec.settings.sources.formats.flags import Cut, Takes, Use, cut, shown_flag
from trainspec.settings.sources.layer import Layer, Path
from trainspec.settings.sources.reading import Reading
from trainspec.settings.sources.renames import RENAMED
from trainspec.settings.sources.variables import RESERVED, Variables, read_variables
from trainspec.settings.values.coercion import Manner
from trainspec.settings.values.shape import Shape, shape_of
from trainspec.text.reach import out_of_reach
from trainspec.text.redaction import HIDDEN, is_secret_name, printable, redact_url, shortened, show_value

_CONFIG_ENDINGS = (".yaml", ".yml", ".json", ".toml")
_SECRETIVE = re.compile(r"(?i)bearer|token|secret|passw|api.?key|credential")
# These take the name of a variable and its value as two words.
_NAME_AND_VALUE = frozenset({"-genv", "-env"})
_PRECISIONS = ("bf16", "fp16")


def vocabulary() -> Vocabulary:
    """The flags that are settings."""
    return Vocabulary(TrainingArguments.field_kinds())


class _ScriptFlags(FlagValues):
    """Flags that know where in a script they stand."""

    def __init__(self, shape: Shape, places: _Places) -> None:
        super().__init__(shape)
        self._places = places

    def locate(self, path: Path) -> Source:
        source = super().locate(path)
        return self._places.of_flag(source.name)


class _Places:
    """Places of words, in the file of this name; a command line that is no file has none."""

    def __init__(self, name: str, is_file: bool, words: Iterable[Word]) -> None:
        self.name = name
        self.is_file = is_file
        self._flags = {str(word).partition("=")[0]: word for word in words if word.startswith("-")}

    def of(self, word: Word) -> Source:
        if not self.is_file:
            return Source(SourceKind.FLAG, shown_flag(str(word).partition("=")[0]) if word[:1] == "-" else "")
        return Source(SourceKind.FILE, self.name, word.line, word.column)

    def of_flag(self, written: str) -> Source:
        word = self._flags.get(written)
        return Source(SourceKind.FLAG, written) if word is None else self.of(word)

    def relocated(self, item: Diagnostic) -> Diagnostic:
        """The diagnostic with the places of flags in the script."""
        evidence = tuple(
            replace(one, source=self.of_flag(one.source.name))
            if one.source is not None and one.source.kind is SourceKind.FLAG
            else one
            for one in item.evidence
        )
        return replace(item, evidence=evidence)


class CommandSettings:
    """Puts together what one launch says."""

    def __init__(self, launch: Launch, marks: Marks, name: str, files: dict[str, str], *, is_file: bool = True) -> None:
        self.launch = launch
        self.files = files
        self.notes: list[str] = []
        self.marks = marks
        self.left: list[Diagnostic] = []
        self.told: list[Diagnostic] = []
        self.unknown: set[str] = set()
        self.secrets: set[str] = set()
        self.stray = 0
        self._places = _Places(name, is_file, launch.arguments)
        self._kinds = TrainingArguments.field_kinds()

    def found(self) -> Found:
        flags, said, diagnostics = self._flags()
        variables, about_variables = self._variables(set(flags.values))
        launcher, about_launcher = self._launcher({*flags.values, *variables.values})
        for layer in (variables, launcher):
            layer.values = {name: value for name, value in layer.values.items() if name not in self.unknown}
        relocated = [self._places.relocated(item) for item in diagnostics]
        every = [*self.left, *relocated, *about_variables, *about_launcher]
        found = found_in(flags, every, below=(launcher, variables))
        found.told = self.told
        found.secrets = sorted({*found.secrets, *self.secrets})
        found.others = [shown_flag(one).lstrip("-") for one in dict.fromkeys(said.unknown) if _is_known(one)]
        found.notes = [*self._notes(said), *self.notes]
        found.facts = self._facts(said)
        return found

    def _flags(self) -> tuple[Layer, Cut, list[Diagnostic]]:
        words = self.launch.arguments
        said, values = cut(words, vocabulary().find), _ScriptFlags(shape_of(TrainingArguments), self._places)
        taken: set[int] = set()
        last: dict[Path, tuple[Use, list[Word]]] = {}
        dropped: dict[Path, list[Use]] = {}
        for use in said.uses:
            path = _current(use.flag.path)
            unknown = self._unknown_of(use, words, taken)
            if not unknown:
                dropped.setdefault(path, []).append(use)
            last[path] = (use, unknown)
        for path, (use, unknown) in last.items():
            if unknown:
                self._leave_out(path, use, unknown)
            else:
                for one in dropped[path]:
                    values.take(one)
                self._note_assumed(path, use)
        self._strays(said, taken)
        reading = Reading(TrainingArguments, SourceKind.FLAG, Manner.STRINGS, values.locate)
        layer = reading.read(values.values)
        names_left = [item for item in said.diagnostics if item.fields]
        return layer, said, [*names_left, *values.diagnostics, *values.given_again(), *reading.diagnostics]

    @staticmethod
    def _unknown_of(use: Use, words: list[Word], taken: set[int]) -> list[Word]:
        """The words of a flag that nobody knows; the one behind a switch may be its own."""
        unknown = [word for word in use.words if isinstance(word, Word) and not word.is_known]
        written = use.written
        if unknown or not isinstance(written, Word) or use.flag.takes not in (Takes.A_SWITCH, Takes.PERHAPS_ONE):
            return unknown
        behind = words[written.number + 1 : written.number + 2]
        if "=" in words[written.number] or not behind or behind[0].is_known or behind[0].startswith("-"):
            return []
        if any(isinstance(word, Word) for word in use.words):
            return []
        taken.add(behind[0].number)
        return behind

    def _leave_out(self, path: Path, use: Use, words: list[Word]) -> None:
        field = ".".join(path)
        if path[0] in self._kinds:
            self.unknown.add(path[0])
        if path[0] in TrainingArguments.secret_fields():
            self.secrets.add(path[0])
            return
        said = [word for word in use.words if isinstance(word, Word)]
        self.left.append(self._not_known(field, said or words, use.written))

    def _not_known(self, field: str, words: list[Word], flag: str = "") -> Diagnostic:
        code = CODES["SRC141"]
        unknown = {one.written: one.reason for word in words for one in self.marks.unknowns_in(word)}
        # What belongs to no setting may be anything, and so only the unknown in it is shown.
        written = " ".join(map(self.marks.readable, words)) if field else " ".join(unknown)
        whys = [f"{_shown(said, 40)}: {reason}" for said, reason in unknown.items()]
        shown = _shown(written, 60)
        head = f"{shown_flag(flag)} {shown}" if flag else shown
        what = f"so {field} was left out" if field else "so what it says was left out"
        message = f"{head}: only a run would tell its value, {what}"
        evidence = (Evidence(field, shown, self._places.of(words[0])),)
        remedy = f"write {field} yourself" if field else "write the settings that it holds yourself"
        return Diagnostic("SRC141", code.name, "error", message, "; ".join(whys), remedy, evidence)

    def _note_assumed(self, path: Path, use: Use) -> None:
        """Say what a value rests on: each variable once."""
        field, code = ".".join(path), CODES["SRC144"]
        if path[0] in TrainingArguments.secret_fields():
            return
        words = [word for word in (*use.words, use.written) if isinstance(word, Word)]
        assumed = {one for word in words for one in self.marks.assumptions_in(word.assumed)}
        for one in sorted(assumed, key=lambda one: one.variable):
            default = show_value(one.variable, one.default)
            shown = HIDDEN if default == HIDDEN else show_value(field, " ".join(use.words))
            message = f"{field} holds as long as nothing sets {one.variable}, which is {default} in the script"
            evidence = (Evidence(field, shown, self._places.of(words[0])),)
            remedy = f"check that {field} is what you want"
            self.told.append(Diagnostic("SRC144", code.name, "warning", message, "", remedy, evidence))

    def _unknown_launcher(self) -> None:
        """A program that a variable names may bring words of its own; an interpreter brings none."""
        for word in self.launch.before[:1]:
            written = self.marks.readable(word).lower()
            if not word.is_known and not any(name in written for name in ("python", "interpreter", "conda", "venv")):
                self.left.append(self._not_known("", [word]))

    def _strays(self, said: Cut, taken: set[int]) -> None:
        self._unknown_launcher()
        for word in said.unknown:
            if not _is_known(word):
                self.left.append(self._not_known("", [word]))  # type: ignore[list-item]
        for word, _ in said.strays:
            if not isinstance(word, Word) or word.number in taken:
                continue
            if word.is_known:
                self.stray += 1
            else:
                self.left.append(self._not_known("", [word]))

    def _variables(self, by_flags: set[str]) -> tuple[Layer, list[Diagnostic]]:
        """What TRAINSPEC_ variables of the command say."""
        prefix = TrainingArguments.env_prefix
        own = {name: word for name, word in self.launch.environment.items() if name.startswith(prefix)}
        pairs = []
        for name, word in own.items():
            field = name.removeprefix(prefix).lower().partition("__")[0]
            if word.is_known:
                pairs.append((name, str(word)))
            elif field not in by_flags and field not in self.unknown:
                self.unknown.add(field)
                self.left.append(self._not_known(field, [word], ""))

        def place(name: str) -> Source:
            return self._places.of(own[name]) if self._places.is_file else Source(SourceKind.ENVIRONMENT, name)

        return read_variables(TrainingArguments, Variables(pairs, prefix, SourceKind.ENVIRONMENT, place))

    def _launcher(self, said: set[str]) -> tuple[Layer, list[Diagnostic]]:
        """What the launcher's own flags say that the script's do not."""
        meant = from_launcher(self.launch.program, self.launch.flags, self.launch.environment)
        values: dict[str, Any] = {}
        places: dict[str, Word] = {}
        for field, (value, word) in meant.items():
            taken = _PRECISIONS if field in _PRECISIONS else (field,)
            if said.intersection(taken) or self.unknown.intersection(taken):
                continue
            if not word.is_known:
                self.unknown.add(field)
                self.left.append(self._not_known(field, [word]))
                continue
            values[field], places[field] = value, word

        def locate(path: Path) -> Source:
            return self._places.of(places[path[0]]) if path[0] in places else Source(SourceKind.DOCUMENT)

        reading = Reading(TrainingArguments, SourceKind.FILE, Manner.STRINGS, locate)
        layer = reading.read(values)
        blocked = {*said, *self.unknown, *layer.values}
        for name, value in self._configured().items():
            if not blocked.intersection(_PRECISIONS if name in _PRECISIONS else (name,)):
                layer.values[name] = value
        return layer, reading.diagnostics

    def _configured(self) -> dict[str, Any]:
        """What the file behind `accelerate launch --config_file` says, where it is here or the script writes it."""
        word = self.launch.flags.get("config_file") if self.launch.program == "accelerate launch" else None
        if word is None or not word:
            return {}
        shown = printable(redact_url(self.marks.readable(word)))
        found = config_beside(word, self._places.name, self.files) if word.is_known else None
        if found is None:
            self.notes.append(f"{shown}, the launcher's configuration, was not found here: migrate that as well")
            return {}
        self.notes.append(f"{shown} is a configuration of accelerate, and was read too")
        self.left += found.left
        return found.values

    def _notes(self, said: Cut) -> Iterator[str]:
        files = [word for word, _ in said.strays if word.endswith(_CONFIG_ENDINGS) and _is_known(word)]
        for file in files:
            yield f"it reads {printable(redact_url(file))} too: migrate that as well"
        rest = self.stray - len(files)
        if rest > 0:
            yield f"{rest} word{'s' * (rest > 1)} behind the script belong{'s' * (rest == 1)} to no flag, left out"
        started = self._started()
        if started:
            yield f"how it is started is no setting: {started}"
        names = [name for name in self.launch.environment if not name.startswith(TrainingArguments.env_prefix)]
        if names:
            yield f"variables of the command, no settings: {printable(', '.join(names))}"
        config = self.launch.environment.get(f"{TrainingArguments.env_prefix}CONFIG")
        if config is not None and "config" in RESERVED:
            yield f"it reads {printable(redact_url(self.marks.readable(config)))} too: migrate that as well"

    def _started(self) -> str:
        """The words in front of the script, without anything that may be a secret."""
        if len(self.launch.before) < 2:
            return ""
        programs = {base_name(word) for word in self.launch.before}
        if all(name in SIMPLE or PYTHON.fullmatch(name) or name.startswith("-") for name in programs):
            return ""
        words = [printable(redact_url(self.marks.readable(word))) for word in self.launch.before]
        return shortened(" ".join(_without_secrets(words)), 160)

    def _facts(self, said: Cut) -> dict[str, Any]:
        launch = self.launch
        foreign = [
            {"name": shown_flag(word).lstrip("-"), "line": word.line, "column": word.column}
            for word in said.unknown
            if isinstance(word, Word) and word.is_known
        ]
        return {
            "command": {
                "line": launch.line,
                "column": launch.command.column,
                "program": launch.program,
                "script": None if launch.script is None else shown_script(launch, self.marks),
                "within": list(launch.command.within),
                "started_by": self._started(),
                "launcher_flags": sorted(launch.flags),
            },
            "foreign": foreign,
            "words": self.stray,
            "environment": sorted(launch.environment),
        }


def config_beside(path: str, script: str, files: dict[str, str]) -> Found | None:
    """Another program's configuration that a script writes, or that lies beside it or in the working directory."""
    text = files.get(path.removeprefix("./"))
    if text is None:
        places = (os.path.join(os.path.dirname(script), path), path)
        file = None if out_of_reach() else next((place for place in places if os.path.isfile(place)), None)
        text = read_plain(file) if file is not None else None
    if text is None or not all(map(str.isprintable, text.split())):
        return None
    try:
        return found_in_foreign(parse_document(text, format_of(path), path))
    except SourceError:
        return None


def shown_script(launch: Launch, marks: Marks) -> str:
    """The name of what a launch starts, for people."""
    return shortened(printable(redact_url(marks.readable(launch.script or launch.program))), 80)


def _shown(written: str, longest: int) -> str:
    """What a script writes, without what may be a secret in the words of a command."""
    plain = " ".join(written.split())
    if len(plain.split()) > 1 and _SECRETIVE.search(plain):
        plain = f"{plain.split()[0]} …"
    return shortened(printable(redact_url(plain)), longest)


def _without_secrets(words: list[str]) -> Iterator[str]:
    hide, before = False, ""
    for word in words:
        name, equals, _ = word.partition("=")
        if hide and not word.startswith("-"):
            yield HIDDEN
        elif equals and is_secret_name(name.lstrip("-")):
            yield f"{name}={HIDDEN}"
        else:
            yield word
        names_one = word.startswith("-") or before in _NAME_AND_VALUE
        hide = names_one and not equals and is_secret_name(word.lstrip("-").replace("-", "_"))
        before = word


def _current(path: Path) -> Path:
    renamed = RENAMED.get(path[0]) if len(path) == 1 else None
    if renamed is None or renamed.convert is not None:
        return path
    return tuple(renamed.successor.split("."))


def _is_known(word: str) -> bool:
    return not isinstance(word, Word) or word.is_known
