"""Every setting has a contract test that is named after it, and is read where training happens."""

import ast
from functools import cache
from pathlib import Path

import pytest

from trainspec import Seq2SeqTrainingArguments

HERE = Path(__file__).parent
FIELDS = list(Seq2SeqTrainingArguments.model_fields)


@cache
def _test_names() -> list[str]:
    trees = [ast.parse(path.read_text()) for path in HERE.rglob("test_*.py")]
    found = [node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [name for name in found if name.startswith("test_")]


def named_after(test: str) -> str | None:
    """The setting whose test this is: of several names that fit, such as optim and optim_args, the longest."""
    fitting = [field for field in FIELDS if test.startswith(f"test_{field}_")]
    return max(fitting, key=len, default=None)


@pytest.mark.parametrize("field", FIELDS)
def test_there_is_a_contract_test(field: str) -> None:
    assert field in {named_after(name) for name in _test_names()}


def test_a_longer_name_is_not_taken_for_a_shorter_one() -> None:
    assert named_after("test_optim_args_reach_it") == "optim_args"
    assert named_after("test_optim_is_built") == "optim"
    assert named_after("test_nothing_of_the_kind") is None
