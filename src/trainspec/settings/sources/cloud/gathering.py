"""What secret managers say about a settings class: what is wanted and no stronger source gives, each asked once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from trainspec.settings.diagnostics import Diagnostic, Evidence, Severity, errors_of
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.cloud.address import Address
from trainspec.settings.sources.cloud.answer import Entry
from trainspec.settings.sources.cloud.asking import Refusal, ask, finding
from trainspec.settings.sources.cloud.services import SERVICES, missing_package
from trainspec.settings.sources.renames import RENAMED
from trainspec.text.redaction import printable
from trainspec.text.suggestions import nearest

if TYPE_CHECKING:
    from trainspec.settings.base import Settings


@dataclass(frozen=True, slots=True)
class Wanted:
    """One address, the fields to ask it for, and whether its address names them."""

    address: Address
    fields: tuple[str, ...]
    by_name: bool


@dataclass(slots=True)
class Gathered:
    """Values by name, as services have them; where each was read; what was found wrong. Values are never printed."""

    values: dict[str, Any] = field(default_factory=dict, repr=False)
    places: dict[str, str] = field(default_factory=dict)
    found: list[Diagnostic] = field(default_factory=list)

    def lacks(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the names that have no value yet, under no name of other years either."""
        given = {_today(name) for name in self.values}
        return tuple(name for name in names if name not in given)


# A key that is almost a field's name, by the field: where it stands, and how it is spelled.
Near = dict[str, tuple[Address, str]]


def gather(model: type[Settings], wanted: Sequence[Wanted], *, must_find: bool) -> Gathered:
    """Ask the services, the strongest first, each only for what those before it did not give.

    With `must_find` it is an error if none of them has anything.
    """
    gathered = Gathered()
    asked: list[Wanted] = []
    near: Near = {}
    for one in wanted:
        fields = gathered.lacks(one.fields)
        if fields:
            asked.append(one)
            near |= _Reading(model, one, fields, gathered).read()
    if must_find and asked and not gathered.values and not errors_of(gathered.found):
        gathered.found.append(_nothing(asked, near))
    else:
        # Also where a weaker one gives what is misspelled in a stronger one.
        gathered.found += [_almost(name, *where) for name, where in near.items()]
    return gathered


class _Reading:
    """One service, asked for some fields."""

    def __init__(self, model: type[Settings], wanted: Wanted, fields: tuple[str, ...], into: Gathered) -> None:
        self.model = model
        self.address = wanted.address
        self.by_name = wanted.by_name
        self.fields = fields
        self.into = into
        self.service = SERVICES[self.address.scheme]

    def read(self) -> Near:
        """Take what there is; returns the keys that are almost those of fields, unless that was told already."""
        try:
            reader = self.service.reader()
        except ImportError:
            self.into.found.append(missing_package(self.address, self.fields))
            return {}
        names = {self.service.named(self.address, name): name for name in self.fields}
        answer = ask(self.address, tuple(names), reader, self.address.timeout or self.model.source_timeout)
        if isinstance(answer, Refusal):
            self.into.found.append(finding(self.address, answer, self.fields))
            return {}
        near: Near = {}
        if self.service.whole:
            near = self._take_mapping(answer)
        else:
            for name, entry in answer.items():
                self._take(names[name], entry)
        missing = self.into.lacks(self.fields)
        if not missing or not self.by_name:
            return near
        self.into.found.append(_missing(self.address, missing, near))
        return {}

    def _take(self, name: str, entry: Entry) -> None:
        # As an empty variable, an empty secret says nothing.
        if entry.value is None or (isinstance(entry.value, str) and not entry.value.strip()):
            return
        self.into.values[name] = entry.value
        self.into.places[name] = place_of(self.address, entry.key, entry.version)

    def _take_mapping(self, entries: dict[str, Entry]) -> Near:
        """What is ours of a mapping that may hold other programs' keys too."""
        prefix, known = self.model.env_prefix.lower(), self.model.__pydantic_fields__
        mine: dict[str, Entry] = {}
        near: Near = {}
        for key, entry in entries.items():
            lower = key.lower()
            name = lower.removeprefix(prefix)
            if name in mine and mine[name].value != entry.value:
                self.into.found.append(_both(self.address, name, mine[name].key, key))
            elif _today(name) in self.fields or (lower != name and name not in known):
                # What has our prefix and matches nothing is refused where it is read as a setting.
                mine.setdefault(name, entry)
            elif name in known:
                self._pass_over(name, key)
            elif (close := nearest(name, self.fields)) is not None:
                near[close] = (self.address, key)
        for name, entry in mine.items():
            self._take(name, entry)
        return {name: near[name] for name in self.into.lacks(near)}

    def _pass_over(self, name: str, key: str) -> None:
        """A setting that nobody asks for, which would be lost without a word."""
        if not self.by_name and name not in self.model.secret_fields():
            message = f"{self.address.shown} holds {name}, which is no secret and so not read"
            remedy = f"ask for it: {self.address.shown}?fields={','.join((*self.fields, name))}"
            found = _about("SRC116", message, remedy, [(name, self.address, key)], warning=True)
            self.into.found.append(replace(found, reason="its value would otherwise be lost without a word"))


def place_of(address: Address, key: str, version: str = "") -> str:
    """The name of a value's source: the secret, the key in it, and the version that was read."""
    return f"{address.shown}#{key}" + (f" version {version}" if version else "")


def _today(name: str) -> str:
    """The name of today, for one of years ago."""
    return RENAMED[name].successor if name in RENAMED else name


def _almost(name: str, address: Address, key: str) -> Diagnostic:
    message = f"the key {key} in {address.shown} matches no setting"
    return _about("SRC116", message, f"did you mean {name}?", [(name, address, key)], warning=True)


def _both(address: Address, name: str, *keys: str) -> Diagnostic:
    """Two keys of one setting that say different things."""
    message = f"the keys {' and '.join(keys)} in {address.shown} both give {name}"
    return _about("SRC113", message, "keep one", [(name, address, key) for key in keys])


def _missing(address: Address, names: Sequence[str], near: Near) -> Diagnostic:
    """Fields that an address names and that are not there."""
    keys = {name: SERVICES[address.scheme].named(address, name) for name in names}
    message = f"{address.shown} has no {' and no '.join(keys.values())}"
    where = [(name, address, key) for name, key in keys.items()]
    return _about("SRC120", message, _rename(near) or CODES["SRC120"].fix, where)


def _nothing(asked: Sequence[Wanted], near: Near) -> Diagnostic:
    """Services asked for all secrets that have none of them: a wrong path or project looks just like this."""
    places = [one.address.shown for one in asked]
    names = {SERVICES[one.address.scheme].named(one.address, name): (name, one.address) for one in asked
             for name in one.fields}  # fmt: skip
    who = f"{places[0]} has" if len(places) == 1 else f"none of {', '.join(places)} has"
    message = f"{who} {'no ' if len(places) == 1 else ''}{' or '.join(names)}"
    where = [(name, address, key) for key, (name, address) in names.items()]
    remedy = "correct the address, or name in it the fields that are there: ?fields=NAME"
    return _about("SRC120", message, _rename(near) or remedy, where)


def _rename(near: Near) -> str:
    return ", ".join(f"rename the key {key}, which is almost {name}" for name, (_, key) in near.items())


def _about(
    code: str, message: str, remedy: str, where: Iterable[tuple[str, Address, str]], *, warning: bool = False
) -> Diagnostic:
    """A finding about keys of secrets, with nothing of what they hold."""
    evidence = tuple(
        Evidence(name, None, Source(SourceKind.FOREIGN, place_of(address, key))) for name, address, key in where
    )
    why = CODES[code]
    severity: Severity = "warning" if warning else "error"
    return Diagnostic(code, why.name, severity, printable(message), why.reason, printable(remedy), evidence)
