"""How an app's variables, files of secrets and flags name what stands inside it, and those of them that there are."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, get_args

from pydantic_settings import BaseSettings, EnvSettingsSource

from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.embedding.outer import Path
from trainspec.settings.sources.variables import NESTED, Variables

Place = Callable[[str], Source]


class AppVariables(Variables):
    """The variables of one of the app's sources about one embedded model, by our names.

    The app chooses prefix, delimiter and case; what it calls a value is what messages call it.
    """

    reserved_names = frozenset()

    def __init__(self, kind: SourceKind, prefix: str, delimiter: str, place: Place) -> None:
        super().__init__((), prefix, kind, place)
        self._delimiter = delimiter

    def take(self, short: str, spelled: str, text: str) -> None:
        """One more variable, under our name for it."""
        plain = text.strip()
        if plain:
            self.spelled[short], self.values[short] = spelled, plain

    @property
    def in_capitals(self) -> bool:
        return self.prefix.isupper() and self.kind is not SourceKind.FLAG

    def written(self, path: tuple[str, ...]) -> str:
        name = self._delimiter.join(path)
        return self.prefix + (name.upper() if self.in_capitals else name)


class Names:
    """The names that a source of text has for what stands at one place of an app."""

    def __init__(self, app: type[BaseSettings], source: EnvSettingsSource, path: Path) -> None:
        self.source = source
        self.delimiter: str | None = source.env_nested_delimiter
        self.depth = len(path)
        self._others: set[str] = set()
        self.around: list[list[str]] = []
        """For each name of the outermost value: its name, and those of what lies in it on the way to the place."""
        for name, field in app.model_fields.items():
            for key, variable, _ in source._extract_field_info(field, name):
                if path[0] in (key, name):
                    self.around.append(self._chain(variable, path[1:]))
                else:
                    self._others.add(variable)

    def _chain(self, variable: str, inner: Path) -> list[str]:
        chain = [variable]
        for step in inner:
            if not self.delimiter:
                break
            chain.append(chain[-1] + self.delimiter + self.source._apply_case_sensitive(str(step)))
        return chain

    def whole(self) -> Iterator[tuple[str, int, str]]:
        """Values that hold all of it: the name, how many steps lie between it and the place, the text."""
        for chain in self.around:
            for place, name in enumerate(chain):
                text = self.source.env_vars.get(name)
                if isinstance(text, str) and text.strip():
                    yield name, self.depth - 1 - place, text

    def below(self) -> Iterator[tuple[str, str, str]]:
        """Values that hold one thing in it: the name, its end below the place, the text."""
        for chain in reversed(self.around):
            if not self.delimiter or len(chain) < self.depth:
                continue
            start = chain[-1] + self.delimiter
            for name in self.source.env_vars:
                if name.startswith(start) and name not in self._others:
                    yield name, name[len(start) :], _text(self.source.env_vars[name])

    def elsewhere(self) -> Iterator[str]:
        """Keys that variables of the app's other fields only seem to say: TRAIN_DATA is no DATA of TRAIN."""
        for chain in self.around:
            start = chain[-1] + (self.delimiter or "")
            yield from (self.key_of(name[len(start) :]) for name in self._others if name.startswith(start))

    def key_of(self, short: str) -> str:
        """The key under which pydantic-settings put the value of a name that ends so below the place."""
        if not self.delimiter:
            return short
        splits: int = getattr(self.source, "maxsplit", -1)
        return short.split(self.delimiter, splits if splits < 0 else max(splits - self.depth + 1, 0))[0]

    def start(self) -> str:
        """What the names of all things at the place begin with."""
        chain = self.around[0] if self.around else [""]
        return chain[-1] + (self.delimiter or "")


def _text(value: Any) -> str:
    if type(value).__name__ == "EnvNoneType":
        return "null"
    # A flag that takes lists and was given no word holds an empty one.
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def our_name(short: str, delimiter: str, known: Mapping[str, Any]) -> str:
    """Our name of what an app calls `short` below its place: FSDP_CONFIG.VERSION is fsdp_config__version."""
    name = short.lower()
    if name in known or delimiter == NESTED:
        return name
    heads = [head for head in known if name.startswith(head + delimiter)]
    if not heads:
        return name if delimiter == "_" else name.replace(delimiter, NESTED)
    head = max(heads, key=len)
    rest = name[len(head) + len(delimiter) :]
    # Where words are cut like keys, what is left is one key: none of ours nests deeper.
    return head + NESTED + (rest if delimiter == "_" else rest.replace(delimiter, NESTED))


def member_value(annotation: Any, text: str) -> str:
    """The value of the choice that a text names in Python's way (COSINE for cosine), else the text."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return str(annotation[text].value) if text in annotation.__members__ else text
    return next((said for part in get_args(annotation) if (said := member_value(part, text)) != text), text)


def in_environment(names: list[str], *, exact: bool) -> dict[str, str]:
    """How variables are spelled in the environment, of which the app's source keeps the lower case alone."""
    if exact:
        return {name: name for name in names}
    spelled = {name: upper for name in names if (upper := name.upper()) in os.environ}
    if len(spelled) < len(names):
        spelled = {name.lower(): name for name in os.environ} | spelled
    return spelled
