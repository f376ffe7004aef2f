"""A secret, however and wherever it is given, is in nothing that people, logs or files get to see."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError, field_validator

from trainspec import SettingsParser, TrainingArguments, diagnostics

CANARY = "canary/9f8E7d+6c@x"


class WithKey(TrainingArguments):
    wandb_key: SecretStr | None = None
    keys: list[SecretStr] = []  # noqa: RUF012
    pin: SecretStr | int | None = None


class Strict(TrainingArguments):
    licence: SecretStr | None = None

    @field_validator("licence")
    @classmethod
    def _check(cls, value: Any) -> Any:
        raise ValueError(f"bad licence {value.get_secret_value()}")


def texts_of_error(error: ValidationError) -> Iterator[str]:
    yield from (
        str(error),
        repr(error),
        error.json(),
        repr(error.errors()),
        repr(error.args),
        "".join(traceback.format_exception(error)),
    )
    for line in error.errors():
        yield repr(line["input"]) + repr(line.get("ctx"))
    for item in diagnostics(error):
        yield from (repr(item), str(item), item.render(color=True), json.dumps(item.to_dict()))
    yield repr(pickle_of(error))


def pickle_of(value: Any) -> Any:
    try:
        return pickle.dumps(value)
    except (TypeError, pickle.PicklingError):
        return b""


def texts_of_settings(settings: TrainingArguments) -> Iterator[str]:
    yield from (repr(settings), str(settings), f"{settings}", pickle_of(settings).decode("latin-1"))
    for derived in (False, True):
        yield json.dumps(settings.to_dict(derived=derived))
        yield settings.to_json_string(derived=derived)
    yield json.dumps(settings.to_sanitized_dict())
    yield from (f"{name} {entry} {entry.to_dict()} {entry!r}" for name, entry in settings.provenance.items())


def everything_seen(make: Any) -> tuple[list[str], Any]:
    """All that can be seen of an attempt to make settings, and the settings or the error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            outcome = make()
        except ValidationError as error:
            outcome = error
    texts = [text for item in caught for text in (str(item.message), repr(item.message))]
    texts += texts_of_error(outcome) if isinstance(outcome, ValidationError) else texts_of_settings(outcome)
    return texts, outcome


def assert_unseen(make: Any) -> Any:
    texts, outcome = everything_seen(make)
    assert texts
    assert [text for text in texts if CANARY in text or "9f8E7d" in text] == []
    return outcome


TOO = {"alone": {}, "with other faults": {"seed": -1, "fp16": True, "bf16": True, "evaluation_strategy": "Epoch"}}

DOCUMENTS = {
    "in its field": {"hub_token": CANARY, "push_to_hub": True},
    "without effect": {"hub_token": CANARY},
    "under its old name": {"push_to_hub_token": CANARY, "push_to_hub": True},
    "under both names": {"push_to_hub_token": CANARY, "hub_token": CANARY + "2"},
    "misspelled": {"hub_tokn": CANARY},
    "misspelled, in a list": {"hub_tokens": [CANARY]},
    "under a name of others": {"wandb_api_key": {"key": CANARY}},
    "in a list": {"hub_token": [CANARY]},
    "in a mapping": {"hub_token": {"value": CANARY}},
    "as an old name in a list": {"push_to_hub_token": [CANARY]},
    "with a line break in it": {"hub_token": f"{CANARY}\n{CANARY}"},
    "as the key of a mapping": {"hub_token": {CANARY: 1}},
    "in a section": {"fsdp": "full_shard", "fsdp_config": {"api_key": CANARY}},
    "in arguments": {"optim_args": {"auth_token": CANARY}},
    "in arguments as text": {"optim_args": f"auth_token={CANARY},seed"},
    "in a text that is no JSON": {"fsdp": "full_shard", "fsdp_config": f'{{"api_key": "{CANARY}", "a"'},
}
URLS = {
    "a URL of output": {"output_dir": f"s3://user:{CANARY}@bucket/run"},
    "a URL without a user": {"output_dir": f"s3://:{CANARY}@bucket/run"},
    "a URL with a query": {"output_dir": f"https://host/run?X-Signature={CANARY}"},
    "a URL to resume from": {"resume_from_checkpoint": f"https://{CANARY}@host/run"},
    "a URL where a number is due": {"seed": f"s3://user:{CANARY}@bucket/run"},
    "a URL where a list is due": {"label_names": f"s3://user:{CANARY}@bucket/run"},
    "a URL of a section": {"fsdp": "full_shard", "fsdp_config": f"nosuch://user:{CANARY}@host/x.yaml"},
    "a URL of a missing section": {"fsdp": "full_shard", "fsdp_config": f"memory://user:{CANARY}@host/x.yaml"},
}


@pytest.mark.parametrize("too", TOO.values(), ids=TOO)
@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
class TestDocument:
    def test_parsed(self, document, too):
        assert_unseen(lambda: TrainingArguments.from_dict({**document, **too}))

    def test_constructor(self, document, too):
        assert_unseen(lambda: TrainingArguments(**document, **too))

    def test_assignment(self, document, too):
        assert_unseen(lambda: TrainingArguments().replace(**document, **too))

    @pytest.mark.parametrize("format", ["json", "yaml"])
    def test_text(self, document, too, format):
        text = json.dumps({**document, **too})
        assert_unseen(lambda: getattr(TrainingArguments, f"from_{format}")(text))

    def test_file_of_the_process(self, document, too, write, monkeypatch):
        monkeypatch.setenv("TRAINSPEC_CONFIG", write("run.json", json.dumps({**document, **too})))
        assert_unseen(TrainingArguments)

    def test_environment(self, document, too, monkeypatch):
        for name, value in {**document, **too}.items():
            text = value if isinstance(value, str) else json.dumps(value)
            monkeypatch.setenv(f"TRAINSPEC_{name.upper()}", text)
        assert_unseen(TrainingArguments)

    def test_dotenv(self, document, too, write, monkeypatch):
        lines = [f"TRAINSPEC_{name.upper()}='{value}'" for name, value in {**document, **too}.items()]
        monkeypatch.setenv("TRAINSPEC_ENV_FILE", write(".env", "\n".join(lines)))
        assert_unseen(TrainingArguments)

    def test_secrets_directory(self, document, too, write, monkeypatch, tmp_path):
        for name, value in document.items():
            write(f"secrets/trainspec_{name}", str(value))
            write(f"secrets/{name}", str(value))
        monkeypatch.setenv("TRAINSPEC_SECRETS_DIR", str(tmp_path / "secrets"))
        assert_unseen(lambda: TrainingArguments(**too))


@pytest.mark.parametrize("document", URLS.values(), ids=URLS)
def test_credentials_in_a_url_are_in_no_error(document):
    texts, outcome = everything_seen(lambda: TrainingArguments.from_dict({**document, "max_grad_norm": -1}))
    assert isinstance(outcome, ValidationError)
    assert [text for text in texts if CANARY in text or "9f8E7d" in text] == []


@pytest.mark.parametrize("name", ["output_dir", "resume_from_checkpoint", "logging_dir"])
def test_credentials_in_a_url_are_not_in_what_people_and_trackers_see(name):
    settings = TrainingArguments.from_dict({name: f"s3://user:{CANARY}@bucket/run"})
    seen = [repr(settings), str(settings), json.dumps(settings.to_sanitized_dict())]
    seen += [f"{entry} {entry.to_dict()}" for entry in settings.provenance.values()]
    assert [text for text in seen if CANARY in text] == []
    assert TrainingArguments.from_dict(settings.to_dict()) == settings


SOURCES = {
    "a config": ("CONFIG", f"https://user:{CANARY}@localhost:1/run.txt"),
    "a config of an unknown kind": ("CONFIG", f"nosuch://user:{CANARY}@host/run.yaml"),
    "a config that is missing": ("CONFIG", f"memory://user:{CANARY}@host/run.yaml"),
    "a config with a query": ("CONFIG", f"memory://host/run.yaml?token={CANARY}"),
    "a dotenv": ("ENV_FILE", f"nosuch://user:{CANARY}@host/.env"),
    "secrets": ("SECRETS_DIR", f"nosuch://user:{CANARY}@host/x"),
    "the file of a secret, given the secret": ("HUB_TOKEN_FILE", CANARY),
    "the old file of a secret": ("PUSH_TO_HUB_TOKEN_FILE", CANARY),
    "a key below the secret": ("HUB_TOKEN__VALUE", CANARY),
    "a misspelled variable": ("HUB_TOKN", CANARY),
    "a misspelled file": ("HUB_TOKN_FILE", CANARY),
    "a task's own": ("TASK__API_KEY", CANARY),
}


@pytest.mark.parametrize(("name", "value"), SOURCES.values(), ids=SOURCES)
def test_variables_about_where_settings_are(name, value, monkeypatch):
    monkeypatch.setenv(f"TRAINSPEC_{name}", value)
    assert_unseen(TrainingArguments)
    assert_unseen(lambda: TrainingArguments(seed=-1))


BROKEN_TEXTS = {
    "JSON": ("from_json", f'{{"hub_token": "{CANARY}", "seed": }}'),
    "JSON twice": ("from_json", f'{{"hub_token": "{CANARY}", "hub_token": "{CANARY}"}}'),
    "JSON cut off": ("from_json", f'{{"hub_token": "{CANARY}'),
    "YAML": ("from_yaml", f"hub_token: {CANARY}\n  seed: 1\n"),
    "YAML cut off": ("from_yaml", f'hub_token: "{CANARY}'),
    "YAML twice": ("from_yaml", f"hub_token: {CANARY}\nhub_token: {CANARY}\n"),
    "YAML text alone": ("from_yaml", CANARY),
    "TOML": ("from_toml", f'hub_token = "{CANARY}\n'),
    "TOML without quotes": ("from_toml", f"hub_token = {CANARY}\n"),
    "TOML twice": ("from_toml", f'hub_token = "{CANARY}"\nhub_token = "{CANARY}"'),
}


@pytest.mark.parametrize(("way", "text"), BROKEN_TEXTS.values(), ids=BROKEN_TEXTS)
def test_text_that_does_not_parse(way, text):
    assert isinstance(assert_unseen(lambda: getattr(TrainingArguments, way)(text)), ValidationError)


@pytest.mark.parametrize(
    "text", [f"TRAINSPEC_HUB_TOKEN {CANARY}", f'TRAINSPEC_HUB_TOKEN="{CANARY}', f"TRAINSPEC_HUB_TOKEN: {CANARY}"]
)
def test_a_dotenv_file_that_does_not_parse(text, write, monkeypatch):
    monkeypatch.setenv("TRAINSPEC_ENV_FILE", write(".env", text))
    assert isinstance(assert_unseen(TrainingArguments), ValidationError)


SUBCLASS = {
    "a key": {"wandb_key": CANARY},
    "a list": {"keys": [CANARY, CANARY]},
    "a text where a list is due": {"keys": CANARY},
    "a list where a text is due": {"wandb_key": [CANARY]},
    "a number's neighbour": {"pin": [CANARY]},
    "with a fault": {"wandb_key": CANARY, "keys": [CANARY, 5], "seed": "x"},
}


@pytest.mark.parametrize("document", SUBCLASS.values(), ids=SUBCLASS)
def test_secrets_of_a_subclass(document, monkeypatch):
    assert_unseen(lambda: WithKey.from_dict(document))
    assert_unseen(lambda: WithKey(**document))
    for name, value in document.items():
        monkeypatch.setenv(f"TRAINSPEC_{name.upper()}", value if isinstance(value, str) else json.dumps(value))
    assert_unseen(WithKey)


def test_a_validator_that_tells():
    assert isinstance(assert_unseen(lambda: Strict.from_dict({"licence": CANARY})), ValidationError)


@pytest.mark.parametrize(
    "argument", ["--hub_token=", "--hub_tokn=", "--push_to_hub_token=", "--hub_token_=", "--hub-token="]
)
def test_flags(argument, capsys):
    texts, _ = everything_seen(lambda: SettingsParser(WithKey).parse_dict({"hub_token": CANARY, "nosuch": CANARY})[0])
    try:
        SettingsParser(WithKey).parse_args_into_dataclasses([argument + CANARY, "--seed", "x"])
    except SystemExit:
        pass
    except ValidationError as error:
        texts += texts_of_error(error)
    captured = capsys.readouterr()
    assert CANARY not in captured.out + captured.err + "".join(texts)


class TestKept:
    @pytest.fixture
    def settings(self):
        return TrainingArguments.from_dict({"hub_token": CANARY, "push_to_hub": True, "seed": 3})

    def test_by_the_object_and_its_copies(self, settings):
        copies = (copy.copy(settings), copy.deepcopy(settings), settings.replace(seed=4), settings.model_copy())
        for one in (settings, *copies):
            assert one.hub_token.get_secret_value() == CANARY
            assert CANARY not in repr(one)

    def test_by_a_dump_only_when_asked(self, settings):
        assert settings.to_dict(secrets=True)["hub_token"] == CANARY
        assert settings.to_dict(secrets=True, derived=True)["hub_token"] == CANARY
        assert "hub_token" not in settings.to_dict() and "hub_token" not in settings.to_dict(derived=True)

    def test_not_by_a_pickle(self, settings):
        again = pickle.loads(pickle.dumps(settings))
        assert again.hub_token is None and again == settings and again.seed == 3

    def test_not_by_pydantics_own_dumps(self, settings):
        assert CANARY not in settings.model_dump_json() + repr(settings.model_dump()) + repr(settings.__dict__)

    @pytest.mark.parametrize("placeholder", ["**********", "<HUB_TOKEN>", " <hub_token> "])
    def test_a_placeholder_is_no_secret(self, placeholder, judge):
        assert TrainingArguments.from_dict({"hub_token": placeholder}).hub_token is None
        assert judge({"TRAINSPEC_HUB_TOKEN": placeholder}).settings.hub_token is None
        verdict = TrainingArguments.check({"push_to_hub_token": placeholder})
        assert verdict.ok and verdict.settings.hub_token is None

    @pytest.mark.parametrize("other", ["<", "<>x", "a<b>", "**"])
    def test_but_what_only_looks_like_one_is(self, other):
        settings = TrainingArguments.from_dict({"hub_token": other, "push_to_hub": True})
        assert settings.hub_token.get_secret_value() == other
