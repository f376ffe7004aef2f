"""Secret managers for settings classes of one's own: prefixes, required secrets, mappings, an order of sources."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from trainspec import Settings, SettingsParser, TrainingArguments
from trainspec.settings.loading import diagnostics

from .conftest import CANARY

FROM = "TRAINSPEC_SECRETS_FROM"


class Acme(Settings):
    env_prefix = "ACME_"

    api_key: SecretStr
    keys: dict[str, SecretStr] | None = None
    retries: int = 1


class Plain(Settings):
    retries: int = 1


class Named(Settings):
    secrets_from: str = ""
    api_key: SecretStr | None = None


class FromConstructorOnly(TrainingArguments):
    @classmethod
    def settings_customise_sources(cls, settings_cls: Any, init_settings: Any, *others: Any, **more: Any) -> Any:
        return (init_settings,)


class Turned(TrainingArguments):
    @classmethod
    def settings_customise_sources(
        cls, settings_cls: Any, init_settings: Any, env_settings: Any, dotenv_settings: Any, file_secret_settings: Any
    ) -> Any:
        return env_settings, init_settings


def plain(secret: SecretStr | None) -> str:
    assert secret is not None
    return secret.get_secret_value()


def test_a_class_with_a_prefix_has_a_variable_of_its_own(secret, calls, monkeypatch) -> None:
    secret("acme", {"ACME_API_KEY": CANARY, "TRAINSPEC_SEED": "1", "retries": "5"})
    monkeypatch.setenv("ACME_SECRETS_FROM", "aws-sm://acme?fields=api_key,retries")
    acme = Acme()
    assert (plain(acme.api_key), acme.retries, calls) == (CANARY, 5, {"get_secret_value": 1})


def test_a_required_secret_that_is_not_there_is_missing(secret, monkeypatch) -> None:
    secret("acme", {"other": "x"})
    monkeypatch.setenv("ACME_SECRETS_FROM", "aws-sm://acme")
    with pytest.raises(ValueError) as caught:
        Acme()
    assert {item.code for item in diagnostics(caught.value)} == {"SRC120", "VAL105"}


def test_a_mapping_of_secrets_is_laid_over_key_by_key(secret, monkeypatch) -> None:
    secret("acme", {"api_key": "a", "keys": {"one": CANARY, "two": "theirs"}})
    monkeypatch.setenv("ACME_SECRETS_FROM", "aws-sm://acme")
    monkeypatch.setenv("ACME_KEYS__TWO", "mine")
    acme = Acme()
    assert {name: plain(key) for name, key in (acme.keys or {}).items()} == {"one": CANARY, "two": "mine"}
    assert CANARY not in f"{acme.provenance['keys']} {acme!r}"
    assert "aws-sm://acme#keys version" in str(acme.provenance["keys.one"].source)


def test_a_class_without_secrets_asks_nobody(monkeypatch, no_network) -> None:
    monkeypatch.setenv(FROM, "aws-sm://a,gcp-sm://my-project")
    assert Plain().retries == 1 and no_network == []


def test_a_setting_of_that_name_is_a_setting(monkeypatch, no_network) -> None:
    monkeypatch.setenv(FROM, "aws-sm://a")
    assert Named().secrets_from == "aws-sm://a" and no_network == []


def test_a_class_that_drops_the_environment_does_not_see_the_variable(monkeypatch, no_network) -> None:
    monkeypatch.setenv(FROM, "aws-sm://a")
    assert FromConstructorOnly("o").hub_token is None and no_network == []


def test_a_class_that_orders_its_sources_has_them_above_secret_managers(secret, calls, monkeypatch) -> None:
    secret("turned", {"hub_token": CANARY, "seed": "1", "data_seed": "2"})
    monkeypatch.setenv(FROM, "aws-sm://turned?fields=hub_token,seed,data_seed")
    monkeypatch.setenv("TRAINSPEC_SEED", "3")
    args = Turned("o", push_to_hub=True, seed=4)
    assert (args.seed, args.data_seed, plain(args.hub_token)) == (3, 2, CANARY)
    assert calls == {"get_secret_value": 1}
    calls.clear()
    assert Turned("o", push_to_hub=True, hub_token="mine", data_seed=5).data_seed == 5
    assert not calls


def test_the_default_fields_of_several_classes(secret, monkeypatch, capsys) -> None:
    secret("one", {"wandb_key": CANARY})
    monkeypatch.setenv(FROM, "aws-sm://one")
    with pytest.raises(SystemExit):
        SettingsParser((TrainingArguments, Plain)).parse_args([])
    told = capsys.readouterr().err
    assert "aws-sm://one has no hub_token" in told and "?fields=NAME" in told and CANARY not in told
