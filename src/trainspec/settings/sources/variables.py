"""Settings as variables: TRAINSPEC_LEARNING_RATE, nested TRAINSPEC_FSDP_CONFIG__MIN_NUM_PARAMS, secrets in files.

The environment and dotenv files are read alike. A variable with our prefix that matches nothing is an error; launcher
variables (LOCAL_RANK, RANK, WORLD_SIZE, MASTER_*, TORCHELASTIC_*, PET_*) have another prefix and are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trainspec.settings.diagnostics import Diagnostic, Evidence, SourceError
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.customised.options import SourceOptions
from trainspec.settings.sources.formats.limits import DEEPEST, MOST_FAULTS
from trainspec.settings.sources.layer import Layer
from trainspec.settings.sources.reading import Reading
from trainspec.settings.sources.renames import RENAMED
from trainspec.settings.values.coercion import Manner, Word, coerce
from trainspec.settings.values.shape import shape_of
from trainspec.text.reach import out_of_reach
from trainspec.text.redaction import printable, shortened

if TYPE_CHECKING:
    from trainspec.settings.base import Settings
    from trainspec.settings.values.shape import Shape

NESTED = "__"
FILE_SUFFIX = "_file"
# Ours too, but about where settings are found; the task's own settings are read by the task's model.
CONFIG, ENV_FILE, SECRETS_DIR, SECRETS_FROM = "config", "env_file", "secrets_dir", "secrets_from"
TASK = "task"
RESERVED = frozenset({CONFIG, ENV_FILE, SECRETS_DIR, SECRETS_FROM, TASK})
# What commands go by, which is about no settings, whatever their class: the language, and where schemas are published.
LANGUAGE, SCHEMA_BASE = "lang", "schema_base"
OF_COMMANDS = frozenset({LANGUAGE, SCHEMA_BASE})

_LONGEST_NAME = 60

Place = Callable[[str], Source]


USUAL = SourceOptions("TRAINSPEC_", env_nested_delimiter=NESTED, env_ignore_empty=True)
"""How variables are read where nobody says otherwise, whatever the prefix."""


class Variables:
    """The variables of one source that are ours, by lower-case name without their prefix."""

    reserved_names = RESERVED

    def __init__(
        self,
        pairs: Iterable[tuple[str, str]],
        prefix: str,
        kind: SourceKind,
        place: Place,
        options: SourceOptions = USUAL,
        shorten: Callable[[str], str] | None = None,
    ) -> None:
        self.kind = kind
        self.prefix = prefix
        self.place = place
        self.options = options
        self.spelled: dict[str, str] = {}
        self.values: dict[str, str] = {}
        self.too_deep: list[str] = []
        self.twice: list[tuple[str, str, str]] = []
        cut, keeps_empty = len(prefix), not options.env_ignore_empty
        for name, value in pairs:
            plain = value.strip()
            if plain or keeps_empty:
                short = name[cut:].lower() if shorten is None else shorten(name)
                if options.env_nested_delimiter and short.count(options.env_nested_delimiter) > DEEPEST:
                    self.too_deep.append(name)
                    continue
                if self.values.get(short, plain) != plain:
                    self.twice.append((short, self.spelled[short], name))
                self.spelled[short] = name
                self.values[short] = plain

    @property
    def in_capitals(self) -> bool:
        """Whether names are suggested in upper case."""
        return not self.options.case_sensitive

    def reserved(self, name: str) -> str | None:
        """The value of a variable about where settings are found, such as TRAINSPEC_CONFIG."""
        # Without a prefix CONFIG and TASK are anybody's.
        return (self.values.get(name) or None) if self.prefix else None

    def nested(self, under: str, among: Iterable[str] | None = None) -> dict[str, Any]:
        """The variables below a name as a nested dict: TRAINSPEC_TASK__WIDTH is {"width": ...} below `task`.

        `among` is all that may lie there: with "_" between keys, a longer setting's name begins like a key.
        """
        found: dict[str, Any] = {}
        delimiter, most = self.options.env_nested_delimiter, (self.options.env_nested_max_split or 0) - 1
        start = f"{under}{delimiter}"
        for name in (self.values if among is None else among) if delimiter else ():
            if name.startswith(start):
                value = self.values[name]
                said = None if value == self.options.env_parse_none_str else Word(value)
                _set(found, tuple(name[len(start) :].split(delimiter, most)), said)
        return found

    def locate(self, path: tuple[str, ...]) -> Source:
        """The variable that says `path`, or the one around it that says it as JSON, or the first one below it."""
        delimiter = self.options.env_nested_delimiter or NESTED
        fold = str if self.options.case_sensitive else str.lower
        for length in range(len(path), 0, -1):
            name = fold(delimiter.join(path[:length]))
            spelled = self.spelled.get(name) or self.spelled.get(name + FILE_SUFFIX)
            spelled = spelled or self.spelled.get(delimiter.join(path[:length]))
            if spelled is not None:
                return self.place(spelled)
        below = fold(delimiter.join(path)) + delimiter
        for name, spelled in self.spelled.items():
            if name.startswith(below):
                return self.place(spelled)
        return Source(self.kind, self.written(path))

    def written(self, path: tuple[str, ...]) -> str:
        """The name of the variable that would say `path`."""
        return self.prefix + (self.options.env_nested_delimiter or NESTED).join(path).upper()


def naming(model: type[Settings], options: SourceOptions) -> tuple[Callable[[str], bool], Callable[..., Variables]]:
    """Which variables are ours, and what makes them Variables from (pairs, kind, place)."""
    prefix = options.env_prefix
    usual = prefix and not options.case_sensitive and options.env_prefix_target in (None, "variable")
    if usual and shape_of(model).is_plainly_named:
        upper = prefix.upper()
        return (
            lambda name: name.startswith(prefix) or name.upper().startswith(upper),
            lambda pairs, kind, place: Variables(pairs, prefix, kind, place, options),
        )
    from trainspec.settings.sources.customised.naming import Naming

    names = Naming(shape_of(model), options)
    return (
        lambda name: names.short(name) is not None,
        lambda pairs, kind, place: Variables(pairs, prefix, kind, place, options, lambda name: names.short(name) or ""),
    )


def _set(target: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        inner = target.get(key)
        target[key] = inner if isinstance(inner, dict) else {}
        target = target[key]
    target[path[-1]] = value


def read_variables(model: type[Settings], variables: Variables) -> tuple[Layer, list[Diagnostic]]:
    """What the variables say, and what is wrong with their names."""
    flat: dict[str, Any] = {}
    found: list[Diagnostic] = []
    shape, options = shape_of(model), variables.options
    fields, secrets = shape.fields, shape.secrets
    below: dict[str, list[str]] = {}
    for name, value in variables.values.items():
        head, goes_in = _cut(name, variables, shape)
        if name.lower() in OF_COMMANDS and name not in fields and variables.prefix.upper() == USUAL.env_prefix:
            continue
        if (
            head in variables.reserved_names
            and head not in fields
            and (head == TASK or not goes_in)
            and variables.prefix
        ):
            continue
        if goes_in and head in fields:
            below.setdefault(head, []).append(name)
            continue
        secret = name.removesuffix(FILE_SUFFIX)
        if name not in fields and name.endswith(FILE_SUFFIX) and _is_secret(secret, secrets):
            found += _read_secret_file(variables, secret, name, value, flat)
        else:
            flat[name] = None if value == options.env_parse_none_str else value
    also = (*sorted(variables.reserved_names - fields.keys()), *(secret + FILE_SUFFIX for secret in sorted(secrets)))
    reading = Reading(
        model,
        variables.kind,
        Manner.STRINGS,
        variables.locate,
        variables.prefix,
        also,
        in_capitals=variables.in_capitals,
    )
    if options.env_parse_enums or options.enable_decoding is False or not shape.is_plainly_named:
        from trainspec.settings.sources.customised.naming import decoded

        flat = decoded(shape, options, flat)
    layer = reading.read(flat)
    found += [_both(variables, *names) for names in variables.twice]
    found += [_too_deep(variables, name) for name in variables.too_deep[:MOST_FAULTS]]
    found += _lay_nested_over(shape, variables, layer, below)
    return layer, [*found, *reading.diagnostics]


def _cut(name: str, variables: Variables, shape: Shape) -> tuple[str, bool]:
    """The setting that a variable's name begins with, and whether a key inside it follows."""
    delimiter = variables.options.env_nested_delimiter
    if delimiter == NESTED:
        head, mark, _ = name.partition(NESTED)
        return head, bool(mark)
    if not delimiter or name in shape.fields:
        return name, False
    # A delimiter such as "_" stands in the names of settings too: only what has keys can be gone into.
    heads = [one for one, kind in shape.kinds.items() if kind.mapping and name.startswith(one + delimiter)]
    head = max(heads, key=len, default="")
    return (head, True) if head else (name, False)


def _both(variables: Variables, field: str, *names: str) -> Diagnostic:
    """Two variables that say one thing in two ways."""
    code = CODES["SRC113"]
    message = printable(f"{names[0]} and {names[1]} both give {field}")
    evidence = tuple(Evidence(printable(field), None, variables.place(name)) for name in names)
    remedy = printable(f"unset {names[0]}")
    return Diagnostic("SRC113", code.name, "error", message, code.reason, remedy, evidence)


def _too_deep(variables: Variables, name: str) -> Diagnostic:
    """A variable with more keys inside keys than anything has."""
    why, begin = CODES["SRC109"], shortened(name, _LONGEST_NAME)
    message = printable(f"{begin} has more than {DEEPEST} levels of keys inside keys")
    remedy = f"give what lies deep as JSON, in the variable of a setting: {variables.prefix}FSDP_CONFIG"
    evidence = (Evidence(printable(begin), None, variables.place(name)),)
    return Diagnostic("SRC109", why.name, "error", message, why.reason, remedy, evidence)


def _is_secret(name: str, secrets: frozenset[str]) -> bool:
    renamed = RENAMED.get(name)
    return name in secrets or (renamed is not None and renamed.successor in secrets)


def _read_secret_file(
    variables: Variables, secret: str, name: str, path: str, flat: dict[str, Any]
) -> list[Diagnostic]:
    if secret in variables.values:
        return [_both(variables, secret, variables.spelled[secret], variables.spelled[name])]
    try:
        # An empty mount is an empty variable: nothing is set.
        if text := read_secret(path):
            flat[secret] = text
    except SourceError as error:
        unread = unreadable_secret(secret, variables, name, error)
        # It is mounted where the run is, and nobody has looked for it here.
        return [replace(unread, severity="warning") if out_of_reach() else unread]
    return []


_UNREADABLE = {
    "SRC105": "is not there",
    "SRC109": "is too large",
    "SRC111": "is at a URL whose package is not installed",
}


def unreadable_secret(field: str, variables: Variables, name: str, error: SourceError) -> Diagnostic:
    """Why a mounted secret could not be read. The path is not shown: by a slip it is the secret itself."""
    code, spelled = error.diagnostics[0].code, variables.spelled[name]
    why = _UNREADABLE.get(code, "cannot be read: no permission, no regular file, or not UTF-8 text")
    evidence = (Evidence(field, None, variables.place(spelled)),)
    message, text = f"the file that {spelled} names {why}", CODES[code]
    return Diagnostic(code, text.name, "error", message, text.reason, "name the file that holds the secret", evidence)


def read_secret(path: str) -> str:
    """A secret from the file it is mounted as, without the line break at its end. Raises SourceError."""
    from trainspec.settings.sources.files import read_plain

    return read_plain(path).strip()


def _lay_nested_over(
    shape: Shape, variables: Variables, layer: Layer, inside: dict[str, list[str]]
) -> list[Diagnostic]:
    """TRAINSPEC_A__B over what TRAINSPEC_A said as JSON; where A is no mapping, only one of the two can hold.

    `inside` has the variables that go into each setting.
    """
    for head in sorted(inside):
        below = coerce(shape.kinds[head], variables.nested(head, inside[head]), Manner.STRINGS)
        said = layer.values.get(head)
        layer.values[head] = _merged(said, below) if isinstance(said, dict) else below
    clashes = (_clash(variables, name, head) for head, names in inside.items() for name in names)
    return [_both(variables, *pair) for pair in clashes if pair]


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {key: (below[key], above[key]) for key in below.keys() & above.keys()}
    inner = {key: _merged(*pair) for key, pair in both.items() if all(isinstance(item, dict) for item in pair)}
    return {**below, **above, **inner}


def _clash(variables: Variables, name: str, head: str) -> tuple[str, str, str] | None:
    """The variable around this one, in the same setting, whose value is no mapping that a key can be laid over."""
    delimiter = variables.options.env_nested_delimiter or NESTED
    around = head
    for part in name[len(head + delimiter) :].split(delimiter):
        text = variables.values.get(around)
        if text is not None and not (around == head and text.startswith("{")):
            return around.replace(delimiter, "."), variables.spelled[around], variables.spelled[name]
        around = f"{around}{delimiter}{part}"
    return None
