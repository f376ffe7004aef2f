"""Which variable is which setting, and what its text spells, where a class says otherwise than ours usually do."""

from __future__ import annotations

import types
from collections.abc import Mapping
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from trainspec.settings.values.coercion import Verbatim

if TYPE_CHECKING:
    from trainspec.settings.sources.customised.options import SourceOptions
    from trainspec.settings.values.shape import Shape

_FILE_SUFFIX = "_file"


class Naming:
    """From the names of variables to the names of settings: prefixes, letter case and aliases."""

    def __init__(self, shape: Shape, options: SourceOptions) -> None:
        self.shape = shape
        self.options = options
        self.fold = str if options.case_sensitive else str.lower
        self.prefix = self.fold(options.env_prefix)
        target = options.env_prefix_target or "variable"
        self.of_names = self.prefix if target in ("variable", "all") else ""
        of_aliases = self.prefix if target in ("alias", "all") else ""
        self.aliases = {of_aliases + self.fold(alias): name for alias, name in shape.spellings.items()}
        self.fields = {self.fold(name): name for name in shape.fields}

    def short(self, name: str) -> str | None:
        """The variable's name without what stands before it; None for a variable that is not ours."""
        folded = self.fold(name)
        if folded in self.aliases:
            return self.aliases[folded]
        if self.of_names and folded.startswith(self.of_names):
            return self._as_field(folded[len(self.of_names) :])
        if not self.of_names and self._is_known(folded):
            return self._as_field(folded)
        # Ours by its prefix, though no setting is named so: to be told.
        return folded[len(self.prefix) :] if self.prefix and folded.startswith(self.prefix) else None

    def _as_field(self, short: str) -> str:
        if short in self.fields:
            return self.fields[short]
        head, mark, rest = short.partition(self.options.env_nested_delimiter or "\0")
        return f"{self.fields.get(head, head)}{mark}{rest}"

    def _is_known(self, name: str) -> bool:
        """Whether a name without any prefix is a setting's, lies inside one, or names the file of a secret."""
        if name in self.fields or (name.endswith(_FILE_SUFFIX) and name.removesuffix(_FILE_SUFFIX) in self._secrets):
            return True
        delimiter = self.options.env_nested_delimiter
        return bool(delimiter) and any(name.startswith(f"{head}{delimiter}") for head in self._mappings)

    @cached_property
    def _secrets(self) -> frozenset[str]:
        return frozenset(map(self.fold, self.shape.secrets))

    @cached_property
    def _mappings(self) -> list[str]:
        return [self.fold(name) for name, kind in self.shape.kinds.items() if kind.mapping]


def decoded(shape: Shape, options: SourceOptions, flat: Mapping[str, Any]) -> dict[str, Any]:
    """The texts of variables, marked where they are to stay as they are, and members' names of enums as values."""
    found: dict[str, Any] = {}
    for name, text in flat.items():
        info = shape.fields.get(name)
        if info is None or not isinstance(text, str):
            found[name] = text
            continue
        value = _members(info.annotation).get(text, text) if options.env_parse_enums else text
        found[name] = Verbatim(value) if _stays_text(shape, name, options) else value
    return found


def _stays_text(shape: Shape, name: str, options: SourceOptions) -> bool:
    from pydantic_settings import ForceDecode, NoDecode

    kind, metadata = shape.kinds[name], shape.fields[name].metadata
    if not (kind.mapping or kind.items is not None):
        return False
    return any(one is NoDecode for one in metadata) or (
        options.enable_decoding is False and ForceDecode not in metadata
    )


def _members(annotation: Any) -> dict[str, str]:
    """What the names of an enum's members stand for, wherever the enum is in an annotation."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return {name: value for one in get_args(annotation) for name, value in _members(one).items()}
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {member.name: str(member.value) for member in annotation}
    return {}
