"""AWS Secrets Manager and Parameter Store as moto plays them: values with their versions, and every way to get none."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pydantic import SecretStr

from trainspec import Settings, SettingsParser, TrainingArguments
from trainspec.settings.sources.cloud import amazon
from trainspec.settings.sources.cloud.address import addresses_in

from .conftest import CANARY, values

FROM = "TRAINSPEC_SECRETS_FROM"


class TestSecretsManager:
    def test_only_secrets_are_read(self, judge, secret, calls) -> None:
        version = secret("train/prod", {"hub_token": CANARY, "db_password": "x", "host": "y"})
        verdict = judge({FROM: "aws-sm://train/prod"})
        assert values(verdict) == {"hub_token": CANARY}
        assert verdict.diagnostics == []
        entry = verdict.settings.provenance["hub_token"]
        assert str(entry) == f"**********  (aws-sm://train/prod#hub_token version {version} (settings source))"
        assert calls == {"get_secret_value": 1}

    def test_fields_are_read_as_from_the_environment(self, judge, secret) -> None:
        content = {
            "learning_rate": "3e-4",
            "TRAINSPEC_BF16": "on",
            "label_names": "a,b",
            "seed": 7,
            "save_only_model": True,
        }
        secret("all", {**content, "hub_token": CANARY})
        fields = "learning_rate,bf16,label_names,seed,save_only_model"
        assert values(judge({FROM: f"aws-sm://all?fields={fields}"})) == {
            "learning_rate": 3e-4,
            "bf16": True,
            "label_names": ["a", "b"],
            "seed": 7,
            "save_only_model": True,
        }

    @pytest.mark.parametrize("name", ["HUB_TOKEN", "trainspec_hub_token", "TRAINSPEC_HUB_TOKEN"])
    def test_spellings_of_a_key(self, name, judge, secret) -> None:
        secret("spelled", {name: CANARY})
        assert values(judge({FROM: "aws-sm://spelled"})) == {"hub_token": CANARY}

    def test_an_old_name_is_read_with_its_warning(self, judge, secret) -> None:
        secret("old", {"push_to_hub_token": CANARY})
        verdict = judge({FROM: "aws-sm://old"})
        assert values(verdict) == {"hub_token": CANARY}
        assert [item.code for item in verdict.diagnostics] == ["REN101"]
        assert CANARY not in verdict.diagnostics[0].render()

    def test_an_older_version_and_stage(self, judge, secret) -> None:
        first = secret("turned", {"hub_token": "hf_first"})
        secret("turned", {"hub_token": "hf_second"})
        assert values(judge({FROM: "aws-sm://turned"})) == {"hub_token": "hf_second"}
        assert values(judge({FROM: f"aws-sm://turned?version={first}"})) == {"hub_token": "hf_first"}
        assert values(judge({FROM: "aws-sm://turned?stage=AWSPREVIOUS"})) == {"hub_token": "hf_first"}

    def test_a_wrong_value_names_secret_key_and_version(self, judge, secret) -> None:
        version = secret("wrong", {"learning_rate": "fast", "hub_token": 5})
        verdict = judge({FROM: "aws-sm://wrong?fields=learning_rate,hub_token"})
        found = {item.fields[0]: item for item in verdict.errors}
        assert {name: item.code for name, item in found.items()} == {"learning_rate": "VAL101", "hub_token": "VAL101"}
        assert f"aws-sm://wrong#learning_rate version {version}" in found["learning_rate"].render()
        assert "hub_token = **********" in found["hub_token"].render()

    def test_an_empty_value_is_none(self, judge, secret) -> None:
        secret("empty", {"hub_token": "", "seed": "7"})
        assert values(judge({FROM: "aws-sm://empty?fields=seed"})) == {"seed": 7}
        assert [item.code for item in judge({FROM: "aws-sm://empty?fields=hub_token"}).errors] == ["SRC120"]


SHIELDED = {
    "almost a secret": ({"hub_tokn": "x"}, "", "SRC120", "error", "rename the key hub_tokn, which is almost hub_token"),
    "with dashes": ({"hub-token": "x"}, "", "SRC120", "error", "hub-token"),
    "almost a field asked for": ({"lerning_rate": "1"}, "?fields=learning_rate", "SRC120", "error", "lerning_rate"),
    "our prefix": ({"hub_token": "x", "TRAINSPEC_SEDE": "1"}, "", "SRC102", "error", "did you mean seed?"),
    "a setting not asked for": (
        {"hub_token": "x", "learning_rate": "1"},
        "",
        "SRC116",
        "warning",
        "fields=hub_token,learning_rate",
    ),
    "twice": ({"hub_token": "x", "HUB_TOKEN": "y"}, "", "SRC113", "error", "keep one"),
    "old and new name": ({"hub_token": "x", "push_to_hub_token": "y"}, "", "REN103", "error", "keep hub_token"),
}


@pytest.mark.parametrize(("content", "asked", "code", "severity", "remedy"), SHIELDED.values(), ids=SHIELDED)
def test_a_key_that_would_be_lost_is_found(content, asked, code, severity, remedy, judge, secret) -> None:
    secret("shield", content)
    found = [item for item in judge({FROM: f"aws-sm://shield{asked}"}).diagnostics if item.code != "REN101"]
    assert [(item.code, item.severity) for item in found] == [(code, severity)]
    assert remedy in found[0].remedy and "aws-sm://shield" in found[0].render()


QUIET = {
    "other programs' keys": {"hub_token": "x", "username": "y", "password": "z", "engine": "postgres"},
    "a second key like one that is there": {"hub_token": "x", "hub_tokens": "y"},
    "the same twice": {"hub_token": "x", "HUB_TOKEN": "x"},
}


@pytest.mark.parametrize("content", QUIET.values(), ids=QUIET)
def test_what_is_no_mistake_is_left_alone(content, judge, secret) -> None:
    secret("quiet", content)
    verdict = judge({FROM: "aws-sm://quiet"})
    assert verdict.ok and verdict.diagnostics == []


class TestParameterStore:
    def test_one_call_for_all_that_is_wanted(self, judge, parameter, calls) -> None:
        parameter("/train/prod/hub_token", CANARY)
        parameter("/train/prod/seed", "7")
        parameter("/train/prod/unasked", "8")
        verdict = judge({FROM: "aws-ssm://train/prod?fields=hub_token,seed"})
        assert values(verdict) == {"hub_token": CANARY, "seed": 7}
        assert "aws-ssm://train/prod#hub_token version 1" in str(verdict.settings.provenance["hub_token"])
        assert calls == {"get_parameters": 1}

    def test_ten_at_a_time(self, judge, parameter, calls) -> None:
        fields = "seed data_seed max_steps warmup_steps logging_steps save_steps eval_steps save_total_limit run_name"
        asked = [*fields.split(), "per_device_train_batch_size", "per_device_eval_batch_size"]
        for name in asked:
            parameter(f"/ten/{name}", "3")
        verdict = judge({FROM: f"aws-ssm://ten?fields={','.join(asked)}"})
        assert verdict.ok and values(verdict).keys() == set(asked) and calls == {"get_parameters": 2}

    def test_a_version(self, judge, parameter) -> None:
        parameter("/versions/hub_token", "hf_first")
        parameter("/versions/hub_token", "hf_second")
        assert values(judge({FROM: "aws-ssm://versions"})) == {"hub_token": "hf_second"}
        verdict = judge({FROM: "aws-ssm://versions?version=1"})
        assert values(verdict) == {"hub_token": "hf_first"}
        assert "version 1" in str(verdict.settings.provenance["hub_token"])

    def test_a_field_that_is_named_must_be_there(self, judge, parameter) -> None:
        parameter("/half/hub_token", CANARY)
        (found,) = judge({FROM: "aws-ssm://half?fields=hub_token,seed"}).errors
        assert (found.code, found.fields) == ("SRC120", ("seed",))

    def test_a_path_with_nothing_of_ours_is_told(self, judge, calls) -> None:
        (found,) = judge({FROM: "aws-ssm://tarin/prod"}).errors
        assert found.code == "SRC120" and found.message == "aws-ssm://tarin/prod has no hub_token"


class TestSeveral:
    def test_the_later_is_over_the_earlier(self, judge, secret, parameter, calls) -> None:
        secret("team", {"hub_token": "hf_team", "seed": "1"})
        parameter("/mine/hub_token", "hf_mine")
        verdict = judge({FROM: "aws-sm://team?fields=hub_token,seed,aws-ssm://mine"})
        assert values(verdict) == {"hub_token": "hf_mine", "seed": 1}

    def test_an_earlier_one_is_not_asked_for_what_the_later_gives(self, judge, secret, parameter, calls) -> None:
        secret("team", {"hub_token": "hf_team"})
        parameter("/mine/hub_token", "hf_mine")
        assert values(judge({FROM: "aws-sm://team,aws-ssm://mine"})) == {"hub_token": "hf_mine"}
        assert calls == {"get_parameters": 1}

    def test_what_the_later_lacks_the_earlier_gives(self, judge, secret, parameter) -> None:
        secret("team", {"hub_token": "hf_team"})
        verdict = judge({FROM: "aws-sm://team,aws-ssm://mine"})
        assert values(verdict) == {"hub_token": "hf_team"} and verdict.diagnostics == []

    def test_a_slip_in_the_later_is_told_though_the_earlier_gives_it(self, judge, secret) -> None:
        secret("team", {"hub_token": "hf_team"})
        secret("mine", {"hub_tokn": "hf_mine"})
        verdict = judge({FROM: "aws-sm://team,aws-sm://mine"})
        assert values(verdict) == {"hub_token": "hf_team"}
        assert [(item.code, item.remedy) for item in verdict.diagnostics] == [("SRC116", "did you mean hub_token?")]

    def test_none_has_any(self, judge, secret) -> None:
        secret("other", {"x": "y"})
        (found,) = judge({FROM: "aws-sm://other,aws-ssm://none"}).errors
        assert found.code == "SRC120" and "aws-sm://other" in found.message and "aws-ssm://none" in found.message


class Keys(Settings):
    wandb_key: SecretStr | None = None


def test_two_settings_classes_take_each_their_own(secret, monkeypatch) -> None:
    secret("both", {"hub_token": CANARY, "wandb_key": "k"})
    monkeypatch.setenv(FROM, "aws-sm://both?fields=hub_token,wandb_key")
    args, keys = SettingsParser((TrainingArguments, Keys)).parse_args(["--push_to_hub"])
    assert args.hub_token.get_secret_value() == CANARY and keys.wandb_key.get_secret_value() == "k"


DENIED = {
    "400": (400, {"__type": "AccessDeniedException", "Message": f"not you {CANARY}"}),
    "403": (403, {"Message": CANARY}),
    "403 of an unknown kind": (403, {"__type": CANARY, "Message": CANARY}),
    "expired": (400, {"__type": "ExpiredTokenException", "Message": CANARY}),
    "another key": (400, {"__type": "UnrecognizedClientException", "Message": CANARY}),
    "no key to decrypt": (400, {"__type": "DecryptionFailure", "Message": CANARY}),
}


@pytest.mark.parametrize("scheme", ["aws-sm", "aws-ssm"])
@pytest.mark.parametrize("answer", DENIED.values(), ids=DENIED)
def test_denied(answer, scheme, judge, refusing) -> None:
    (found,) = judge({FROM: f"{scheme}://a?endpoint={refusing(*answer)}"}).diagnostics
    assert (found.code, found.fields) == ("SRC121", ("hub_token",))
    assert "credentials" in found.remedy and CANARY not in found.render()


def test_no_credentials_at_all(judge, monkeypatch, closed_port) -> None:
    pytest.importorskip("boto3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    address = f"aws-sm://a?region=us-east-1&endpoint=http://127.0.0.1:{closed_port}"
    (found,) = judge({FROM: address}).diagnostics
    assert found.code == "SRC121" and "NoCredentialsError" in found.message


def test_missing(judge, calls) -> None:
    (found,) = judge({FROM: "aws-sm://no/such"}).diagnostics
    assert (found.code, found.severity) == ("SRC120", "error") and "aws-sm://no/such is not there" in found.message


@pytest.mark.parametrize("scheme", ["aws-sm", "aws-ssm"])
@pytest.mark.parametrize("port", ["closed_port", "silent_port"])
def test_a_dead_end_is_one_finding_within_three_seconds(port, scheme, judge, credentials, request) -> None:
    pytest.importorskip("boto3")
    address = f"{scheme}://a?endpoint=http://127.0.0.1:{request.getfixturevalue(port)}"
    # What is measured is waiting, not the work of imports on a busy machine.
    amazon._client({"aws-sm": "secretsmanager", "aws-ssm": "ssm"}[scheme], addresses_in(address, None)[0][0], 2.5)
    before = time.monotonic()
    (found,) = judge({FROM: address}).diagnostics
    assert time.monotonic() - before < 3
    assert found.code == "SRC122" and f"{scheme}://a does not answer" in found.message


def test_a_service_that_throttles_is_asked_again(judge, secret, calls, monkeypatch) -> None:
    import botocore.exceptions

    secret("busy", {"hub_token": CANARY})
    real, tried = amazon._client, []

    def client(*args: Any) -> Any:
        tried.append(args)
        if len(tried) < 3:
            raise botocore.exceptions.ClientError({"Error": {"Code": "ThrottlingException"}}, "GetSecretValue")
        return real(*args)

    monkeypatch.setattr(amazon, "_client", client)
    assert values(judge({FROM: "aws-sm://busy"})) == {"hub_token": CANARY}
    assert len(tried) == 3


NO_MAPPING = {
    "text": (CANARY, "not JSON"),
    "cut JSON": ('{"hub_token": "' + CANARY, "not JSON"),
    "a list": (f'["{CANARY}"]', "no mapping"),
    "a text of JSON": (f'"{CANARY}"', "no mapping"),
    "a key twice": (f'{{"{CANARY}": "x", "{CANARY}": "y"}}', "twice"),
}


@pytest.mark.parametrize(("content", "why"), NO_MAPPING.values(), ids=NO_MAPPING)
def test_a_secret_that_is_no_mapping(content, why, judge, secret) -> None:
    secret("plain", content)
    (found,) = judge({FROM: "aws-sm://plain"}).diagnostics
    assert found.code == "SRC108" and why in found.message and CANARY not in found.render()


@pytest.mark.parametrize(("asked", "named"), [("lerning_rate", "learning_rate"), ("hub_tokn", "hub_token")])
def test_a_field_that_is_no_setting(asked, named, judge, calls) -> None:
    (found,) = judge({FROM: f"aws-sm://a?fields={asked}"}).diagnostics
    assert (found.code, found.remedy) == ("SRC125", f"did you mean {named}?") and not calls
