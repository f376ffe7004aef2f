"""Chinese has every message that the source composes, every line that commands print, every help text; and none that
the source has no longer.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from itertools import chain, product, zip_longest
from typing import Any

import pytest
from tests.text.languages.composed import VALUE, said, shown, strings

from trainspec import TrainingArguments
from trainspec.cli import COMMANDS
from trainspec.text.languages import words_of
from trainspec.text.languages.zh import TEXTS

ZH: Any = words_of("zh")
# What values look like: a name, a number, a path, what is one of several, what is translated too.
SAMPLES = (
    "seed",
    "7",
    "runs/a.yaml",
    "a or b",
    "a, b",
    "drop it",
    "1 path",
    "training",
    "1 file",
    ".yaml",
    "in a.yaml",
)
# What is written as it stands, in any language.
COMMAND = re.compile(r"(?:trainspec|pip install|--)(?! ?[a-z]* takes)[^,;]*")
# What is told of parts of a mesh, in a list behind what is wrong with it.
DETAILS = frozenset({"training/parallel/mesh/plan.py", "training/parallel/mesh/experts/plan.py"})
# Composed by Python, by parsers of YAML and JSON, or of names that are spelled in another way.
OF_OTHERS = frozenset(
    {
        "Expecting value",
        "mapping values are not allowed in this context",
        "Expecting property name enclosed in double quotes",
        "found character that cannot start any token",
        "control characters are not allowed",
        "{DETAIL} (at end of document)",
        "cannot read {file}: no such file",
        "cannot open {file}: the package for {name} is not installed; to get it: {command}",
        "give this process credentials that have the role {permission}",
        "there is no call of TrainingArguments in it",
        "a repository is called name or owner/name: letters, digits, _, and single - or . between them, at most 96 "
        "characters",
        "those are wandb, mlflow, trackio, comet_ml, clearml, codecarbon, swanlab, neptune, azure_ml, dagshub; it "
        "counts if a script gives the Trainer one itself",
        "{names} need bfloat16, which {target} does not have",
        "{names} need float16 training, which {target} does not have",
    }
)
# Words that are put in between others. With every word of the source, any text could be put together.
ALONE = frozenset(
    re.findall(
        r"\w+",
        "a s word words belong belongs have hold nothing never none machine path paths file name names value values "
        "changed deleted environment constructor assignment cpu behind flag optimizer open",
    )
)
# The first part of each is another text of ours, or all of it is made of such.
OF_PARTS = frozenset(
    {
        f"{VALUE} {VALUE} what looks like a credential",
        f"{VALUE} takes {VALUE}, not {VALUE}",
        f"there is no file of settings (*{VALUE}) {VALUE}",
        f"{VALUE}: the levels O0 to O3 are computed with torch alone",
        f"{VALUE}what differs in their states is {VALUE}",
    }
)
SLOT = re.compile(r"(?<!\$)\{[A-Za-z_]+\}")


def filled(text: str) -> Any:
    """The text with each value that is tried in it: all of one kind first, which fits nearly all."""
    number = text.count(VALUE)
    tried = [(sample,) * number for sample in SAMPLES]
    parts = text.split(VALUE)
    for values in chain(tried, product(SAMPLES[:5], repeat=number) if 1 < number < 4 else ()):
        yield "".join(chain(*zip_longest(parts, values, fillvalue="")))


def is_known(text: str) -> bool:
    return (
        text in OF_PARTS or COMMAND.fullmatch(text) is not None or any(ZH.find(one) is not None for one in filled(text))
    )


def test_no_message_lacks_its_chinese() -> None:
    assert len(said()) > 400
    lacking = [one for one in said() if one.place.partition(":")[0] not in DETAILS and not is_known(one.text)]
    assert lacking == []


def test_no_line_of_a_command_lacks_its_chinese() -> None:
    assert len(shown()) > 60
    assert [one for one in shown() if ZH.find(one.text) is None] == []


def help_texts() -> set[str]:
    """What help says of every command, its options and actions."""
    found = set(COMMANDS.values())
    for name in COMMANDS:
        command = import_module(f"trainspec.cli.{name}").COMMAND
        found |= {
            command.about,
            *(option.about for option in command.options),
            *(about for _, about in command.actions),
        }
    return found


def test_no_help_text_lacks_its_chinese() -> None:
    assert sorted(text for text in help_texts() if ZH.find(text) is None) == []


def test_no_help_text_is_stale() -> None:
    said_by_all = help_texts() | {one.text for one in shown()} | set(strings())
    ours = [text for name in TEXTS if name.startswith("help.") for text in module(name).TEXTS]
    assert [text for text in ours if text not in said_by_all] == []


def module(name: str) -> Any:
    return import_module(f"trainspec.text.languages.zh.{name}")


@cache
def source() -> tuple[str, frozenset[str]]:
    """All texts of the source, a line each; and the parts between values, of which texts are put together."""
    texts = sorted(set(strings()))
    parts = {part for text in texts for part in text.split(VALUE) if " " in part or not part.isalpha()}
    parts |= {part.strip() for part in parts} | set(TrainingArguments.model_fields)
    return "\n".join(texts), frozenset(parts - {""} | ALONE)


def is_put_together(text: str) -> bool:
    """Whether the text is parts of the source, one behind the other."""
    _, parts = source()
    reached = {0}
    for start in range(len(text)):
        if start in reached:
            reached |= {end for end in range(start + 1, len(text) + 1) if text[start:end] in parts}
    return len(text) in reached


def is_stale(text: str) -> bool:
    """Whether the source has nothing that the text, whose placeholders stand for anything, could be of."""
    whole, parts = source()
    fixed = [part for part in SLOT.split(text) if part.strip()]
    in_one = re.compile("[^\n]*".join(re.escape(part.strip()) for part in fixed))
    return in_one.search(whole) is None and not all(part.strip() in parts or is_put_together(part) for part in fixed)


OF_MESSAGES = [
    name for name in TEXTS if not name.startswith(("settings.", "help.")) and name not in ("codes", "preflight")
]


@pytest.mark.parametrize("name", OF_MESSAGES)
def test_no_text_is_stale(name: str) -> None:
    """What is said of settings and codes is compared with what they say themselves, in tests/export/test_chinese.py."""
    ours = [text for kind in ("TEXTS", "TEMPLATES", "STRUCTURES", "FIRST") for text in getattr(module(name), kind, {})]
    assert [text for text in ours if text not in OF_OTHERS and is_stale(text)] == []


@pytest.mark.parametrize(
    ("text", "stale"),
    [
        ("{name} is no settings class", False),
        ("{name} is no class of settings", True),
        ("prune needs to know how many are to be left", False),
        ("prune needs to know how many should be left", True),
        ("{number} rows an update on 1 device", False),
        ("{number} rows per update on 1 device", True),
    ],
)
def test_a_text_that_was_changed_in_the_source_is_found(text: str, stale: bool) -> None:
    assert is_stale(text) is stale
