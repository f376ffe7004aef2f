"""Every code has a meaning, found by code or by name."""

import pytest
from tests.answers.conftest import as_json

from trainspec import Seq2SeqTrainingArguments
from trainspec.answers.faults import NoAnswer, command_codes
from trainspec.answers.rule import meaning_of, meanings
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.preflight_codes import PREFLIGHT_CODES
from trainspec.settings.targets.rules import TARGET_RULES


def test_every_code_is_there_once_sorted() -> None:
    rules = [item.code for item in (*Seq2SeqTrainingArguments.rules(), *TARGET_RULES)]
    assert list(meanings()) == sorted({*rules, *CODES, *PREFLIGHT_CODES, *command_codes()})


WORDS = {
    "a rule": ("PRE101", "PRE101", "error"),
    "small letters": ("pre101", "PRE101", "error"),
    "its name": ("bf16-with-fp16", "PRE101", "error"),
    "its name in capitals": ("BF16-WITH-FP16", "PRE101", "error"),
    "a source": ("SRC103", "SRC103", None),
    "a command": ("CLI107", "CLI107", None),
}


@pytest.mark.parametrize(("word", "code", "severity"), WORDS.values(), ids=WORDS)
def test_a_code_is_found(word: str, code: str, severity: str | None) -> None:
    found = as_json(meaning_of(word, meanings()))
    assert (found["code"], found["severity"]) == (code, severity)
    assert found["found"] and found["reason"] and found["fix"]


def test_a_rule_says_what_it_is_about() -> None:
    found = as_json(meanings()["PRE101"])
    assert (found["fields"], found["condition"]) == (["bf16", "fp16"], "bf16 is true and fp16 is true")
    assert as_json(meanings()["SRC103"])["condition"] is None


NONE = {
    "a slip in a code": ("PRE1O1", "PRE101"),
    "a slip in a name": ("bf16-with-fp61", "did you mean bf16-with-fp16?"),
    "nothing like it": ("zzzzzz", "trainspec rule lists all codes"),
}


@pytest.mark.parametrize(("word", "remedy"), NONE.values(), ids=NONE)
def test_what_there_is_not_is_no_answer(word: str, remedy: str) -> None:
    with pytest.raises(NoAnswer) as caught:
        meaning_of(word, meanings())
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("CLI104", f"there is no code {word}")
    assert remedy in found.remedy
