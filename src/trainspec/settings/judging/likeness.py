"""Whether a file looks like settings of ours, for tools that are handed every file of a repository."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainspec.settings.base import Settings

# Other programs have a `seed` or a `bf16` too: one name proves nothing, and neither do a few among many others.
FEWEST = 2
SHARE = 2 / 3
_POINTERS = re.compile(r"\$schema[\"']?\s*[=:].*trainspec|^#:schema .*trainspec", re.MULTILINE)
_AT_THE_TOP = re.compile(r"""^(?:["']?([A-Za-z_][\w-]*)["']?\s*[:=]|\[([A-Za-z_][\w-]*)[\].])""", re.MULTILINE)
_IN_JSON = re.compile(r'"([A-Za-z_][\w-]*)"\s*:')


def looks_like_settings(text: str, name: str, model: type[Settings]) -> bool:
    """Whether a text points at our schema, or most of its keys at the top are settings, old names among them.

    The text is looked at and not parsed, so that a file of settings that does not parse is one nevertheless.
    """
    if _POINTERS.search(text[:4096]):
        return True
    if name.lower().endswith(".json"):
        keys = set(_IN_JSON.findall(text))
    else:
        keys = {key or table for key, table in _AT_THE_TOP.findall(text)}
    keys -= {"task"}
    ours = keys & _names_of(model)
    return len(ours) >= FEWEST and len(ours) >= SHARE * len(keys)


def _names_of(model: type[Settings]) -> set[str]:
    from trainspec.settings.sources.renames import REMOVED, RENAMED
    from trainspec.settings.values.shape import shape_of

    shape = shape_of(model)
    return {*shape.fields, *shape.spellings, *RENAMED, *REMOVED}
