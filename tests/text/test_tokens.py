"""Tokens by their shape: hidden wherever they stand, and nothing that people name things is taken for one."""

import time

import pytest

from trainspec.text.redaction import holds_credential, redact_shown, redact_url, show_value
from trainspec.text.tokens import STARS, hide_tokens

TOKENS = [
    "hf_AbCdEfGhIjKlMnOpQrStUvWxYz12345678",
    "ghp_0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R",
    "gho_0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R",
    "github_pat_11ABCDEFG0abcdefghij_KLMNOPQRSTUVWXYZ0123456789abcdef",
    "glpat-AbCdEfGhIj1234567890",
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    "sk-AbCdEfGhIj1234567890KlMnOpQrStUvWxYz",
    "sk-proj-AbCdEfGhIj1234567890",
    "sk-ant-api03-AbCdEfGhIj1234567890",
    "xoxb-123456789012-AbCdEfGhIjKl",
    "xoxp-123456789012-AbCdEfGhIjKl",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
]
PLAIN = [
    "hf_internal-testing/tiny-random-gpt2",
    "runs/hf_transformers/output",
    "sk-learn-baseline-with-many-words",
    "task-123456789012345678901234567890123456",
    "checkpoint-123456789",
    "TRAINSPEC_HUB_TOKEN",
    "3f786850e387550fdab836ed7e6dc881de23001b",
    "eyJustAWord.txt",
    "facebook/opt-125m",
    "akia",
]


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_is_hidden(token: str) -> None:
    around = (f"{token}", f"the key {token} matches no setting", f'"{token}":', f"TRAINSPEC_{token}", f"a={token}&b")
    for text in around:
        assert token not in hide_tokens(text) and STARS in hide_tokens(text)
        assert token not in redact_url(text) and token not in redact_shown(text)
        assert holds_credential(text) and token not in show_value("output_dir", text)


@pytest.mark.parametrize("token", [token for token in TOKENS if not token.startswith("sk-AbC")])
@pytest.mark.parametrize("fold", [str.lower, str.upper])
def test_a_token_is_hidden_where_names_are_folded(token: str, fold) -> None:
    assert hide_tokens(f"TRAINSPEC_{fold(token)}") == f"TRAINSPEC_{STARS}"


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_token_is_shown(text: str) -> None:
    assert hide_tokens(text) == text == redact_shown(text) and not holds_credential(text)


def test_a_token_that_the_end_of_what_is_searched_cuts_in_two() -> None:
    text = "x" * 8180 + " " + TOKENS[0]
    assert "hf_" not in redact_url(text) and "hf_" not in redact_shown(text)


def test_what_a_diagnostic_says_is_cut_to_a_screen() -> None:
    assert len(redact_shown("x" * 10_000_000)) == 2000
    assert redact_shown("see s3://user:pass@host/x") == f"see s3://{STARS}@host/x"


@pytest.mark.parametrize("part", ["eyj", "eyj-", "eyjaaaaaa.", "sk-", "sk-a", "sk-A1", "hf_", "xoxb-", "a", "akia"])
def test_the_search_is_linear(part: str) -> None:
    begin = time.process_time()
    hide_tokens(part * (200_000 // len(part)))
    assert time.process_time() - begin < 2
