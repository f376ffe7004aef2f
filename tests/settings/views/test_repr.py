"""What repr, str and print show of settings: what was said, without what provenance hides of it."""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel, Field, PostgresDsn, SecretStr

from trainspec import Settings
from trainspec.settings.values.choices import IntervalStrategy

CANARY = "cnry7F3xQ"
URL = f"s3://u:{CANARY}@h/x"
HIDDEN = "**********"


class Account(BaseModel):
    user: str = "me"
    password: str | None = None
    note: str = Field("", repr=False)


@dataclasses.dataclass
class Login:
    user: str = "me"
    password: str | None = None


class Pair(NamedTuple):
    one: int
    two: str


class Unwilling:
    def __repr__(self) -> str:
        raise RuntimeError


class Holder(Settings):
    names: list[str] = []  # noqa: RUF012
    extra: dict[str, Any] = {}  # noqa: RUF012
    store: PostgresDsn | None = None
    account: Account | None = None
    accounts: list[Account] = []  # noqa: RUF012
    login: Login | None = None
    anything: Any = None


# What is said -> what stands for it.
SHOWN: dict[str, tuple[dict[str, Any], str]] = {
    "a URL in a list": ({"names": [URL, "b"]}, f"names=['s3://{HIDDEN}@h/x', 'b']"),
    "a key's name": ({"extra": {"token": f"{CANARY} {CANARY}", "n": 1}}, f"extra={{'token': '{HIDDEN}', 'n': 1}}"),
    "a key's name, deeper": ({"extra": {"a": [{"api_key": CANARY}]}}, f"extra={{'a': [{{'api_key': '{HIDDEN}'}}]}}"),
    "a URL of pydantic's": (
        {"store": f"postgres://u:{CANARY}@h/db"},
        f"store=PostgresDsn('postgres://{HIDDEN}@h/db')",
    ),
    "a model": ({"account": {"password": f"{CANARY} {CANARY}"}}, f"account=Account(user='me', password='{HIDDEN}')"),
    "models": ({"accounts": [{"password": CANARY}]}, f"accounts=[Account(user='me', password='{HIDDEN}')]"),
    "a dataclass": ({"login": {"password": f"{CANARY} {CANARY}"}}, f"login=Login(user='me', password='{HIDDEN}')"),
    "a secret": ({"anything": [SecretStr(CANARY)]}, f"anything=[SecretStr('{HIDDEN}')]"),
    "a choice": ({"anything": (IntervalStrategy.NO,)}, "anything=('no',)"),
    "a set": ({"anything": {URL}}, f"anything={{'s3://{HIDDEN}@h/x'}}"),
    "a URL as a key": ({"extra": {URL: 1}}, f"extra={{'s3://{HIDDEN}@h/x': 1}}"),
    "no item": ({"anything": (set(), frozenset(), ())}, "anything=(set(), frozenset(), ())"),
    "a deque": ({"anything": deque([URL])}, f"anything=deque(['s3://{HIDDEN}@h/x'])"),
    "a named tuple": ({"anything": Pair(1, URL)}, f"anything=Pair(one=1, two='s3://{HIDDEN}@h/x')"),
}


@pytest.mark.parametrize(("said", "text"), SHOWN.values(), ids=SHOWN)
def test_what_stands_for_a_value(said: dict[str, Any], text: str) -> None:
    made = Holder.from_dict(said)
    assert repr(made) == str(made) == f"{made}" == f"Holder({text})"


@pytest.mark.parametrize(("said", "text"), SHOWN.values(), ids=SHOWN)
def test_neither_provenance_nor_trackers_show_more(said: dict[str, Any], text: str) -> None:
    made = Holder.from_dict(said)
    (name,) = said
    assert CANARY not in made.provenance[name].value
    assert CANARY not in str(made.to_sanitized_dict()[name])


def test_an_object_without_words_stands_for_itself() -> None:
    made = Holder.from_dict({"anything": [Unwilling()]})
    assert repr(made) == "Holder(anything=[<Unwilling>])"
    assert made.provenance["anything"].value == '["<Unwilling>"]'
