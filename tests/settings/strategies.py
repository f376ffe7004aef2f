"""What a fuzzer writes where settings are expected: near misses, odd values, and valid documents with a flaw."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from tests.settings.samples import FIELDS, as_text, sample

from trainspec.settings.sources.renames import REMOVED, RENAMED

CANARY = "hf_canary7c1f"

# Names we know, of today and of other years, and near misses of them.
_known = st.sampled_from((*FIELDS, *RENAMED, *REMOVED, "push_to_hub_organization", "$schema", "task", "config"))


@st.composite
def near_misses(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(FIELDS))
    at = draw(st.integers(0, len(name) - 1))
    middle = draw(st.sampled_from(["", "_", "__", "x", name[at] * 2, "-", ".", "é"]))
    return name[:at] + middle + name[at + 1 :]


odd_text = st.text(max_size=20)
names = _known | near_misses() | odd_text

odd_numbers = st.sampled_from([0, -1, 1.5, 10**30, 1e308, float("nan"), float("inf"), -0.0, 2**32, 0.1])
_words = (
    *(
        "",
        " ",
        "no",
        "true",
        "null",
        "None",
        "~",
        "[",
        "{}",
        "[]",
        "{",
        '{"a": 1}',
        '["a", 1]',
        "a,b",
        "k=v",
        "k=v,k=w",
    ),
    *(
        "0x1",
        "nan",
        "-inf",
        "1e999",
        "9" * 400,
        "steps",
        "Epoch",
        "all",
        "full_shard offload",
        "galore_adamw",
        "cosine",
    ),
    *(
        "**********",
        "${HOME}",
        "~root",
        "s3://a:b@c/d",
        "nosuch://x",
        "\ud800",
        "\x00",
        "\x1b[31m",
        "{message} {reason} {diagnostic}",
        "%s",
    ),
    *("a\nb", "__", "١"),
)
words = st.sampled_from(_words)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | odd_numbers | words | odd_text
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)

_valid = st.sampled_from(FIELDS).map(lambda name: (name, sample(name)))
documents = st.lists(_valid | st.tuples(names, values), max_size=6).map(dict)
"""Mappings of names to values: some valid, some not."""


@st.composite
def flawed_texts(draw: st.DrawFn, write: Any) -> str:
    """The text of a document, with something cut out, doubled or put in at up to three places."""
    text: str = write(draw(documents))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 5)))
        piece = draw(
            st.sampled_from(
                ["", text[start:end] * 2, "\n", "\t", '"', "'", ":", "{", "]", "&a", "*a", "<<: ", "!!x ", "\x00"]
            )
        )
        text = text[:start] + piece + text[end:]
    return text


@st.composite
def environments(draw: st.DrawFn) -> dict[str, str]:
    """Variables under our prefix: valid ones, near misses, nested ones, with any text; none names a real file."""
    found: dict[str, str] = {}
    for name in draw(st.lists(names, max_size=5)):
        nested = draw(st.sampled_from(["", "", "", "__", "__version", "__a__b", "_file"]))
        written = f"TRAINSPEC_{draw(st.sampled_from([name.upper(), name]))}{nested}"
        valid = as_text(sample(name)) if name in FIELDS else ""
        found[written] = draw(st.just(valid) | words | odd_text)
    return found
