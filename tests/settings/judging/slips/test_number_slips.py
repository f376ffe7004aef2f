"""A text that is no number says which one was meant, and nothing where that is a guess."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec import TrainingArguments
from trainspec.settings.judging.number_slips import meant
from trainspec.settings.values.kinds import Kind

SLIPS = {
    "a comma behind": ("learning_rate", "5e-5,", "5e-5"),
    "a semicolon behind": ("learning_rate", "5e-5;", "5e-5"),
    "underscores": ("max_steps", "1_000", "1000"),
    "thousands": ("max_steps", "1,000,000", "1000000"),
    "a decimal comma": ("max_grad_norm", "1,5", "1.5"),
    "percent": ("warmup_ratio", "10%", "0.1"),
    "percent with a blank": ("warmup_ratio", "7 %", "0.07"),
    "kilo": ("save_steps", "1k", "1000"),
    "a part of a kilo": ("save_steps", "1.5K", "1500"),
    "a million": ("max_steps", "2M", "2000000"),
    "a suffix of C": ("adam_beta1", "0.9f", "0.9"),
    "an exponent of Fortran": ("learning_rate", "1d-5", "1e-5"),
    "a true minus": ("learning_rate", "5e\u22125", "5e-5"),
    "full-width digits": ("seed", "\uff14\uff12", "42"),
    "a blank inside": ("learning_rate", "5e -5", "5e-5"),
    "a power": ("learning_rate", "10^-5", "1e-5"),
    "a product with a power": ("learning_rate", "5*10^-5", "5e-5"),
    "a quotient": ("save_steps", "64/8", "8"),
    "a product": ("max_steps", "100 * 30", "3000"),
    "a power of two": ("max_steps", "2**10", ""),
    "yes": ("bf16", "yes", "true"),
    "off": ("bf16", "off", "false"),
    "a word": ("num_train_epochs", "three", ""),
    "two points": ("weight_decay", ".1.", ""),
    "an unfinished exponent": ("warmup_steps", "1e", ""),
    "a unit": ("save_steps", "100 steps", ""),
    "a version": ("max_grad_norm", "1.0.0", ""),
    "a fraction where a count belongs": ("max_steps", "1/3", ""),
    "a division by zero": ("max_steps", "1/0", ""),
    "code": ("max_steps", "len([1])", ""),
}


@pytest.mark.parametrize(("name", "text", "expected"), SLIPS.values(), ids=SLIPS)
def test_what_was_meant(name: str, text: str, expected: str) -> None:
    (item,) = TrainingArguments.check({name: text}).errors
    assert item.remedy == (f"write {expected}" if expected else "")
    if expected:
        written = {"true": True, "false": False}.get(expected)
        number = (float(expected) if {".", "e"} & set(expected) else int(expected)) if written is None else written
        assert TrainingArguments.check({name: number}).ok


@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    for kind in (Kind(number=True), Kind(integer=True), Kind(boolean=True)):
        found = meant(kind, text)
        assert found == "" or len(found) <= 60


@given(st.integers(0, 10**9))
def test_a_number_with_thousands_apart_is_that_number(number: int) -> None:
    assert meant(Kind(integer=True), f"{number:_}") == str(number)
