"""A command line cut into flags and the words behind them, whatever the flags mean.

A word with two dashes is a flag, so that -1 is a value. The value of a flag that nobody knows may be anything, a token
too, and is never shown. Every command begins with this, so that it imports nothing of settings themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NamedTuple

from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.bounds import MOST_TOLD, more_flags
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.text.suggestions import nearest

Path = tuple[str, ...]

_SWITCH_WORDS = frozenset({"true", "false", "1", "0", "yes", "no", "on", "off", "null", "none"})
_NEST = re.compile(r"\.|__")
_PLAIN_FLAG = r"--?[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}"


class Takes(Enum):
    """How many of the words behind a flag are its own."""

    NOTHING = auto()
    A_SWITCH = auto()
    PERHAPS_ONE = auto()
    ONE = auto()
    MANY = auto()


class Flag(NamedTuple):
    """What a flag sets: the path of a setting, and what it says when no word follows."""

    path: Path
    takes: Takes
    alone: str | None = None
    owner: Any = None


class Use(NamedTuple):
    """A flag on the command line, as written, with its words."""

    flag: Flag
    written: str
    words: tuple[str, ...]


Find = Callable[[str], "Flag | None"]


@dataclass(slots=True)
class Cut:
    """A command line cut into flags; `rest` is what none of them took, `strays` the words in it."""

    uses: list[Use] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    strays: list[tuple[str, str]] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def cut(argv: Sequence[str], find: Find) -> Cut:
    """Give every flag that `find` knows its words."""
    found = Cut()
    position, before = 0, ""
    while position < len(argv):
        word = argv[position]
        position += 1
        if word == "--":
            found.rest += argv[position:]
            found.strays += [(stray, "--") for stray in argv[position:]]
            break
        if not _is_flag(word, find):
            found.rest.append(word)
            found.strays.append((word, before))
            continue
        written, equals, value = word.partition("=")
        flag, before = find(written), written
        following = _words_behind(argv, position, find)
        if flag is None:
            # What follows a flag that nobody knows is most likely its value.
            found.unknown.append(written)
            taken = [] if equals else following
            found.rest += [word, *taken]
        elif equals:
            taken = []
            _use(found, flag, written, [value])
        else:
            taken = following[: _number_taken(flag, following)]
            _use(found, flag, written, taken)
        position += len(taken)
    return found


def _is_flag(word: str, find: Find) -> bool:
    if word.startswith("--"):
        return len(word) > 2
    return word[:1] == "-" and word[1:2].isalpha() and (len(word) == 2 or find(word.partition("=")[0]) is not None)


def _words_behind(argv: Sequence[str], position: int, find: Find) -> list[str]:
    words = []
    for word in argv[position:]:
        if word == "--" or _is_flag(word, find):
            break
        words.append(word)
    return words


def _number_taken(flag: Flag, following: Sequence[str]) -> int:
    if flag.takes is Takes.A_SWITCH:
        return int(bool(following) and following[0].strip().lower() in _SWITCH_WORDS)
    return {Takes.NOTHING: 0, Takes.MANY: len(following)}.get(flag.takes, min(1, len(following)))


def _use(found: Cut, flag: Flag, written: str, words: Sequence[str]) -> None:
    name = ".".join(flag.path)
    if flag.takes is Takes.NOTHING and words:
        found.diagnostics.append(misfit(f"{written} takes no value", f"write {written} alone", name, written))
    elif not words and flag.alone is None and flag.takes is not Takes.NOTHING:
        remedy = f"write {written} VALUE, or {written}=VALUE where the value begins with dashes"
        found.diagnostics.append(misfit(f"{written} needs a value", remedy, name, written))
    else:
        found.uses.append(Use(flag, written, tuple(words) or ((flag.alone,) if flag.alone is not None else ())))


def misfit(message: str, remedy: str, name: str = "", written: str = "") -> Diagnostic:
    """A diagnostic about a word or flag that does not fit the command line."""
    evidence = (Evidence(name, None, Source(SourceKind.FLAG, written)),) if written else ()
    return Diagnostic("SRC112", CODES["SRC112"].name, "error", message, "", remedy, evidence)


def stray_words(found: Cut) -> list[Diagnostic]:
    """A diagnostic for each run of words that no flag took."""
    runs: dict[str, int] = {}
    for _, before in found.strays:
        runs[before] = runs.get(before, 0) + 1
    return [_stray(number, before) for before, number in runs.items()]


def _stray(number: int, before: str) -> Diagnostic:
    what = "a word" if number == 1 else f"{number} words"
    verb = "belongs" if number == 1 else "belong"
    place = f"{what} behind {shown_flag(before)}" if before else f"{what} at the start"
    return misfit(f"{place} {verb} to no flag", "write --name value; a switch takes true or false")


def unknown_flags(found: Cut, names: Iterable[str], files: str = "", other: str = "") -> list[Diagnostic]:
    """What to do about flags that nobody knows: the nearest of `names`, how `files` are named, else the `other`."""
    known, unknown = list(names), list(dict.fromkeys(found.unknown))
    told = [_unknown(written, known, files, other) for written in unknown[:MOST_TOLD]]
    return told + more_flags([shown_flag(written) for written in unknown[MOST_TOLD:]], other)


def _unknown(written: str, names: Sequence[str], files: str, other: str) -> Diagnostic:
    why, shown = CODES["SRC103"], shown_flag(written)
    evidence = (Evidence(shown.lstrip("-"), None, Source(SourceKind.FLAG, shown)),)
    remedy = (files if shown == "--config" else "") or _suggestion(written, names) or other or why.fix
    return Diagnostic("SRC103", why.name, "error", f"{shown} matches no setting", why.reason, remedy, evidence)


def shown_flag(written: str) -> str:
    """The flag as written, if it looks like one: anything may stand in the place of a flag."""
    return written if re.fullmatch(_PLAIN_FLAG, written) else "a flag"


def _suggestion(written: str, names: Sequence[str]) -> str:
    plain = written.lstrip("-").replace("-", "_")
    head, *rest = _NEST.split(plain, maxsplit=1)
    # The names of mappings end with a dot: only those can have something behind them.
    above = nearest(head, [name[:-1] for name in names if name[-1:] == "."]) if rest else None
    near = f"{above}.{rest[0]}" if above is not None else nearest(plain, [n for n in names if n[-1:] != "."])
    # What begins several names may mean each of them, unless these are too many for a suggestion.
    begun = sorted({name for name in names if name.startswith(f"{plain}_") and name[-1:] != "."})
    meant = begun if 1 < len(begun) <= 3 else [near] if near is not None and near != plain else []
    flags, dashed = " or --".join(meant), "-" in written.lstrip("-") and "_" not in written
    return f"did you mean --{flags.replace('_', '-') if dashed else flags}?" if flags else ""
