"""What is read in lines is what the whole grammar reads, values and places; what may be more is left to it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trainspec.settings.sources.files import parse_documents
from trainspec.settings.sources.formats import yaml12
from trainspec.settings.sources.formats.yaml_lines import line_marks, lines_of, parse_yaml

READ = {
    "settings": ("output_dir: out\nlearning_rate: 3e-4\nbf16: true\nseed: 7\n", ["out", 3e-4, True, 7]),
    "comments": ("# a: 1\n\na: no # why\n  # b\n", ["no"]),
    "quotes": ("a: \"5\"\nb: 'x # y: z'\nc: ''\n", ["5", "x # y: z", ""]),
    "names": ("a: s3://bucket/run-1\nb: my run\nc: -.5\nd: a:b\n", ["s3://bucket/run-1", "my run", -0.5, "a:b"]),
    "no line break": ("a: 1", [1]),
}
LEFT = {
    "nothing": "",
    "only comments": "# a\n",
    "nested": "a:\n  b: 1\n",
    "a list": "a: [1]\n",
    "items": "a:\n- 1\n",
    "a second line of a text": "a: x\n  y\n",
    "twice": "a: 1\na: 2\n",
    "two documents": "a: 1\n---\na: 2\n",
    "an anchor": "a: &x 1\n",
    "a tag": "a: !!str 1\n",
    "an escape": 'a: "\\n"\n',
    "a quote in quotes": "a: 'it''s'\n",
    "a colon": "a: b: c\n",
    "a dash": "a: - b\n",
    "other letters": "a: é\n",
    "a tab": "a:\t1\n",
    "other line breaks": "a: 1\r\n",
    "a merge": "<<: 1\n",
    "a number as a key": "1: 1\n",
    "no value": "a:\n",
    "no blank": "a:1\n",
    "large": "a: 1\n" + "# x\n" * 10_000,
}
PIECES = st.sampled_from([*"ab10-+._/:#'\"~\\,[]{}&*!|>%@`?=é\t\r\n", " ", ": ", " #", "\n", "a: ", "\nb: ", "- "])


@pytest.mark.parametrize(("text", "values"), READ.values(), ids=READ)
def test_lines(text: str, values: list[object]) -> None:
    found = lines_of(text)
    assert found is not None and [*map(repr, found.values())] == [*map(repr, values)]
    ((whole, marks),) = yaml12.parse_yaml(text)
    assert (found, line_marks(text)) == (whole, marks)


@pytest.mark.parametrize("text", LEFT.values(), ids=LEFT)
def test_what_is_left_to_the_grammar(text: str) -> None:
    assert lines_of(text) is None
    try:
        expected: object = list(yaml12.parse_yaml(text))
    except yaml12.Fault as fault:
        with pytest.raises(yaml12.Fault, match=r".+") as caught:
            list(parse_yaml(text))
        assert (caught.value.code, caught.value.message) == (fault.code, fault.message)
    else:
        assert list(parse_yaml(text)) == expected


@given(st.lists(PIECES, max_size=12).map("".join).map("a: ".__add__))
@example("a: ---")
@example("a: x:y")
@example("a: .")
def test_both_agree(text: str) -> None:
    found = lines_of(text)
    if found is not None:
        ((whole, marks),) = yaml12.parse_yaml(text)
        assert repr(found) == repr(whole) and line_marks(text) == marks


def test_places_are_told() -> None:
    text = "# mine\nseed: 1\n\nlearning_rate: fast # very\n"
    (document,) = parse_documents(text, "yaml", "run.yaml")
    assert [(one.line, one.column) for one in map(document.source, [(), ("seed",), ("learning_rate", "x")])] == [
        (2, 1),
        (2, 1),
        (4, 1),
    ]
