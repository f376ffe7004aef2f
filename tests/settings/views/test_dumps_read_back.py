"""A dump without secrets reads back, whatever holds the secrets: equal but for them."""

import pickle
from collections import deque
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretBytes, SecretStr

from trainspec import TrainingArguments


class Needs(BaseModel):
    key: SecretStr
    size: int = 0


class May(BaseModel):
    key: SecretStr | None = None
    size: int = 0


class Several(BaseModel):
    keys: list[SecretStr]
    raw: SecretBytes
    inner: Needs


@dataclass
class Plain:
    key: SecretStr
    size: int = 0


class Own(TrainingArguments):
    needs: Needs | None = None
    may: May | None = None
    several: Several | None = None
    plain: Plain | None = None
    rows: list[Needs] = Field(default_factory=list)
    queue: deque[Needs] = Field(default_factory=deque)
    named: dict[str, Needs] = Field(default_factory=dict)


KEY = {"key": "canary", "size": 2}
SAID: dict[str, dict[str, Any]] = {
    "required": {"needs": KEY},
    "optional": {"may": KEY},
    "several": {"several": {"keys": ["canary", "canary"], "raw": "canary", "inner": KEY}},
    "dataclass": {"plain": KEY},
    "list": {"rows": [KEY, KEY]},
    "deque": {"queue": [KEY]},
    "dict": {"named": {"a": KEY}},
}


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_the_plain_form_reads_back(said: dict[str, Any]) -> None:
    args = Own.from_dict(said)
    document = args.to_dict()
    assert "canary" not in repr(document)
    assert Own.from_dict(document) == args
    assert Own.from_dict(args.to_dict(secrets=True)).to_dict(secrets=True) == args.to_dict(secrets=True)
    assert "canary" in repr(args.to_dict(secrets=True))


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_no_pickle_holds_them(said: dict[str, Any]) -> None:
    data = pickle.dumps(Own.from_dict(said))
    assert b"canary" not in data
    assert pickle.loads(data) == Own.from_dict(said)


def test_what_need_not_be_there_is_left_out() -> None:
    assert Own.from_dict({"may": KEY}).to_dict()["may"] == {"size": 2}
    assert Own.from_dict({"needs": KEY}).to_dict()["needs"] == {"key": "**********", "size": 2}
