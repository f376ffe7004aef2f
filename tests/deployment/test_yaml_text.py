"""YAML for readers of both dialects: PyYAML (1.1, as older tools) and ours (1.2) find what was written."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trainspec.deployment.yaml_text import write_yaml
from trainspec.settings.sources.formats.yaml12 import parse_yaml


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("digits", "digits"),
        ("runs/a b", "runs/a b"),
        ("s3://bucket/run", "s3://bucket/run"),
        ("3e-4", "'3e-4'"),
        ("0o17", "'0o17'"),
        ("yes", "'yes'"),
        ("null", "'null'"),
        ("1:30", "'1:30'"),
        ("a: b", "'a: b'"),
        ("a #b", "'a #b'"),
        ('{"a": 1}', "'{\"a\": 1}'"),
        ("a\nb\n", "|\n  a\n  b"),
        ("tab\t\0", '"tab\\t\\0"'),
        (0.0003, "0.0003"),
        (None, "null"),
    ],
)
def test_a_value_is_written_as_people_would(value: Any, written: str) -> None:
    assert write_yaml([{"key": value}]) == f"key: {written}\n"


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12) | st.from_regex(r"[0-9a-fox_.:+~-]{1,8}")


@given(st.dictionaries(texts, texts, max_size=3))
def test_any_text_is_read_back_by_both(texts: dict[str, str]) -> None:
    written = write_yaml([texts])
    assert yaml.safe_load(written) == texts
    assert [value for value, _ in parse_yaml(written)] == [texts]


def test_lists_are_set_in_and_documents_apart() -> None:
    assert write_yaml([{"a": ["b"]}, {"c": {}}]) == "a:\n  - b\n---\nc: {}\n"
