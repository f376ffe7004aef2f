"""YAML is read as 1.2, safely and within bounds, and every value keeps its place."""

from __future__ import annotations

import io
import math
import re
import string
import time
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from trainspec.settings.sources.formats.limits import Fault
from trainspec.settings.sources.formats.yaml12 import DEEPEST, LARGEST, parse_yaml


def read(text: str) -> Any:
    ((value, _),) = parse_yaml(text)
    return value


def fault(text: str) -> Fault:
    with pytest.raises(Fault) as caught:
        list(parse_yaml(text))
    return caught.value


SCALARS = (
    {
        word: word
        for word in ("no", "No", "NO", "off", "Off", "yes", "Yes", "on", "ON", "y", "n", "nULL", "none", "None")
    }
    | {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False, "tRUE": "tRUE"}
    | dict.fromkeys(("null", "Null", "NULL", "~", ""))
    | {"5e-5": 5e-5, "5E5": 5e5, "1e3": 1e3, "1.": 1.0, ".5": 0.5, "-.5": -0.5, "+1.5e+3": 1500.0, "1.5.2": "1.5.2"}
    | {"0": 0, "-0": 0, "+12": 12, "007": 7, "0o17": 15, "0xFf": 255, "-0x1": "-0x1", "0b1": "0b1", "017_": "017_"}
    | {"1_000": "1_000", "1,000": "1,000", "12:30:45": "12:30:45", "190:20": "190:20", "1e": "1e", "e5": "e5"}
    | {"2001-12-14": "2001-12-14", "2001-12-14t21:59:43.10-05:00": "2001-12-14t21:59:43.10-05:00"}
    | {".inf": math.inf, "-.INF": -math.inf, "+.Inf": math.inf, ".iNf": ".iNf", "inf": "inf", "+.nan": "+.nan"}
    | {
        "'no'": "no",
        '"5"': "5",
        "'null'": "null",
        '"a\\tb"': "a\tb",
        "'it''s'": "it's",
        "=": "=",
        ".": ".",
        "-1-": "-1-",
    }
    | {"!!str 5": "5", "!!int 5": 5, "!!float 5": 5.0, "!!bool true": True, "!!null ~": None, "! 5": "5"}
)


@pytest.mark.parametrize(("text", "value"), SCALARS.items())
def test_scalars(text, value):
    found = read(f"key: {text}")["key"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_nan(text):
    assert math.isnan(read(f"key: {text}")["key"])


REFUSED = {
    "a Python object": ("a: 1\nb: !!python/object/apply:os.system [ls]", "SRC107", (2, 4)),
    "a Python name": ("!!python/name:os.system", "SRC107", (1, 1)),
    "a tag of a program": ("a: !secret x", "SRC107", (1, 4)),
    "a tag on a mapping": ("a: !thing {b: 1}", "SRC107", (1, 4)),
    "a tag on a list": ("a: !!set [b]", "SRC107", (1, 4)),
    "a tag on a key": ("!!python/tuple a: 1", "SRC107", (1, 1)),
    "a tag that lies": ("a: !!int x", "SRC107", (1, 4)),
    "binary": ("a: !!binary aGVsbG8=", "SRC107", (1, 4)),
    "a tab for indentation": ("a:\n\tb: 1", "SRC107", (2, 1)),
    "an open quote": ('a: "b', "SRC107", (1, 4)),
    "an open list": ("a: [1, 2", "SRC107", (2, 1)),
    "two values on a line": ("a: b: c", "SRC107", (1, 5)),
    "an unknown anchor": ("a: *b", "SRC107", (1, 4)),
    "an anchor in itself": ("a: &a [*a]", "SRC107", (1, 8)),
    "a list as a key": ("? [a]\n: 1", "SRC107", (1, 3)),
    "a mapping as a key": ("{a: 1}: 1", "SRC107", (1, 1)),
    "a key twice": ("a: 1\nb: 2\na: 3", "SRC104", (3, 1)),
    "a key twice, quoted once": ("a: 1\n'a': 3", "SRC104", (2, 1)),
    "a key twice in depth": ("a:\n  - b: {c: 1, c: 1}", "SRC104", (2, 15)),
    "a merged scalar": ("<<: 5", "SRC107", (1, 1)),
    "a merged list of scalars": ("a: 1\n<<: [5]", "SRC107", (2, 1)),
    "a control character": ("a: \x01", "SRC107", None),
    "half a surrogate pair": ("a: \ud800", "SRC107", None),
}


@pytest.mark.parametrize(("text", "code", "place"), REFUSED.values(), ids=REFUSED)
def test_refused_where_it_stands(text, code, place):
    found = fault(text)
    assert found.code == code
    assert place is None or found.place == place


STREAMS = {
    "nothing": ("", [None]),
    "comments only": ("# one\n\n# two\n", [None]),
    "a start alone": ("---\n", [None]),
    "two documents": ("a: 1\n---\na: 2\n", [{"a": 1}, {"a": 2}]),
    "a directive": ("%YAML 1.1\n---\na: no\n", [{"a": "no"}]),
    "a mark of byte order": ("\ufeffa: 1", [{"a": 1}]),
    "carriage returns": ("a: 1\r\nb:\r\n  c: x\r\n", [{"a": 1, "b": {"c": "x"}}]),
    "a list": ("- a\n- 1\n", [["a", 1]]),
    "keys that read as other types": (
        "1: a\ntrue: b\nnull: c\n5e-5: d",
        [{"1": "a", "true": "b", "null": "c", "5e-5": "d"}],
    ),
    "literal and folded": ("a: |\n  b\n  c\nd: >-\n  e\n  f\n", [{"a": "b\nc\n", "d": "e f"}]),
}


@pytest.mark.parametrize(("text", "documents"), STREAMS.values(), ids=STREAMS)
def test_streams(text, documents):
    assert [value for value, _ in parse_yaml(text)] == documents


ANCHORS = {
    "an alias": ("a: &x 5\nb: *x", {"a": 5, "b": 5}),
    "of a mapping": ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
    "on a key": ("&x a: 1\nb: *x", {"a": 1, "b": "a"}),
    "as a key": ("a: &x b\n*x : 2", {"a": "b", "b": 2}),
    "a merge": ("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
    "what is written before wins too": ("a: &x {b: 1}\nd: {b: 2, <<: *x}", {"a": {"b": 1}, "d": {"b": 2}}),
    "several merged, the first wins": (
        "a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne:\n  <<: [*x, *y]",
        {"a": {"b": 1}, "c": {"b": 2, "d": 3}, "e": {"b": 1, "d": 3}},
    ),
    "a quoted << is a key": ("'<<': {a: 1}", {"<<": {"a": 1}}),
    "used again": ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
}


@pytest.mark.parametrize(("text", "value"), ANCHORS.values(), ids=ANCHORS)
def test_anchors(text, value):
    assert read(text) == value


def test_values_of_an_alias_have_the_place_of_the_anchor():
    ((_, marks),) = parse_yaml("a: &x\n  b: 1\n  c: [2]\nd: *x\ne:\n  <<: *x\n  c: 3\n")
    assert marks[("d",)] == (4, 1) and marks[("d", "b")] == (2, 3) and marks[("d", "c", "0")] == (3, 7)
    assert marks[("e", "b")] == (2, 3) and marks[("e", "c")] == (7, 3)


def test_a_place_in_an_alias_of_an_alias_is_that_of_the_first_anchor():
    ((_, marks),) = parse_yaml("a: &x\n  b: &y {c: 1}\nd: &z [*x]\ne: *z\nf: [*y]\n")
    assert marks[("e", "0", "b", "c")] == (2, 10) and ("e", "0", "b", "no") not in marks
    assert marks[("e", "0")] == (3, 8) and marks[("f", "0")] == (5, 5) and marks[("f", "0", "c")] == (2, 10)


def test_anchors_under_a_second_key_keep_their_own_places():
    faults: list[Fault] = []
    ((value, marks),) = parse_yaml("a: {b: 1}\na: &x\n  b: &y [2]\nc: *x\nd: *y\n", faults=faults)
    assert value == {"a": {"b": 1}, "c": {"b": [2]}, "d": [2]} and len(faults) == 1
    assert marks[("a", "b")] == (1, 5) and marks[("c", "b")] == (3, 3) and marks[("d", "0")] == (3, 10)


def test_merge_keys_that_lead_in_a_circle_are_read():
    ((value, marks),) = parse_yaml("<<: &a {k: 1}\nx: {<<: &b {l: 2}, <<: *a}\n<<: *b\n")
    assert value == {"x": {"l": 2, "k": 1}, "k": 1, "l": 2}
    assert ("<<", "m") not in marks and marks.get(("<<", "m", "n")) is None


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def chain(*links: str) -> str:
    return "\n".join(f"a{number}: &a{number} {link}" for number, link in enumerate(links))


BOMBS = {
    "nested beyond the bound": nested(DEEPEST + 2),
    "nested beyond reason": "[" * 100_000,
    "nested in blocks": "".join(" " * depth + "a:\n" for depth in range(200)),
    "nested through aliases": chain("[x]", *(f"[*a{number}]" for number in range(100))),
    "a billion laughs": chain("[x, x, x, x, x, x, x, x, x]", *("[" + f"*a{n}, " * 9 + "]" for n in range(12))),
    "a billion merged laughs": chain("{x: 1}", *(f"{{<<: [{f'*a{n}, ' * 9}], k: *a{n}}}" for n in range(60))),
    "a long text a thousand times": "a: &a " + "x" * 100_000 + "\nb: [" + "*a, " * 1000 + "]",
    "too many values": "[" + "1," * (LARGEST + 1) + "]",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_bombs_are_told_within_a_second(text):
    begin = time.process_time()
    assert fault(text).code == "SRC109"
    assert time.process_time() - begin < 2


def test_what_is_within_the_bounds_is_read():
    assert read(nested(DEEPEST)) is not None
    assert len(read("[" + "1," * 39_999 + "]")) == 39_999


def test_many_anchors_are_read_in_linear_time():
    begin = time.process_time()
    assert len(read("".join(f"- &a{number} x\n" for number in range(30_000)))) == 30_000
    assert time.process_time() - begin < 5


# Values whose form both writers agree on; ruamel reads `_` in numbers, dates and 0b as YAML 1.1 did.
PLAIN = st.text(string.ascii_letters + string.digits + "+-.eEoxnul~", min_size=1, max_size=12)


def reads_alike(text: str) -> bool:
    return "0b" not in text and not re.match("[-+]0[ox]", text)


@given(PLAIN)
@example("0o17")
@example("017")
@example("1e5")
@example(".5")
@example("-.inf")
def test_plain_scalars_resolve_as_ruamel_resolves_them(text):
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 2)
    try:
        (theirs,) = reader.load(f"- {text}\n")
    except Exception:
        return
    if isinstance(theirs, list | dict) or not reads_alike(text):
        return
    (ours,) = read(f"- {text}\n")
    assert (repr(ours), type(ours)) == (repr(theirs), type(theirs))


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
KEY = st.text(string.ascii_letters + "_", min_size=1, max_size=6)
LEAF = TEXT | st.integers(-(10**9), 10**9) | st.booleans() | st.none()
TREE = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3), max_leaves=8
)


def paths_of(value: Any, path: tuple[str, ...] = ()) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, str(key)), isinstance(value, dict)
        yield from paths_of(item, (*path, str(key)))


@given(st.dictionaries(KEY, TREE, max_size=4), st.sampled_from([True, False, None]), st.booleans())
def test_what_pyyaml_writes_is_read_back_each_key_at_its_place(document, flow, crlf):
    text = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=True, width=40)
    text = text.replace("\n", "\r\n") if crlf else text
    ((value, marks),) = parse_yaml(text)
    assert value == document
    lines = text.split("\n")
    for path, is_key in paths_of(document):
        rest = lines[marks[path].line - 1][marks[path].column - 1 :]
        assert not is_key or rest.lstrip("'\"? ").startswith(path[-1])
        assert rest.strip()


@given(st.dictionaries(KEY, TREE, max_size=4))
def test_documents_mean_what_they_mean_to_ruamel(document):
    stream = io.StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.version = (1, 2)
    writer.dump(document, stream)
    assert read(stream.getvalue()) == document


@pytest.mark.parametrize("value", ["*canary7x", "!canary7x x", "!canary7x {a: 1}", "!canary7x [1]"])
def test_what_may_be_a_secret_without_quotes_is_not_told(value: str) -> None:
    with pytest.raises(Fault) as fault:
        list(parse_yaml(f"hub_token: {value}\n"))
    assert "canary" not in str(vars(fault.value)) and "quotes" in str(fault.value.args or vars(fault.value))
