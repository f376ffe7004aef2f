"""What is hidden of a text, and what is not; in no time, whatever the text."""

from __future__ import annotations

import time
from functools import reduce
from typing import Any

import pytest

from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.text.redaction import HIDDEN, is_secret_name, printable, redact_url, redacted, show_value

REDACTED = {
    "a password": ("s3://user:pass@bucket/x", "s3://**********@bucket/x"),
    "a password with a slash": ("s3://key:a/b@bucket/x", "s3://**********@bucket/x"),
    "a password with an at sign": ("s3://key:a@b@bucket/x", "s3://**********@bucket/x"),
    "a user": ("https://token@host/x", "https://**********@host/x"),
    "an address as the user": ("ftp://me@example.org:p/w@host/x", "ftp://**********@host/x"),
    "a container of Azure": ("abfss://c@account.net/x", "abfss://c@account.net/x"),
    "a password at Azure": ("abfss://c:p/w@account.net/x", "abfss://**********@account.net/x"),
    "two URLs": ("a://u:p@h b://u:p@h", "a://**********@h b://**********@h"),
    "a query": ("https://host/x?sig=abc#part", "https://host/x?**********#part"),
    "a password with a question mark": ("s3://key:a?b@bucket/x", "s3://**********@**********"),
    "an at sign in a query": ("https://host/x?sig=a@b", "https://host/x?**********"),
    "an at sign in a query, and a port": ("https://host:80/x?sig=a@b c", "https://**********@********** c"),
    "an at sign in a path, and a port": ("https://host:80/a@b", "https://**********@b"),
    "no user": ("s3://bucket/a@b", "s3://bucket/a@b"),
    "a port": ("http://host:80/x", "http://host:80/x"),
    "an address": ("me@example.org", "me@example.org"),
    "a question": ("why? because", "why? because"),
    "a pair": ("rank=1,api_key=abc,x=2", "rank=1,api_key=**********,x=2"),
    "JSON": ('{"hub_token": "abc", "seed": 1}', '{"hub_token": "**********", "seed": 1}'),
    "a word that only begins so": ("tokens_per_second=5", "tokens_per_second=5"),
}


@pytest.mark.parametrize(("text", "shown"), REDACTED.values(), ids=REDACTED)
def test_what_is_redacted_in_a_text(text, shown):
    assert redact_url(text) == shown
    assert redact_url(shown) == shown


@pytest.mark.parametrize(
    "text", ["://" * 100_000, "://a:" * 50_000, "?" * 200_000 + "://", "token=" * 50_000, "@" * 200_000]
)
def test_redaction_takes_no_time(text):
    begin = time.process_time()
    show_value("x", text)
    Source(SourceKind.FILE, text)
    assert time.process_time() - begin < 2


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        *(
            (name, True)
            for name in ("hub_token", "token", "a.b.api_key", "db_password", "aws-secret", "SECRET", "apikey")
        ),
        *(
            (name, False)
            for name in ("pad_token", "eos_token", "tokenizer", "num_tokens", "secretary", "key", "wandb_key")
        ),
    ],
)
def test_names_of_secrets(name, secret):
    assert is_secret_name(name) is secret


PRINTED = {
    "plain": ("Größe ☃", "Größe ☃"),
    "a colour": ("\x1b[31mred", "\\x1b[31mred"),
    "a line break": ("a\nb", "a\\x0ab"),
    "half a pair": ("\udcff", "\\udcff"),
    "writing from the right": ("a\u202eb", "a\\u202eb"),
    "beyond the first plane": ("\U000e0001", "\\U000e0001"),
}


@pytest.mark.parametrize(("text", "shown"), PRINTED.values(), ids=PRINTED)
def test_what_a_terminal_would_obey_is_escaped(text, shown):
    assert printable(text) == shown


class Unspeakable:
    def __repr__(self):
        raise RuntimeError("no")


ITSELF: list[object] = []
ITSELF.append(ITSELF)

SHOWN = {
    "a long text": ("x" * 500, 120),
    "a deep list": (reduce(lambda inner, _: [inner], range(5000), []), 10),
    "a huge number": (10**6000, 10),
    "an object that cannot be shown": (Unspeakable(), 20),
    "a list of itself": (ITSELF, 10),
}


@pytest.mark.parametrize(("value", "longest"), SHOWN.values(), ids=SHOWN)
def test_anything_can_be_shown(value, longest):
    assert 0 < len(show_value("x", value)) <= longest


# A plain value -> what is given out of it.
PLAIN: dict[str, tuple[Any, Any]] = {
    "a number": (5, 5),
    "a URL": ("s3://u:cnry@h/x", f"s3://{HIDDEN}@h/x"),
    "in a list": ([1, "s3://u:cnry@h"], [1, f"s3://{HIDDEN}@h"]),
    "under a secret's name": ({"a": {"api_key": "cn ry"}}, {"a": {"api_key": HIDDEN}}),
    "null under a secret's name": ({"api_key": None}, {"api_key": None}),
    "under a name that the text gives away": ({"mytoken": "cn ry"}, {"mytoken": HIDDEN}),
    "a key": ({"s3://u:cnry@h": 1}, {f"s3://{HIDDEN}@h": 1}),
}


@pytest.mark.parametrize(("value", "given"), PLAIN.values(), ids=PLAIN)
def test_a_plain_value_is_given_out_as_it_is_shown(value: Any, given: Any) -> None:
    assert redacted("name", value) == given
    assert redacted("password", value) == HIDDEN
    assert "cnry" not in show_value("name", value)


# Under any name, by shape; what only begins alike is text.
SHAPES = {
    "a hub's": ("hf_" + "aB3" * 11 + "x", True),
    "a forge's": ("ghp_" + "a1B2" * 9, True),
    "a cloud's": ("AKIA" + "ABCD" * 4, True),
    "a user before a host": ("u:cnry@host:29500", True),
    "a module": ("hf_transformers_of_mine", False),
    "a branch": ("gh_pages", False),
    "a time": ("12:30@noon", False),
    "an address": ("mail@host.org:25", False),
}


@pytest.mark.parametrize(("text", "hidden"), SHAPES.values(), ids=SHAPES)
def test_what_looks_like_a_credential_is_hidden_under_any_name(text: str, hidden: bool) -> None:
    shown = show_value("run_name", f"x {text} y")
    assert (HIDDEN in shown) is hidden and (text in shown) is not hidden
