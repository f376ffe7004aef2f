"""YAML that every reader takes alike: what an old or a new dialect could read as a number or a switch is quoted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

_SURE = re.compile(r"[A-Za-z/](?:[A-Za-z0-9_/.@-]|:(?! |$)| (?=[A-Za-z0-9(]))*")


class _Dumper(yaml.SafeDumper):
    """Strings quoted unless they are surely strings; lists set in below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        """What stands in two places is written twice: not everyone who reads an export knows anchors."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    """Plain, a block of lines, or quoted; where PyYAML finds one too weak for the text it takes double quotes."""
    if _SURE.fullmatch(text):
        return None
    return "|" if "\n" in text else "'"


_Dumper.add_representer(str, _text)


def write_yaml(documents: Iterable[Any]) -> str:
    """The documents of one YAML stream."""
    return "---\n".join(
        yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=4096) for document in documents
    )
