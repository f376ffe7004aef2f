"""From a source's own names and values to settings: old names, retired values, unknown names, one source at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from trainspec.settings.diagnostics import Diagnostic, Evidence, Severity
from trainspec.settings.diagnostics.bounds import MOST_TOLD, more_unknown
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.layer import Layer, Locate, Path
from trainspec.settings.sources.renames import (
    NOTHING,
    ORGANIZATION,
    REMOVED,
    RENAMED,
    RETIRED_VALUES,
    SAYS_NOTHING,
    Inexpressible,
    OwnerAlone,
    Renamed,
    says_nothing_of_before,
)
from trainspec.settings.values.coercion import OLD_PREFIX, Manner, coerce, coerce_setting
from trainspec.settings.values.kinds import Kind
from trainspec.settings.values.masking import shown
from trainspec.settings.values.secret_types import is_secret_value
from trainspec.settings.values.shape import shape_of
from trainspec.text.redaction import HIDDEN, printable, redact_url
from trainspec.text.suggestions import nearest

if TYPE_CHECKING:
    from trainspec.settings.base import Settings

REFUSED = object()
# Editors use this key of a document to find its schema; it is no setting.
SCHEMA_KEY = "$schema"
# What every file that `accelerate config` writes has, and no settings do.
ACCELERATE_KEYS = frozenset({"compute_environment", "distributed_type"})


@dataclass
class Spelling:
    """How one kind of source writes names: to suggest in its own words, and the code of a name it does not know."""

    code: str
    write: str


SPELLINGS = {
    SourceKind.FILE: Spelling("SRC102", "{}"),
    SourceKind.DOCUMENT: Spelling("SRC102", "{}"),
    SourceKind.CONSTRUCTOR: Spelling("SRC102", "{}"),
    SourceKind.ASSIGNMENT: Spelling("SRC102", "{}"),
    SourceKind.FLAG: Spelling("SRC103", "--{}"),
    SourceKind.ENVIRONMENT: Spelling("SRC101", "{}"),
    SourceKind.DOTENV: Spelling("SRC101", "{}"),
    SourceKind.SECRET: Spelling("SRC101", "{}"),
    SourceKind.FOREIGN: Spelling("SRC102", "{}"),
}
_SWITCH, _NUMBER, _TEXT = Kind(boolean=True), Kind(number=True), Kind(text=True)


class Reading:
    """One pass over what a source holds, turning its names into ours."""

    def __init__(
        self,
        model: type[Settings],
        kind: SourceKind,
        manner: Manner,
        locate: Locate,
        prefix: str = "",
        also: Iterable[str] = (),
        *,
        in_capitals: bool = True,
    ) -> None:
        self.shape = shape_of(model)
        self._fields = self.shape.fields
        self.manner = manner
        self.prefix = prefix
        self.also = also
        self.in_capitals = in_capitals and bool(prefix) and kind is not SourceKind.SECRET
        self.layer = Layer(kind, {}, locate)
        self.diagnostics: list[Diagnostic] = []
        self.unknown: list[str] = []
        self._warmup_share: float | None = None

    def read(self, raw: Mapping[Any, Any]) -> Layer:
        """Take in every (name, value) pair of the source, current names first so that conflicts are seen."""
        as_they_are, values, old = self.shape.as_they_are, self.layer.values, []
        if self.manner is Manner.DOCUMENT and self.shape.stands(raw) and says_nothing_of_before(raw):
            values.update(raw)
            return self.layer
        for name, value in raw.items():
            kind = type(value)
            if (
                name in as_they_are.get(kind, ())
                and (kind is not str or (self.manner is Manner.DOCUMENT and value == value.strip()))
                and (kind is bool or value not in RETIRED_VALUES.get(name, ()))
            ):
                values[name] = value
            elif name in self._fields:
                self._take_current(name, value)
            else:
                old.append((name, value))
        if old and not ACCELERATE_KEYS.isdisjoint(name for name, _ in old) and "output_dir" in self._fields:
            self._refuse_configuration_of_accelerate(old)
            return self.layer
        organization = coerce(_TEXT, raw.get(ORGANIZATION), self.manner)
        for name, value in old:
            self._take_other(name, value)
        if organization is not None and organization != "":
            self._join_organization(organization)
        if self._warmup_share is not None:
            self._put_warmup_share(self._warmup_share)
        if len(self.unknown) > MOST_TOLD:
            self.diagnostics += more_unknown(self._spelling().code, self.unknown, self.layer)
        return self.layer

    def _take_current(self, name: str, value: Any) -> None:
        value = coerce_setting(self.shape.kinds[name], value, self.manner)
        if name in self.shape.secrets and _is_placeholder(value):
            return
        if name == "warmup_steps" and "warmup_ratio" in self._fields:
            share = coerce(_NUMBER, value, self.manner) if isinstance(value, str) else value
            if isinstance(share, float) and 0 < share < 1:
                self._warmup_share = share
                return
        value = self._retire(name, value)
        if value is not REFUSED:
            is_section = name == "fsdp_config" and isinstance(value, dict)
            self.layer.values[name] = self._without_prefix(name, value) if is_section else value

    def _without_prefix(self, name: str, value: dict[Any, Any]) -> dict[Any, Any]:
        """Keys by their own names, which other sources may use; each stands, and is told, as it is written."""
        short = {key: key.removeprefix(OLD_PREFIX) if isinstance(key, str) else key for key in value}
        if len(set(short.values())) < len(short):
            # Of two spellings of one key the section says what is wrong.
            return value
        self.layer.spelled.update({(name, short[key]): (name, key) for key in value if short[key] != key})
        return {short[key]: item for key, item in value.items()}

    def _shown(self, name: str, value: Any) -> str:
        """The value as a person may see it, whether it stands under a name of today or of other years."""
        name = self.shape.spellings.get(name, name) if name not in self._fields else name
        today = RENAMED[name].successor if name in RENAMED and name not in self._fields else name
        path = tuple(today.split("."))
        return shown(name, value, secret=path[0] in self._fields and self.shape.conceals(path))

    def _retire(self, name: str, value: Any) -> Any:
        table = RETIRED_VALUES.get(name)
        if table is None:
            return value
        if isinstance(value, list):
            return [self._retire(name, item) if isinstance(item, str) else item for item in value]
        if not _may_be_retired(value) or value not in table:
            return value
        if value is None and self.shape.kinds[name].null:
            # The class of a user's takes it.
            return value
        retired = table[value]
        if retired.becomes is NOTHING:
            message = f"{name} {self._shown(name, value)} says nothing here"
            self._say("REN104", name, value, message, retired.reason, f"leave {name} out", warning=True)
            return REFUSED
        if retired.becomes is None:
            self._say(
                "REN105", name, value, f"{name} {self._shown(name, value)} has no counterpart", retired.reason, ""
            )
            return REFUSED
        becomes = str(retired.becomes).lower() if isinstance(retired.becomes, bool) else retired.becomes
        remedy = f"write {name}: {becomes}"
        message = f"{name} {self._shown(name, value)} became {becomes}"
        self._say("REN104", name, value, message, retired.reason, remedy, warning=True)
        return retired.becomes

    def _take_other(self, name: Any, value: Any) -> None:
        if name == ORGANIZATION and "hub_model_id" in self._fields:
            return
        if name == SCHEMA_KEY and self.manner is Manner.DOCUMENT:
            return
        if name in self.shape.spellings:
            self._take_alias(name, value)
            return
        renamed = RENAMED.get(name) if isinstance(name, str) else None
        if renamed is not None and renamed.successor.partition(".")[0] in self._fields:
            self._take_renamed(name, value, renamed)
        elif isinstance(name, str) and name in REMOVED and "output_dir" in self._fields:
            self._take_removed(name, value)
        else:
            self.unknown.append(str(name))
            if len(self.unknown) <= MOST_TOLD:
                self._refuse_unknown(str(name))

    def _take_alias(self, alias: str, value: Any) -> None:
        name = self.shape.spellings[alias]
        said = self.layer.values.get(name)
        if name in self.layer.values and not _same(said, coerce_setting(self.shape.kinds[name], value, self.manner)):
            self._refuse_both(alias, (name,), said, value)
            return
        self._take_current(name, value)
        self.layer.spelled[(name,)] = (alias,)

    def _take_removed(self, name: str, value: Any) -> None:
        removed = REMOVED[name]
        says_nothing = any(type(value) is type(idle) and value == idle for idle in (*SAYS_NOTHING, *removed.idle))
        gone = "" if removed.gone == "-" else f" (gone since transformers {removed.gone})"
        message = f"{name} is not a setting{gone}"
        reason = f"{name} {removed.reason}" if removed.gone == "-" else removed.reason
        self._say("REN102", name, value, message, reason, removed.advice, warning=says_nothing)

    def _take_renamed(self, name: str, value: Any, renamed: Renamed) -> None:
        path = tuple(renamed.successor.split("."))
        if renamed.convert is not None:
            value = value if self.manner is Manner.DOCUMENT else coerce(_SWITCH, value, self.manner)
            try:
                value = renamed.convert(value)
            except Inexpressible as why:
                self._say("REN105", name, value, f"{name} cannot be said as {renamed.successor}", str(why), "")
                return
        elif len(path) == 1:
            value = self._retire(path[0], coerce_setting(self.shape.kinds[path[0]], value, self.manner))
            if value is REFUSED:
                return
        else:
            value = self._coerce_nested(path, value)
        code = "REN106" if renamed.newer else "REN101"
        verb = "is the name in transformers 5.x of" if renamed.newer else "is the old name of"
        remedy = f"write {renamed.note or renamed.successor}"
        self._say(
            code, name, value, f"{name} {verb} {renamed.successor}", f"renamed in {renamed.since}", remedy, warning=True
        )
        if value is NOTHING or value is None or (path[0] in self.shape.secrets and _is_placeholder(value)):
            return
        self._put(name, path, value, idle=value == renamed.idle and type(value) is type(renamed.idle))

    def _coerce_nested(self, path: Path, value: Any) -> Any:
        section = self.shape.kinds[path[0]].section
        return value if section is None else coerce(shape_of(section).kinds[path[1]], value, self.manner)

    def _put(self, name: str, path: Path, value: Any, *, idle: bool = False) -> None:
        """Under its name of today; an idle value, the old name's default, gives way to what stands there."""
        target = self.layer.values
        for key in path[:-1]:
            existing = target.get(key)
            if isinstance(existing, BaseModel):
                existing = existing.model_dump(exclude_unset=True)
            if existing is not None and not isinstance(existing, Mapping):
                if not idle:
                    self._refuse_beside(name, key, value)
                return
            target[key] = dict(existing or {})
            target = target[key]
        if path[-1] in target and not _same(target[path[-1]], value):
            if not idle:
                self._refuse_both(name, path, target[path[-1]], value)
            return
        target[path[-1]] = value
        self.layer.spelled[path] = (name,)

    def _refuse_both(self, name: str, path: Path, current: Any, old: Any) -> None:
        new = ".".join(path)
        evidence = (
            Evidence(new, self._shown(new, current), self.layer.source(path)),
            Evidence(name, self._shown(name, old), self.layer.locate((name,))),
        )
        message = f"{new} and {name}, two names of one setting, have different values"
        self.diagnostics.append(
            Diagnostic("REN103", "old-and-new-name", "error", message, "only one can hold", f"keep {new}", evidence)
        )

    def _refuse_beside(self, name: str, section: str, value: Any) -> None:
        reason = f"{section} names a file or is no mapping, so nothing can be added to it"
        self._say("REN105", name, value, f"{name} has no place beside {section}", reason, f"write it into {section}")

    def _join_organization(self, organization: Any) -> None:
        model_id = self.layer.values.get("hub_model_id")
        if not isinstance(organization, str):
            reason = f"{ORGANIZATION} is the owner's name"
            self._say("REN105", ORGANIZATION, organization, f"{ORGANIZATION} is no text", reason, "write a name")
            return
        if model_id is None:
            message, remedy = f"{ORGANIZATION} is now the first part of hub_model_id", "write hub_model_id: OWNER/NAME"
            reason = "renamed in 4.11; the second part is the name of output_dir"
            self._say("REN101", ORGANIZATION, organization, message, reason, remedy, warning=True)
            self.layer.values["hub_model_id"] = OwnerAlone(organization)
            self.layer.spelled[("hub_model_id",)] = (ORGANIZATION,)
            return
        if not isinstance(model_id, str) or not model_id:
            # That it is no name is said of it.
            return
        owner, slash, short = model_id.rpartition("/")
        joined = f"{organization}/{short}"
        message, remedy = f"{ORGANIZATION} is now the first part of hub_model_id", f"write hub_model_id: {joined}"
        self._say("REN101", ORGANIZATION, organization, message, "renamed in 4.11", remedy, warning=True)
        if slash and owner != organization:
            self._refuse_both(ORGANIZATION, ("hub_model_id",), model_id, organization)
        self.layer.values["hub_model_id"] = joined

    def _refuse_configuration_of_accelerate(self, found: list[tuple[Any, Any]]) -> None:
        """One finding in place of one a key; those that are named like settings of ours mean other things."""
        self.layer.values.clear()
        self.diagnostics.clear()
        key = next(name for name, _ in found if name in ACCELERATE_KEYS)
        source, why = self.layer.locate((key,)), CODES["SRC127"]
        message = "this is a configuration of accelerate, not of a training run"
        remedy = f"trainspec migrate {source.name or 'FILE'} writes what it says as settings"
        evidence = (Evidence(key, None, source),)
        self.diagnostics.append(Diagnostic("SRC127", why.name, "error", message, why.reason, remedy, evidence))

    def _spelling(self) -> Spelling:
        # A document may come from anywhere, such as JSON in a variable: what it does not know is a key.
        return SPELLINGS[SourceKind.DOCUMENT if self.manner is Manner.DOCUMENT else self.layer.kind]

    def _refuse_unknown(self, raw: str) -> None:
        spelling = self._spelling()
        source, name = self.layer.locate((raw,)), printable(raw)
        written = source.name if self.prefix else spelling.write.format(name)
        if self.layer.kind is SourceKind.DOTENV:
            # The source's name is that of the file, which holds many.
            written = f"{self.prefix}{name.upper() if self.in_capitals else name}"
        old = {old: now for old in RENAMED if (now := RENAMED[old].successor).partition(".")[0] in self._fields}
        right = (*self._fields, *self.also, *old)
        shown = self.prefix + "{}" if self.prefix else spelling.write
        # A name of before is known, and nothing to send people to.
        near = nearest(name.lower(), right)
        meant = old.get(near or "", near)
        meant = near if meant is not None and "." in meant else meant
        remedy = "" if meant is None else f"did you mean {shown.format(meant.upper() if self.in_capitals else meant)}?"
        if raw.startswith(("x-", ".")) and self.layer.kind is SourceKind.FILE:
            remedy = "take it out: no alias refers to it, and nothing else may stand under such a name"
        why = CODES[spelling.code]
        message = f"{written} matches no setting"
        # The value of a name we do not know may be anything, a token too, and is never shown.
        evidence = (Evidence(name, None, source),)
        self.diagnostics.append(
            Diagnostic(spelling.code, why.name, "error", message, why.reason, remedy or why.fix, evidence)
        )

    def _put_warmup_share(self, share: float) -> None:
        message, reason = "warmup_steps as a fraction is warmup_ratio here", "a fraction of all updates is warmup_ratio"
        self._say("REN106", "warmup_steps", share, message, reason, f"write warmup_ratio: {share}", warning=True)
        self._put("warmup_steps", ("warmup_ratio",), share)
        # A weaker source may hold a count, which this fraction is to override.
        self.layer.values["warmup_steps"] = 0

    def _say(
        self, code: str, name: str, value: Any, message: str, reason: str, remedy: str, *, warning: bool = False
    ) -> None:
        shown = None if value is NOTHING else self._shown(name, value)
        evidence = (Evidence(name, shown, self.layer.locate((name,))),)
        severity: Severity = "warning" if warning else "error"
        message, reason, remedy = (printable(redact_url(text)) for text in (message, reason, remedy))
        self.diagnostics.append(Diagnostic(code, CODES[code].name, severity, message, reason, remedy, evidence))


def _is_placeholder(value: Any) -> bool:
    """Whether a dump hid a secret here: what stands in its place is not the secret."""
    value = _bare(value)
    return isinstance(value, str) and (value == HIDDEN or (value[:1] == "<" and value[-1:] == ">"))


def _same(one: Any, other: Any) -> bool:
    """Whether two values say the same: an enum what its value says, a name what a list of it alone says."""
    one, other = _bare(one), _bare(other)
    if isinstance(one, str) and isinstance(other, list):
        one = [one]
    elif isinstance(other, str) and isinstance(one, list):
        other = [other]
    return type(one) is type(other) and bool(one == other)


def _bare(value: Any) -> Any:
    if is_secret_value(value):
        return value.get_secret_value()
    if isinstance(value, list | tuple):
        return [_bare(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def constructor_layer(cls: type[Settings], arguments: dict[str, Any]) -> tuple[Layer, list[Diagnostic]]:
    """What the arguments of a call say, and what is wrong with their names."""
    reading = Reading(cls, SourceKind.CONSTRUCTOR, Manner.CONSTRUCTOR, _constructor_source)
    return reading.read(arguments), reading.diagnostics


def _constructor_source(path: Path) -> Source:
    return Source(SourceKind.CONSTRUCTOR)


def _may_be_retired(value: Any) -> bool:
    """Of a table of old values: null, a text or a number; false is no 0."""
    return value is None or (isinstance(value, str | int | float) and not isinstance(value, bool))
