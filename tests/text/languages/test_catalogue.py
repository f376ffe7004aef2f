"""A catalogue finds texts whole, by templates, or sentence by sentence, and shows what it does not know as it is."""

from __future__ import annotations

import pytest

from trainspec.text.languages import words_of
from trainspec.text.languages.catalogue import Catalogue

CATALOGUE = Catalogue(
    {"text": "文本", "null": "null", "Never.": "从不。", "the run ends": "运行结束"},
    {
        "{name} has no effect": "{name} 不起作用",
        "{name} takes {EXPECTED}, not {value}": "{name} 应为{EXPECTED}，而不是 {value}",
    },
    {"{FIRST}, or {LAST}": "{FIRST}，或{LAST}", "one of {choices}": "{choices} 之一"},
    stop="。",
)

KNOWN = {
    "whole": ("the run ends", "运行结束"),
    "a sentence of a phrase": ("The run ends.", "运行结束。"),
    "several sentences": ("Never. The run ends.", "从不。运行结束。"),
    "a value as it stands": ("seed has no effect", "seed 不起作用"),
    "a value that is a phrase too": ("text has no effect", "text 不起作用"),
    "a part that is translated": ("seed takes text, not the run ends", "seed 应为文本，而不是 the run ends"),
    "a part that is divided": ("seed takes text, or null, not 1", "seed 应为文本，或 null，而不是 1"),
    "a part with values": ("seed takes one of a, b, or null, not 1", "seed 应为 a, b 之一，或 null，而不是 1"),
}


@pytest.mark.parametrize(("text", "expected"), KNOWN.values(), ids=KNOWN)
def test_known(text: str, expected: str) -> None:
    assert CATALOGUE(text) == CATALOGUE.find(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "nobody has said this",
        "Never. Nobody has said this.",
        "seed takes an odd thing, not 1",
        "two words has no effect",
        "a {name} in it has no {effect}",
        "x" * 5000,
    ],
)
def test_what_is_not_known_is_shown_whole(text: str) -> None:
    assert CATALOGUE(text) == text
    assert CATALOGUE.find(text) is None


@pytest.mark.parametrize("text", ["." * 1900, "a, " * 600, "text, or " * 200, "A: " * 600, "Never. " * 250 + "x"])
def test_what_strangers_write_is_soon_given_up(text: str) -> None:
    assert words_of("zh")(text) == text
