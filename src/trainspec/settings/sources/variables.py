"""Settings as variables: TRAINSPEC_LEARNING_RATE, nested TRAINSPEC_FSDP_CONFIG__MIN_NUM_PARAMS, secrets in files.

The environment and dotenv files are read alike. A variable with our prefix that matches nothing is an error; launcher
variables (LOCAL_RANK, RANK, WORLD_SIZE, MASTER_*, TORCHELASTIC_*, PET_*) have another prefix and are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from trainspec.settings.codes import CODES
from trainspec.settings.coercion import Manner, Word, coerce
from trainspec.settings.diagnostics import Diagnostic, Evidence, SourceError
from trainspec.settings.names import Layer, Reading
from trainspec.settings.renames import RENAMED
from trainspec.settings.sources.provenance import Source, SourceKind

if TYPE_CHECKING:
    from trainspec.settings.base import Settings

NESTED = "__"
FILE_SUFFIX = "_file"
# Ours too, but about where settings are found; the task's own settings are read by the task's model.
CONFIG, ENV_FILE, SECRETS_DIR = "config", "env_file", "secrets_dir"
TASK = "task"
RESERVED = frozenset({CONFIG, ENV_FILE, SECRETS_DIR, TASK})

Place = Callable[[str], Source]


class Variables:
    """The variables of one source that carry our prefix, by lower-case name without it."""

    def __init__(self, pairs: Iterable[tuple[str, str]], prefix: str, kind: SourceKind, place: Place) -> None:
        self.kind = kind
        self.prefix = prefix
        self.place = place
        self.spelled: dict[str, str] = {}
        self.values: dict[str, str] = {}
        for name, value in pairs:
            plain = value.strip()
            if plain:
                short = name[len(prefix) :].lower()
                self.spelled[short] = name
                self.values[short] = plain

    def reserved(self, name: str) -> str | None:
        """The value of a variable about where settings are found, such as TRAINSPEC_CONFIG."""
        return self.values.get(name)

    def nested(self, under: str) -> dict[str, Any]:
        """The variables below a name as a nested dict: TRAINSPEC_TASK__WIDTH is {"width": ...} below `task`."""
        found: dict[str, Any] = {}
        start = under + NESTED
        for name, value in self.values.items():
            if name.startswith(start):
                _set(found, tuple(name[len(start) :].split(NESTED)), Word(value))
        return found

    def locate(self, path: tuple[str, ...]) -> Source:
        """The variable that says `path`, or the one around it that says it as JSON."""
        for length in range(len(path), 0, -1):
            name = NESTED.join(path[:length]).lower()
            spelled = self.spelled.get(name) or self.spelled.get(name + FILE_SUFFIX)
            if spelled is not None:
                place = self.place(spelled)
                return place
        return Source(self.kind, self.prefix + NESTED.join(path).upper())


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
    fields = model.__pydantic_fields__
    secrets = model.secret_fields()
    for name, value in variables.values.items():
        head, *rest = name.split(NESTED)
        if head in RESERVED and head not in fields:
            continue
        if rest and head in fields:
            continue
        secret = name.removesuffix(FILE_SUFFIX)
        if name not in fields and name.endswith(FILE_SUFFIX) and _is_secret(secret, secrets):
            found += _read_secret_file(variables, secret, name, value, flat)
        else:
            flat[name] = value
    reading = Reading(model, variables.kind, Manner.STRINGS, variables.locate, variables.prefix)
    layer = reading.read(flat)
    _lay_nested_over(model, variables, layer)
    return layer, [*found, *reading.diagnostics]


def _is_secret(name: str, secrets: frozenset[str]) -> bool:
    renamed = RENAMED.get(name)
    return name in secrets or (renamed is not None and renamed.successor in secrets)


def _read_secret_file(
    variables: Variables, secret: str, name: str, path: str, flat: dict[str, Any]
) -> list[Diagnostic]:
    if secret in variables.values:
        both = (variables.spelled[secret], variables.spelled[name])
        message = f"{both[0]} and {both[1]} both give {secret}"
        evidence = tuple(Evidence(secret, None, variables.place(item)) for item in both)
        code = CODES["SRC113"]
        return [Diagnostic("SRC113", code.name, "error", message, code.reason, f"unset {both[0]}", evidence)]
    try:
        flat[secret] = read_secret(path)
    except SourceError as error:
        cited = Evidence(secret, None, variables.place(variables.spelled[name]))
        return [_cite(item, cited) for item in error.diagnostics]
    return []


def _cite(diagnostic: Diagnostic, evidence: Evidence) -> Diagnostic:
    from dataclasses import replace

    return replace(diagnostic, evidence=(evidence,))


def read_secret(path: str) -> str:
    """A secret from the file it is mounted as, without the line break at its end. Raises SourceError."""
    from trainspec.settings.sources.files import read_plain

    return read_plain(path).strip()


def _lay_nested_over(model: type[Settings], variables: Variables, layer: Layer) -> None:
    """TRAINSPEC_A__B over what TRAINSPEC_A said as JSON."""
    kinds = model.field_kinds()
    heads = {name.partition(NESTED)[0] for name in variables.values if NESTED in name}
    for head in sorted(heads & kinds.keys()):
        nested = coerce(kinds[head], variables.nested(head), Manner.STRINGS)
        said = layer.values.get(head)
        layer.values[head] = {**said, **nested} if isinstance(said, dict) else nested
