"""Chinese says all that English says, of the same names and values, and nothing of it in English."""

from __future__ import annotations

import json
import re
from importlib import import_module
from typing import Any

import pytest
from tests.export.spoken import conditions, said

from trainspec.export import markdown
from trainspec.export.json_schema import file_schema
from trainspec.export.translated import translated
from trainspec.text.languages import words_of
from trainspec.text.languages.zh import TEXTS, fixed, mappings

ZH: Any = words_of("zh")
MODULES = {name: import_module(f"trainspec.text.languages.zh.{name}").TEXTS for name in TEXTS}
PAIRS = [(english, chinese) for texts in MODULES.values() for english, chinese in texts.items()]
PAIRS += [pair for texts in mappings("TEMPLATES") for pair in texts.items()]
PAIRS += fixed.STRUCTURES.items()
# Names of classes stand over the keys of a mapping as they are.
CLASS = re.compile(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*")
# Settings, dotted keys, codes, variables, flags, calls: what people write.
NAME = re.compile(r"[A-Za-z0-9]+(?:[_.]+[A-Za-z0-9]+)+|--[a-z-]+|\b[A-Z]{3}\d{3}\b|\{[A-Za-z_]+\}")
ENGLISH = re.compile(
    r"\b(?:a|an|and|are|as|at|by|for|from|has|in|into|is|it|its|nothing|of|on|or|so|than|that|the|their|there|this|"
    r"to|under|unless|what|when|where|which|while|with|without)\b"
)
VALUES = re.compile(r"`[^`]*`|[\w./-]*(?:_|--|://)[\w./-]*|hf auth login|python train\.py|-\w+")


def test_no_text_lacks_its_chinese() -> None:
    assert [text for text in said() if ZH.find(text) is None and not CLASS.fullmatch(text)] == []


def test_no_text_has_two() -> None:
    found: dict[str, str] = {}
    assert [text for text, chinese in PAIRS if found.setdefault(text, chinese) != chinese] == []


def test_no_entry_is_of_a_text_that_nobody_says() -> None:
    """A text that was changed in English is found here, and by the test above."""
    known = {*said(), *(part for text in said() for part in re.split(r"\. (?=[A-Z])|, or |: ", text))}
    known |= {text[:1].lower() + text[1:].removesuffix(".") for text in known}
    of_facts = [name for name in TEXTS if name.startswith("settings.") or name in ("codes", "preflight")]
    idle = [text for name in of_facts for text in MODULES[name] if text not in known]
    assert idle == []


@pytest.mark.parametrize("name", TEXTS)
def test_names_are_the_same(name: str) -> None:
    wrong = [
        (english, chinese)
        for english, chinese in MODULES[name].items()
        if not set(NAME.findall(english)) <= {*NAME.findall(chinese), *re.findall(r"[\w.]+", chinese)}
    ]
    assert wrong == []


def test_placeholders_are_the_same() -> None:
    slot = re.compile(r"(?<!\$)\{[A-Za-z_]+\}")
    assert [
        english for english, chinese in PAIRS if sorted(slot.findall(english)) != sorted(slot.findall(chinese))
    ] == []


def test_nothing_is_left_in_english() -> None:
    left = {text: ZH(text) for text in said() if not CLASS.fullmatch(text)}
    assert [text for text in left.values() if ENGLISH.search(VALUES.sub("", text)) and "{" not in text] == []


def test_conditions_are_told_whole() -> None:
    told = [condition.prose(ZH) for condition in conditions()]
    assert [text for text in told if re.search(r"\b(?:is|not|and|includes|has|above|below|given)\b", text)] == []


@pytest.mark.parametrize("draft", ["7", "2020-12"])
def test_schemas_differ_in_words_alone(draft: Any) -> None:
    english = file_schema(draft=draft)
    chinese = translated(english, ZH)
    assert translated(english, lambda text: "") == translated(chinese, lambda text: "")
    assert json.dumps(chinese, ensure_ascii=False) != json.dumps(english, ensure_ascii=False)
    assert chinese["properties"]["learning_rate"]["title"] == "学习率"
    assert chinese["properties"]["learning_rate"]["description"] == "初始学习率。"


def test_references_differ_in_words_alone() -> None:
    english, chinese = markdown.render(), markdown.render(language="zh")
    anchors = re.compile(r'<a id="([^"]*)">|\]\((#[^)]*)\)')
    parts = ("#settings", "#sections", "#old-names", "#rules-and-codes")
    found = [
        [one for one in anchors.findall(text) if one[0] not in {p[1:] for p in parts}] for text in (english, chinese)
    ]
    assert found[0] == found[1]
    assert len(english.splitlines()) == len(chinese.splitlines())
    told = chinese.replace("`无`", "`none`").replace("`必填`", "`required`")
    values = re.compile(r"`[^`]*`")
    pairs = zip(english.splitlines(), told.splitlines(), strict=True)
    assert [pair for pair in pairs if sorted(values.findall(pair[0])) != sorted(values.findall(pair[1]))] == []
