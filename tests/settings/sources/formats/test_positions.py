"""Every value of a file knows its line and column, in every format and layout."""

from __future__ import annotations

import json
import string
import time
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.settings.samples import as_toml

from trainspec import TrainingArguments, diagnostics
from trainspec.settings.sources.files import Document, parse_document
from trainspec.settings.sources.formats.json_text import json_marks, parse_json
from trainspec.settings.sources.formats.toml_text import parse_toml, toml_marks


def faults(make: Any) -> list[Any]:
    with pytest.raises(ValidationError) as caught:
        make()
    return diagnostics(caught.value)


PLACES = {
    "YAML in blocks": ("yaml", "output_dir: x\n\nfsdp: full_shard\nfsdp_config:\n    min_num_params: x\n", 5, 5),
    "YAML in a flow": ("yaml", "fsdp: full_shard\nfsdp_config: {version: 2, min_num_params: x}", 2, 27),
    "YAML with CRLF": ("yaml", "fsdp: full_shard\r\nfsdp_config:\r\n  min_num_params: x\r\n", 3, 3),
    "JSON": ("json", '{"fsdp": "full_shard", "fsdp_config":\n  {"min_num_params": "x"}}', 2, 4),
    "JSON with escapes": (
        "json",
        '{"fsdp": "full_shard", "fsdp\\u005fconfig":\n  {"a\\"b": 1,\n"min_num_params": "x"}}',
        3,
        1,
    ),
    "TOML table": ("toml", 'fsdp = "full_shard"\n[fsdp_config]\n\n  min_num_params = "x"\n', 4, 3),
    "TOML dotted": ("toml", 'fsdp = "full_shard"\nfsdp_config . min_num_params = "x"\n', 2, 1),
    "TOML inline": ("toml", 'fsdp = "full_shard"\nfsdp_config = {min_num_params = "x"}\n', 2, 1),
    "TOML after a long text": (
        "toml",
        "fsdp = \"full_shard\"\nrun_name = '''\\\nseed = 1'''\nfsdp_config.min_num_params = \"x\"",
        4,
        1,
    ),
}


@pytest.mark.parametrize(("format", "text", "line", "column"), PLACES.values(), ids=PLACES)
def test_a_fault_points_to_its_key(format, text, line, column):
    found = faults(lambda: getattr(TrainingArguments, f"from_{format}")(text, name="here"))
    (item,) = [item for item in found if item.fields == ("fsdp_config.min_num_params",)]
    assert (item.code, str(item.source)) == ("VAL101", f"here:{line}:{column}")


# What ended a line in YAML 1.1 does in no editor: they show one line of these, however many libyaml counts.
ODD_BREAKS = {"next line": "\x85", "a line separator": "\u2028", "a paragraph separator": "\u2029"}


@pytest.mark.parametrize("sign", ODD_BREAKS.values(), ids=ODD_BREAKS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_those_that_editors_show(sign: str, end: str) -> None:
    text = f'# a{sign}# b{end}run_name: "a {sign} b"{end}fsdp: full_shard{end}fsdp_config: {{min_num_params: x}}{end}'
    found = faults(lambda: TrainingArguments.from_yaml(text, name="here"))
    (item,) = [item for item in found if item.fields == ("fsdp_config.min_num_params",)]
    assert str(item.source) == "here:4:15"
    # So are those of what is no YAML, and of a slip that explains it.
    found = faults(lambda: TrainingArguments.from_yaml(f"# a{sign}# b{end}seed: 1{end}bf16 true{end}", name="here"))
    assert [(item.code, str(item.source), item.remedy) for item in found] == [
        ("SRC107", "here:3:1", "write key: value")
    ]


KEY = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=5)
ODD_KEY = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=5)
LEAF = ODD_KEY | st.integers(-(10**6), 10**6) | st.booleans()
TREE = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_KEY, inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(ODD_KEY, TREE, max_size=4), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_key_of_json_is_found_where_it_stands(document, indent, escaped):
    text = json.dumps(document, indent=indent, ensure_ascii=escaped)
    assert parse_json(text) == document
    marks, lines = json_marks(text), text.split("\n")
    for path, value in walk(document, ()):
        begin = lines[marks[path].line - 1][marks[path].column - 1 :]
        written = json.dumps(value if isinstance(value, list) else path[-1], ensure_ascii=escaped)
        assert begin.startswith(written if not isinstance(value, list) else written[:1])


def walk(value: dict[str, Any], path: tuple[str, ...]) -> Any:
    for key, item in value.items():
        yield (*path, key), None
        if isinstance(item, dict):
            yield from walk(item, (*path, key))


@given(
    st.dictionaries(KEY, st.dictionaries(ODD_KEY, LEAF | st.lists(LEAF, max_size=2), max_size=3), max_size=3),
    st.booleans(),
)
def test_every_key_of_toml_is_found_where_it_stands(tables, spread):
    out = ['# \'a comment\' = """\n']
    for table, content in tables.items():
        out.append(f"[{table}]\n")
        for key, value in content.items():
            written = (
                as_toml(value).replace("[", "[\n # ]\n", 1) if spread and isinstance(value, list) else as_toml(value)
            )
            out.append(f"  {json.dumps(key, ensure_ascii=False)} = {written}\n")
    text = "".join(out).replace("\x7f", "")
    assert parse_toml(text) == tomllib.loads(text)
    marks, lines = toml_marks(text), text.split("\n")
    for table, content in tomllib.loads(text).items():
        assert lines[marks[(table,)].line - 1] == f"[{table}]"
        for key in content:
            place = marks[(table, key)]
            assert lines[place.line - 1][place.column - 1 :].startswith(json.dumps(key, ensure_ascii=False))


def test_documents_remember_places_only_when_asked():
    document = parse_document('{"seed": 1}', "json", "here")
    assert isinstance(document, Document) and document._marks is None
    assert document.source(("seed",)).column == 2


@pytest.mark.parametrize("format", ["json", "toml"])
def test_places_in_the_longest_text_are_found_quickly(format):
    text = json.dumps({"a": ["x"] * 79_000, "b": 1}) if format == "json" else f"a = [{'0,' * 79_000}]\nb = 1"
    begin = time.process_time()
    source = parse_document(text, format, "here").source(("b",))
    assert (source.name, source.line) == ("here", 1 if format == "json" else 2)
    assert time.process_time() - begin < 2
