"""What a secret manager answers: values with their versions, and the one form that a whole secret must have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One value, the name it has in the service, and the version that was read. Never printed."""

    key: str
    value: Any
    version: str = ""

    def __repr__(self) -> str:
        return f"Entry({self.key!r}, version={self.version!r})"


class NotAMapping(Exception):
    """A secret that is no mapping of settings. `why` has nothing of the secret's own words."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def mapping_of(text: str) -> dict[str, Any]:
    """The mapping that a JSON text is. Raises NotAMapping, which holds no part of the text."""
    from trainspec.settings.sources.formats.json_text import parse_json
    from trainspec.settings.sources.formats.limits import Fault

    try:
        value = parse_json(text)
    except Fault as fault:
        # The words of a fault may quote what does not parse.
        why = "a key stands twice in it" if fault.code == "SRC104" else "it is not JSON"
    else:
        if isinstance(value, dict):
            return value
        why = "it is JSON, but no mapping"
    raise NotAMapping(why)


def text_of(data: bytes) -> str:
    """The text that bytes are. Raises NotAMapping."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    raise NotAMapping("it is not UTF-8 text")
