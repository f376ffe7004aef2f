"""What is dumped without secrets reads back as equal settings, whatever the fields hold."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr

from trainspec import Settings
from trainspec.settings.judging.ways_in import from_layers
from trainspec.settings.sources.files import document_layer, parse_document

CANARY = "cnry7F3xQ"
HIDDEN = "**********"


class Login(BaseModel):
    key: SecretStr
    n: int = 0


class Maybe(BaseModel):
    key: SecretStr | None = None
    n: int = 0


@dataclasses.dataclass
class Pass:
    key: SecretStr
    keys: list[SecretStr] = dataclasses.field(default_factory=list)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    n: int = 0


class Aliased(BaseModel):
    n: int = Field(1, alias="theN")
    m: int = Field(1, validation_alias=AliasChoices("theM", "m"))


class ByName(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    n: int = Field(1, alias="theN")


class Holder(Settings):
    login: Login | None = None
    maybe: Maybe | None = None
    data: Pass | None = None
    logins: list[Login] = []  # noqa: RUF012
    queue: deque[Login] = deque()  # noqa: RUF012
    ordered: OrderedDict[str, Login] = OrderedDict()  # noqa: RUF012
    filling: defaultdict[str, list[Login]] = defaultdict(list)  # noqa: RUF012
    counted: Counter[str] = Counter()  # noqa: RUF012
    frozen: frozenset[str] = frozenset()
    several: tuple[Login, ...] = ()
    mapping: Mapping[str, Login] = {}
    sequence: Sequence[Login] = ()
    open: Open | None = None
    aliased: Aliased | None = None
    by_name: ByName | None = None


SAID = {"key": CANARY, "n": 2}
KEPT = {"key": HIDDEN, "n": 2}
# What a document says -> what is dumped of it.
DUMPS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "required in a model": ({"login": SAID}, {"login": KEPT}),
    "not required in a model": ({"maybe": SAID}, {"maybe": {"n": 2}}),
    "in a dataclass": ({"data": {"key": CANARY, "keys": [CANARY]}}, {"data": {"key": HIDDEN}}),
    "list": ({"logins": [SAID]}, {"logins": [KEPT]}),
    "deque": ({"queue": [SAID]}, {"queue": [KEPT]}),
    "OrderedDict": ({"ordered": {"a": SAID}}, {"ordered": {"a": KEPT}}),
    "defaultdict": ({"filling": {"a": [SAID]}}, {"filling": {"a": [KEPT]}}),
    "Counter": ({"counted": {"a": 2}}, {"counted": {"a": 2}}),
    "frozenset": ({"frozen": ["a"]}, {"frozen": ["a"]}),
    "tuple": ({"several": [SAID, SAID]}, {"several": [KEPT, KEPT]}),
    "Mapping": ({"mapping": {"a": SAID}}, {"mapping": {"a": KEPT}}),
    "Sequence": ({"sequence": [SAID]}, {"sequence": [KEPT]}),
    "extra keys": ({"open": {"n": 2, "more": [5]}}, {"open": {"n": 2, "more": [5]}}),
    "an alias": ({"aliased": {"theN": 3, "theM": 4}}, {"aliased": {"theN": 3, "theM": 4}}),
    "an alias that is not needed": ({"by_name": {"theN": 3}}, {"by_name": {"n": 3}}),
}


@pytest.mark.parametrize(("document", "dumped"), DUMPS.values(), ids=DUMPS)
def test_what_is_dumped_reads_back(document: dict[str, Any], dumped: dict[str, Any]) -> None:
    made = Holder.from_dict(document)
    assert made.to_dict() == dumped
    assert Holder.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    whole = json.loads(json.dumps(made.to_dict(secrets=True)))
    assert json.dumps(whole).count(CANARY) == json.dumps(document).count(CANARY)
    assert Holder.from_dict(whole) == made and Holder.from_dict(whole).to_dict(secrets=True) == whole


@pytest.mark.parametrize(("document", "dumped"), DUMPS.values(), ids=DUMPS)
def test_a_pickle_keeps_the_class_of_what_it_holds(document: dict[str, Any], dumped: dict[str, Any]) -> None:
    made = Holder.from_dict(document)
    data = pickle.dumps(made)
    assert CANARY.encode() not in data and pickle.loads(data) == made
    for name in document:
        again = getattr(pickle.loads(data), name)
        assert type(again) is type(getattr(made, name))
    assert made.to_dict(secrets=True) == Holder.from_dict(document).to_dict(secrets=True)


def test_a_queue_stays_as_short_and_a_mapping_fills_itself() -> None:
    made = Holder(queue=deque([Login(key=CANARY)], maxlen=3), filling={"a": [SAID]})
    again = pickle.loads(pickle.dumps(made))
    assert again.queue.maxlen == made.queue.maxlen and again.filling["new"] == []


# Two documents that differ -> whether only by secrets.
PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "another secret": ({"maybe": SAID}, {"maybe": {"key": "other", "n": 2}}, True),
    "none": ({"maybe": SAID}, {"maybe": {"n": 2}}, True),
    "beside it": ({"maybe": SAID}, {"maybe": {"key": CANARY, "n": 3}}, False),
    "in a list": ({"logins": [SAID]}, {"logins": [{"key": "other", "n": 2}]}, True),
    "a longer list": ({"logins": [SAID]}, {"logins": [SAID, SAID]}, False),
    "an extra key": ({"open": {"more": 1}}, {"open": {"more": 2}}, False),
}


@pytest.mark.parametrize(("one", "other", "same"), PAIRS.values(), ids=PAIRS)
def test_equality_ignores_secrets_alone(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    assert (Holder.from_dict(one) == Holder.from_dict(other)) is same


# A document that lacks something inside -> what is said of it, where, and what to write.
MISSING: dict[str, tuple[str, str, str]] = {
    "in a model": ("login: {n: 1}", "login.key", "run.yaml:1:1"),
    "in a list": ("logins: [{key: a}, {n: 1}]", "logins.1.key", "run.yaml:1:1"),
    "in a deque": ("queue: [{n: 1}]", "queue.0.key", "run.yaml:1:1"),
    "in a mapping": ("mapping: {a: {n: 1}}", "mapping.a.key", "run.yaml:1:11"),
    "in a list in a mapping": ("filling: {a: [{n: 1}]}", "filling.a.0.key", "run.yaml:1:11"),
    "in a dataclass": ("data: {}", "data.key", "run.yaml:1:1"),
}


@pytest.mark.parametrize(("text", "name", "place"), MISSING.values(), ids=MISSING)
def test_what_is_missing_inside_is_named_by_its_path(text: str, name: str, place: str) -> None:
    layer, found = document_layer(Holder, parse_document(text, "yaml", "run.yaml"))
    (why,) = [item for item in from_layers(Holder, [layer], found, quiet=True).diagnostics if item.code == "VAL105"]
    assert (why.message, why.remedy) == (f"{name} is required and no source gives it", f"give {name}: text (a secret)")
    assert str(why.evidence[0].source) == place
