"""Bytes as text: what UTF-8 and its wider kin say comes through; anything else names the line and the byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec.text.decoding import decoded, undecodable

WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
# YAML tells an encoding without a mark by its first character, which is one of ASCII.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), min_size=2).map("s".__add__)


@given(TEXTS)
def test_utf8_with_and_without_a_mark(text: str) -> None:
    assert decoded(text.encode()) == decoded(text.encode("utf-8-sig")) == text


@pytest.mark.parametrize("encoding", WIDE)
@given(TEXTS)
def test_wider_encodings(encoding: str, text: str) -> None:
    assert decoded(text.encode(encoding)).removeprefix("\ufeff") == text


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_mark_of_byte_order_is_no_text(mark: str) -> None:
    assert decoded("\ufeffseed: 1".encode(mark)) == "seed: 1"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a: 1\nb: caf\xe9\n", ["line 2", "é", "UTF-8"]),
        (b"\xff\xfea", ["UTF-16"]),
        (b"a\x81", ["line 1", "UTF-8"]),
    ],
)
def test_what_is_no_text(data: bytes, words: list[str]) -> None:
    with pytest.raises(UnicodeDecodeError) as caught:
        decoded(data)
    message = undecodable(data, caught.value)
    assert all(word in message for word in words) and message.isprintable()


def test_empty() -> None:
    assert decoded(b"") == ""
