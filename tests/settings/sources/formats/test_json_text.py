"""JSON whose keys stand twice is read as far as it can be, and what is no JSON is told the same way in both manners."""

from __future__ import annotations

import pytest

from trainspec.settings.sources.formats.json_text import parse_json
from trainspec.settings.sources.formats.limits import Fault

WRONG = {
    "a mark of byte order": ('\ufeff{"a": 1}', "Unexpected UTF-8 BOM (decode using utf-8-sig)", (1, 1)),
    "no number": ('{"a": 1,\n "b": NaN}', "NaN is not a JSON number", (2, 7)),
    "no number behind a key that stands twice": ('{"a": 1, "a": 2,\n "b": NaN}', "NaN is not", (2, 7)),
    "an end": ('{"a": 1', "Expecting ',' delimiter", (1, 8)),
}


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(("text", "why", "place"), WRONG.values(), ids=WRONG)
def test_what_is_no_json_is_told(text: str, why: str, place: tuple[int, int], keep: bool) -> None:
    with pytest.raises(Fault) as caught:
        parse_json(text, faults=[] if keep else None)
    found = caught.value
    assert (found.code, found.place) == ("SRC107", place) and why in found.message


def test_the_first_of_keys_that_stand_twice_counts() -> None:
    faults: list[Fault] = []
    text = '{"a": {"b": 1, "b": 2},\n "a": 3, "c": 4}'
    assert parse_json(text, faults=faults) == {"a": {"b": 1}, "c": 4}
    assert [(fault.code, fault.place) for fault in faults] == [("SRC104", (1, 16)), ("SRC104", (2, 2))]
    with pytest.raises(Fault, match="stands twice"):
        parse_json(text)
