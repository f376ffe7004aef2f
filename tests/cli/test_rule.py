"""`trainspec rule`: every code that trainspec can say about settings is explained."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from trainspec import TrainingArguments

SOURCES = Path(__file__).parents[2] / "src" / "trainspec"
CODE = re.compile(r'"((?:VAL|SRC|REN|CLI|BAT|SCH|OPT|PRE|PAR|EVL|CKP|LOG|DAT|HUB)\d{3})"')


def test_a_rule(run: Callable) -> None:
    code, out, err = run("rule", "PRE101")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "PRE101 bf16-with-fp16 (error)"
    assert "  fields: bf16, fp16\n" in out
    assert "  when:   bf16 is true and fp16 is true\n" in out
    assert "\n  why:    " in out
    assert "\n  fix:    " in out


@pytest.mark.parametrize("word", ["pre101", "bf16-with-fp16", "PRE101"])
def test_a_rule_under_another_spelling(run: Callable, word: str) -> None:
    assert run("rule", word).out.startswith("PRE101 ")


def test_a_code_that_is_no_rule(run: Callable) -> None:
    assert run("rule", "SRC103").out.startswith("SRC103 unknown-flag\n  found:  a flag that matches no setting\n")


def test_several(run: Callable) -> None:
    found = run("rule", "PRE101", "SRC103").out
    assert found.index("PRE101") < found.index("SRC103")


def test_all_are_listed_in_order(run: Callable) -> None:
    listed = [line[:6] for line in run("rule").out.splitlines()]
    assert listed == sorted(listed)
    assert {rule.code for rule in TrainingArguments.rules()} <= set(listed)


def test_json(run: Callable) -> None:
    (item,) = json.loads(run("rule", "PRE101", "--format", "json").out)["rules"]
    assert item.keys() == {"code", "name", "severity", "found", "reason", "fix", "fields", "condition"}
    assert (item["code"], item["severity"], item["fields"]) == ("PRE101", "error", ["bf16", "fp16"])


def codes_said() -> set[str]:
    folders = (SOURCES / "answers", SOURCES / "cli", SOURCES / "settings")
    texts = (path.read_text() for folder in folders for path in folder.rglob("*.py"))
    return {code for text in texts for code in CODE.findall(text)}


def test_every_code_in_the_sources_is_explained(run: Callable) -> None:
    listed = {line[:6] for line in run("rule").out.splitlines()}
    assert codes_said() - listed == set()
