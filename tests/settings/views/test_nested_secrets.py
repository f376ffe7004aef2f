"""A secret anywhere in a value is in nothing that people, logs and files get to see; what lies beside it is."""

from __future__ import annotations

import io
import json
import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import BaseModel, ConfigDict, SecretStr, TypeAdapter, ValidationError, field_serializer
from tests.settings.views.nested_secrets import CANARY, Account, Key, Login, Nest, nests

from trainspec import Settings, SettingsParser
from trainspec.export import env_template, json_schema
from trainspec.settings.judging.pydantic_errors import diagnostics_of


class Open(BaseModel):
    """Takes any key, each with a secret."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Key]


class Nested(Settings):
    account: Account = Account()
    accounts: list[Account] = []  # noqa: RUF012
    by_name: dict[str, Account] = {}  # noqa: RUF012
    login: Login | None = None
    key: Key | None = None
    open: Open | None = None
    either: Key | int | None = None
    pair: tuple[int, Key] | None = None
    anything: Any = None


class NamingClasses(pickle.Pickler):
    """Pickles instances of classes that no module holds."""

    def persistent_id(self, obj: Any) -> str | None:
        return obj.__qualname__ if isinstance(obj, type) else None


def pickled(value: Any) -> str:
    buffer = io.BytesIO()
    NamingClasses(buffer).dump(value)
    return buffer.getvalue().decode("latin-1")


def texts_of(made: Settings) -> Iterator[str]:
    yield from (repr(made), str(made), pickled(made), made.to_json_string(), made._repr_html_())
    for derived in (False, True):
        yield json.dumps(made.to_dict(derived=derived))
    yield json.dumps(made.to_sanitized_dict())
    yield from (f"{entry} {entry!r} {entry.to_dict()}" for entry in made.provenance.values())


def texts_of_error(error: ValidationError) -> Iterator[str]:
    yield from (str(error), repr(error), error.json(), repr(error.errors()))
    yield from (f"{item.render()} {item!r} {item.to_dict()} {item._repr_html_()}" for item in diagnostics_of(error))


def texts_of_class(cls: type[Settings]) -> Iterator[str]:
    yield env_template.render(cls)
    yield from (json_schema.render(cls, draft="7"), json_schema.render(cls, draft="2020-12"))
    yield SettingsParser(cls).format_help()


def faults_of(make: Any) -> Iterator[str]:
    with pytest.raises(ValidationError) as caught:
        make()
    yield from texts_of_error(caught.value)


def texts_of_nest(nest: Nest, default: Any, prefix: str) -> Iterator[str]:
    body = {"__annotations__": {"nest": nest.annotation, "seed": int}, "seed": 1, "__module__": __name__}
    body |= {"nest": default} if default is not None else {}
    cls: Any = type(Settings)("Random", (Settings,), {**body, "env_prefix": prefix})
    yield from texts_of_class(cls)
    made = cls.from_dict({"nest": nest.said})
    for one in (made, cls(nest=made.nest), cls(nest=nest.said), made.replace(seed=2)):
        yield from texts_of(one)
    for wrong in ({"nest": nest.said, "seed": "x"}, {"nest": nest.faulty}, {"nest": object(), "seed": 2}):
        yield from faults_of(lambda wrong=wrong: cls.from_dict({**wrong, "sead": nest.said}))
        yield from faults_of(lambda wrong=wrong: cls(**wrong, sead=made.nest))
        yield from faults_of(lambda wrong=wrong: made.replace(**wrong, sead=made.nest))


@settings(max_examples=60, deadline=None)
@given(nest=nests)
def test_a_canary_in_any_nest_is_in_no_output(nest: Nest) -> None:
    default = TypeAdapter(nest.annotation).validate_python(nest.said)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for given_default in (None, default):
            seen = list(texts_of_nest(nest, given_default, "NESTED_"))
            assert [text for text in seen if CANARY in text] == []
    assert [item for item in caught if CANARY in str(item.message)] == []


@settings(max_examples=60, deadline=None)
@given(nest=nests)
def test_the_plain_text_is_there_when_asked_for_and_reads_back(nest: Nest) -> None:
    body = {"__annotations__": {"nest": nest.annotation}, "__module__": __name__}
    cls: Any = type(Settings)("Random", (Settings,), body)
    made = cls.from_dict({"nest": nest.said})
    whole = made.to_dict(secrets=True)
    assert CANARY in json.dumps(whole) and CANARY in json.dumps(made.to_dict(derived=True, secrets=True))
    again = cls.from_dict(json.loads(json.dumps(whole)))
    assert again == made and again.nest == made.nest and again.to_dict(secrets=True) == whole


DOCUMENT: dict[str, Any] = {
    "account": {"user": "ann", "token": CANARY},
    "accounts": [{"user": "bob", "token": CANARY}, {"user": "cid"}],
    "by_name": {"x": {"token": CANARY}},
    "login": {"token": CANARY, "user": "dee"},
    "key": CANARY,
    "either": 12345678,
    "pair": [1, CANARY],
}
KEPT: dict[str, Any] = {
    "account": {"user": "ann"},
    "accounts": [{"user": "bob"}, {"user": "cid"}],
    "by_name": {"x": {}},
    "login": {"token": "**********", "user": "dee"},
}


class TestBesideASecret:
    @pytest.fixture
    def made(self) -> Nested:
        return Nested.from_dict(DOCUMENT)

    def test_all_else_is_dumped(self, made: Nested) -> None:
        assert made.to_dict() == KEPT
        assert made.to_dict(derived=True) == {**KEPT, "by_name": {"x": {"user": "me"}}, "open": None, "anything": None}

    def test_the_plain_form_reads_back(self, made: Nested) -> None:
        assert made.to_dict(secrets=True) == DOCUMENT
        again = Nested.from_dict(made.to_dict(secrets=True))
        assert again.to_dict(secrets=True) == DOCUMENT and isinstance(again.account.token, Key)

    def test_nothing_shows_it(self, made: Nested) -> None:
        assert [text for text in texts_of(made) if CANARY in text or "12345678" in text] == []
        assert "user='ann'" in repr(made) and '"user": "ann"' in made.provenance["account"].value

    def test_a_pickle_keeps_all_else(self, made: Nested) -> None:
        again = pickle.loads(pickle.dumps(made))
        assert again == made and again.to_dict() == KEPT
        assert (again.key, again.either, again.pair) == (None, None, None)
        # What must stand somewhere is the placeholder, and the settings that were pickled stay as they are.
        assert again.login is not None and again.login.token == SecretStr("**********")
        assert made.to_dict(secrets=True) == DOCUMENT

    def test_copies_keep_it(self, made: Nested) -> None:
        for one in (made.model_copy(deep=True), made.replace(anything=1)):
            assert one.account.token == Key(CANARY)

    def test_it_is_no_part_of_what_a_run_is(self, made: Nested) -> None:
        assert made == Nested.from_dict(json.loads(json.dumps(DOCUMENT).replace(CANARY, "another")))
        assert made != Nested.from_dict({**DOCUMENT, "login": {"token": CANARY, "user": "eve"}})


def test_a_secret_where_anything_may_stand_is_hidden_by_its_value() -> None:
    made = Nested.from_dict({"anything": {"k": Key(CANARY), "l": [1, Key(CANARY)], "n": 2}})
    assert made.to_dict() == {"anything": {"l": [1, "**********"], "n": 2}}
    assert Nested.from_dict({"anything": Key(CANARY)}).to_dict() == {}
    assert [text for text in texts_of(made) if CANARY in text] == []


def test_a_required_secret_comes_back_from_a_pickle_as_the_placeholder() -> None:
    again = pickle.loads(pickle.dumps(Required(key=Key(CANARY), seed=3)))
    assert again.key == Key("**********") and again.seed == 3


class Required(Settings):
    key: Key
    seed: int = 0


class Telling(BaseModel):
    """A model that writes its secret out, as pydantic's own page on secrets shows it."""

    token: SecretStr
    n: int = 0

    @field_serializer("token", when_used="json")
    def _tell(self, value: SecretStr) -> str:
        return value.get_secret_value()


class Holder(Settings):
    telling: Telling | None = None
    n: int = 0


def test_a_model_that_writes_its_secret_out_does_not_do_so_here() -> None:
    made = Holder.from_dict({"telling": {"token": CANARY}})
    assert [text for text in texts_of(made) if CANARY in text] == []
    assert CANARY not in "".join(faults_of(lambda: Holder(telling=made.telling, n="x")))


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "beside it in a model": ({"account": {"user": 5, "token": CANARY}}, "account.user must be text, not 5"),
    "in its place": (
        {"account": {"token": [CANARY]}},
        "account.token must be text (a secret), or null, not **********",
    ),
    "where a model is due": ({"account": CANARY}, "account must be a mapping with keys of Account, not **********"),
    "under an extra key": ({"open": {"any": [CANARY]}}, "open.any must be something else, not **********"),
    "a misspelled key": ({"by_name": {"x": {"tokn": CANARY}}, "seed": 1}, "seed matches no setting"),
}


@pytest.mark.parametrize(("document", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_without_it(document: dict[str, Any], message: str) -> None:
    verdict = Nested.check(document)
    assert message in [item.message for item in verdict.diagnostics]
    assert CANARY not in "".join(item.render() for item in verdict.diagnostics)


def test_keys_over_a_text_that_is_a_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(f"key: {CANARY}\n")
    monkeypatch.setenv("TRAINSPEC_CONFIG", str(path))
    monkeypatch.setenv("TRAINSPEC_KEY__X", CANARY)
    seen = "".join(faults_of(Nested))
    assert "SRC113" in seen and CANARY not in seen
