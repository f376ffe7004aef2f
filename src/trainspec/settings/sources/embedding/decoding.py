"""Lists and mappings in text are read by us, whoever's source they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_origin

import pydantic_settings
from pydantic.fields import FieldInfo

# Since 2.7; before, a list in a variable of an app can only be JSON.
_NO_DECODE: Any = getattr(pydantic_settings, "NoDecode", None)
_CONTAINERS = (list, tuple, set, frozenset, dict)


class _ReadHere:
    """What sources of pydantic-settings take for NoDecode, and we do not: people say that to get a text as it is."""

    def __eq__(self, other: object) -> bool:
        return other is _NO_DECODE or other is self

    def __hash__(self) -> int:
        return id(self)


_READ_HERE = _ReadHere()


def leave_lists_to_us(fields: Mapping[str, FieldInfo]) -> None:
    """Tell sources of pydantic-settings not to take the text of these fields for JSON, which `a,b` is not."""
    for info in fields.values():
        kind = get_origin(info.annotation) or info.annotation
        if isinstance(kind, type) and issubclass(kind, _CONTAINERS) and _READ_HERE not in info.metadata:
            info.metadata.append(_READ_HERE)
