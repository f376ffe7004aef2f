"""Whatever the text and the place, there is an answer; and what is taken is the key, or the value, that was offered."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.answers.completion.documents import MARK, applied, at, index, place_of
from tests.answers.completion.test_keys import MAPPINGS

from trainspec import TrainingArguments
from trainspec.answers.completion import complete
from trainspec.answers.completion.positions import Lines
from trainspec.settings.diagnostics import SourceError
from trainspec.settings.sources.files import parse_document

FORMATS = ("yaml", "json", "toml", "env")
PIECES = st.sampled_from(
    [
        *(
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            ": ",
            "=",
            " = ",
            "- ",
            "-",
            ".",
            "#",
            " # x",
            "\n",
            "\r\n",
            "\r",
            "  ",
            " ",
            "\t",
        ),
        *('"', "'", '"""', "'''", "\\", "|", ">", "&a ", "*a", "!!str ", "<<: ", "---\n", "...", "[[", "]]", "__", "%"),
        *(
            "seed",
            "bf16",
            "fsdp_config",
            "deepspeed",
            "optim",
            "optim_args",
            "min_num_params",
            "lear",
            "no",
            "true",
            "1",
        ),
        *(
            "TRAINSPEC_",
            "TRAINSPEC_SEED",
            "TRAINSPEC_FSDP_CONFIG__",
            "export ",
            "$",
            "${A}",
            "é",
            "😀",
            "\u2028",
            "\x00",
        ),
        *("seed: 1\n", "fsdp_config:\n  ", "fsdp_config: {", '{"fsdp_config": {"', "[fsdp_config]\n", "a: |\n "),
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=30).map("".join), st.text(max_size=60))
MANY = hypothesis_settings(max_examples=300)


def answer(text: str, format: Any, place: int) -> Any:
    position = Lines(text).position(place)
    return complete(text, format, position["line"], position["character"], TrainingArguments)


@MANY
@given(TEXTS, st.sampled_from(FORMATS), st.integers(0, 40), st.integers(0, 80))
def test_there_is_an_answer(text: str, format: Any, line: int, character: int) -> None:
    found = complete(text, format, line, character, TrainingArguments)
    told = found.to_dict()
    json.dumps(told, allow_nan=False)
    start, end = (index(text, found.replace[side]) for side in ("start", "end"))
    assert 0 <= start <= end <= len(text)
    assert not found.items or start <= Lines(text).offset(line, character) <= end


@MANY
@given(TEXTS, st.sampled_from(FORMATS), st.data())
def test_what_is_taken_is_what_was_offered(text: str, format: Any, data: Any) -> None:
    """However broken the rest is, the text is read again, with the cursor in what was written."""
    place = data.draw(st.integers(0, len(text)))
    found = answer(text, format, place)
    if not found.items:
        return
    item = data.draw(st.sampled_from(found.items))
    if item.label.endswith("__"):
        return
    made, start = applied(text, found, item.label)
    # Behind the first letter: before it may be a blank that the value needs.
    inside = start + len(item.insert) - len(item.insert.lstrip(" "))
    again = answer(made, format, inside + (1 if item.kind == "key" else 0)).at
    assert again is not None and again.kind == item.kind
    if item.kind == "key":
        name = item.label if format != "env" else item.label.removeprefix("TRAINSPEC_").lower().replace("__", ".")
        assert again.name == name or again.name.endswith(f".{name}")
    elif found.at is not None:
        assert again.name == found.at.name


@st.composite
def documents(draw: Any) -> tuple[str, str, tuple[str, ...]]:
    """A valid document of some form with a place for one more key in one of its mappings."""
    format = draw(st.sampled_from(["yaml", "flow", "json", "toml"]))
    path = draw(st.sampled_from([one for one in MAPPINGS if one]))
    others = draw(st.lists(st.sampled_from(MAPPINGS[path]), unique=True, max_size=3))
    top = draw(st.lists(st.sampled_from([one for one in MAPPINGS[()] if one != path[0]]), unique=True, max_size=3))
    above = draw(st.booleans())
    inner = [f"{name}¤1" for name in others]
    inner.insert(draw(st.integers(0, len(inner))), MARK)
    if format == "yaml":
        step = draw(st.sampled_from(["  ", "    ", " "]))
        lines = [f"{step * depth}{name}:" for depth, name in enumerate(path)]
        lines += [step * len(path) + one.replace("¤", ": ") for one in inner]
        rest = [f"{name}: 1" for name in top]
        return "yaml", "\n".join([*rest, *lines] if above else [*lines, *rest]) + "\n", path
    if format == "toml":
        lines = [f"{name} = 1" for name in top] + [f"[{'.'.join(path)}]"]
        return "toml", "\n".join([*lines, *(one.replace("¤", " = ") for one in inner)]) + "\n", path
    quote = '"' if format == "json" else ""
    said = [one if one == MARK else f"{quote}{one.replace('¤', f'{quote}: ')}" for one in inner]
    body = "".join(f"{quote}{name}{quote}: {{" for name in path[1:])
    inside = f"{quote}{path[0]}{quote}: {{{body}{', '.join(said)}{'}' * len(path)}"
    rest = [f"{quote}{name}{quote}: 1" for name in top]
    if format == "flow":
        return "yaml", "\n".join([*rest, inside] if above else [inside, *rest]) + "\n", path
    return "json", "{" + ", ".join([*rest, inside] if above else [inside, *rest]) + "}", path


@hypothesis_settings(max_examples=200)
@given(documents(), st.data())
def test_the_parser_finds_the_key_that_was_taken(case: tuple[str, Any, tuple[str, ...]], data: Any) -> None:
    format, marked, path = case
    found = at(marked, format)
    free = [name for name in MAPPINGS[path] if name in {item.label for item in found.items}]
    there = [name for name in MAPPINGS[path] if name not in free]
    if not free:
        assert len(there) == len(MAPPINGS[path])
        return
    label = data.draw(st.sampled_from(free))
    text, _, _ = place_of(marked)
    made, start = applied(text, found, label)
    item = next(one for one in found.items if one.label == label)
    end = start + len(item.insert)
    taken = f"{made[:end]}x = 1" if item.insert.endswith(".") else f"{made[:end].rstrip()} 1"
    made = taken + made[end:]
    inner: Any = parse_document(made, format, "document").values
    for name in path:
        inner = inner[name]
    assert label in inner and set(there) <= set(inner)


def test_what_is_larger_than_any_document_is_refused() -> None:
    for text in ("a" * (2**20 + 1), "a: 1\n" * 90_000):
        with pytest.raises(SourceError) as error:
            complete(text, "yaml", 0, 0, TrainingArguments)
        assert error.value.diagnostics[0].code == "SRC109"


@pytest.mark.parametrize(
    "format, unit", [("yaml", "{"), ("json", "["), ("toml", "a={"), ("yaml", "- "), ("toml", "a."), ("env", "A__")]
)
def test_what_nests_too_deep_ends(format: Any, unit: str) -> None:
    try:
        complete(unit * 30_000, format, 0, 10**6, TrainingArguments)
    except SourceError as error:
        assert error.diagnostics[0].code == "SRC109"
