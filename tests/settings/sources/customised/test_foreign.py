"""Any source of pydantic-settings is asked once, in time, for what is open; its values are judged and named as ours."""

import socket
import subprocess
import sys
import threading
import time
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr, ValidationError
from pydantic_settings import (
    AWSSecretsManagerSettingsSource,
    AWSSystemsManagerSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
)
from tests.settings.sources.customised.test_ordered import ordered

from trainspec import TrainingArguments, diagnostics, load
from trainspec.settings.base import Settings

CANARY = "hf_canaryCANARY123"


class Mine(PydanticBaseSettingsSource):
    """As the documentation of pydantic-settings writes one."""

    data: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[str]] = []

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        self.asked.append(field_name)
        return self.data.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        said = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, complex_ = self.get_field_value(field, name)
            value = self.prepare_field_value(name, field, value, complex_)
            if value is not None:
                said[key] = value
        return said


def of(source: type[Any], base: type[Settings] = TrainingArguments) -> type[Any]:
    """A class with the source below arguments and environment."""
    return ordered(lambda cls, ours: (ours["init_settings"], ours["env_settings"], source(cls)), base)


def codes(error: pytest.ExceptionInfo[ValidationError]) -> list[str]:
    return [item.code for item in diagnostics(error.value)]


@pytest.fixture
def mine(monkeypatch):
    def mine(**data: Any) -> type[Any]:
        monkeypatch.setattr(Mine, "data", data)
        monkeypatch.setattr(Mine, "asked", [])
        return of(Mine)

    return mine


READ: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "text": ({"learning_rate": "1e-3", "bf16": "true", "seed": "5"}, {"learning_rate": 0.001, "bf16": True, "seed": 5}),
    "JSON": ({"fsdp_config": '{"min_num_params": 3}'}, {"fsdp_config": {"min_num_params": 3}}),
    "a mapping": ({"fsdp_config": {"min_num_params": "3"}}, {"fsdp_config": {"min_num_params": 3}}),
    "types": ({"learning_rate": 0.001, "bf16": True}, {"learning_rate": 0.001, "bf16": True}),
    "null": ({"save_total_limit": "null"}, {"save_total_limit": None}),
}


@pytest.mark.parametrize(("data", "said"), READ.values(), ids=READ)
def test_a_value_is_read_as_from_the_environment(data, said, mine) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINSPEC_FSDP", "full_shard auto_wrap")
        args = mine(**data)()
    assert {name: args.to_dict()[name] for name in said} == said
    assert {str(args.provenance[name].source) for name in said} == {"Mine (settings source)"}


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a wrong type": ({"seed": "x"}, "VAL101", "seed must be a whole number"),
    "out of bounds": ({"seed": "-1"}, "VAL102", "seed must be"),
    "no choice": ({"optim": "adamw_toch"}, "VAL103", "did you mean adamw_torch"),
    "against a rule": ({"bf16": "true", "fp16": "true"}, "PRE101", "bf16"),
    "a key that is none": ({"fsdp": "full_shard", "fsdp_config": {"min_num_parms": 3}}, "VAL107", "min_num_params"),
}


@pytest.mark.parametrize(("data", "code", "words"), REFUSED.values(), ids=REFUSED)
def test_a_fault_names_the_source(data, code, words, mine) -> None:
    with pytest.raises(ValidationError) as caught:
        mine(**data)()
    assert codes(caught) == [code]
    assert words in str(caught.value) and "Mine (settings source)" in str(caught.value)


def test_a_typo_is_told_and_an_old_name_still_works() -> None:
    with pytest.raises(ValidationError, match=r"learning_rat(.|\n)*did you mean learning_rate"):
        of(lambda cls: lambda: {"learning_rat": CANARY})()
    with pytest.warns(FutureWarning, match="evaluation_strategy is the old name"):
        assert of(lambda cls: lambda: {"evaluation_strategy": "epoch"})().eval_strategy == "epoch"


def test_a_secret_is_never_shown(mine) -> None:
    args = mine(hub_token=CANARY)(push_to_hub=True)
    assert args.hub_token.get_secret_value() == CANARY
    assert CANARY not in f"{args!r}{args.to_dict()}{args.provenance['hub_token']}"
    with pytest.raises(ValidationError) as caught:
        mine(hub_token=[CANARY])()
    assert CANARY not in f"{caught.value}{caught.value.errors()}"


def test_only_what_is_open_is_asked_and_once(mine, monkeypatch) -> None:
    monkeypatch.setenv("TRAINSPEC_HUB_TOKEN", "hf_x")
    model = mine(seed="5", hub_token=CANARY)
    args = model(seed=1, push_to_hub=True)
    assert (args.seed, args.hub_token.get_secret_value()) == (1, "hf_x")
    assert not {"seed", "hub_token", "push_to_hub"} & set(Mine.asked)
    assert len(Mine.asked) == len(set(Mine.asked)) == len(model.model_fields) - 3
    Mine.asked.clear()
    load(model, ["--seed", "3", "--push_to_hub"])
    assert "seed" not in Mine.asked
    # A mapping may be given key by key.
    Mine.asked.clear()
    model(fsdp="full_shard auto_wrap", fsdp_config={"min_num_params": 3}, push_to_hub=True)
    assert "fsdp_config" in Mine.asked


class Describing(Mine):
    def describe(self, name: str) -> str:
        return f"vault/train#{name} version 3"


def test_a_source_may_say_where_a_value_stands(monkeypatch) -> None:
    monkeypatch.setattr(Mine, "data", {"seed": "5"})
    assert str(of(Describing)().provenance["seed"].source) == "Describing vault/train#seed version 3 (settings source)"


class Stuck(Mine):
    def __call__(self) -> dict[str, Any]:
        time.sleep(30)
        return {}


def fails(error: BaseException) -> type[Any]:
    def call(self: Any) -> dict[str, Any]:
        raise error

    return type("Failing", (Mine,), {"__call__": call})


FAILURES: dict[str, tuple[BaseException, str, str]] = {
    "missing": (FileNotFoundError(CANARY), "SRC120", "is not there"),
    "denied": (PermissionError(CANARY), "SRC121", "refuses"),
    "no connection": (ConnectionRefusedError(CANARY), "SRC122", "does not answer"),
    "no such host": (socket.gaierror(CANARY), "SRC122", "does not answer"),
    "too late": (TimeoutError(CANARY), "SRC122", "does not answer"),
    "its own mistake": (KeyError(CANARY), "SRC123", "KeyError at .*test_foreign.py:"),
    "ended": (SystemExit(CANARY), "SRC123", "SystemExit"),
}


@pytest.mark.parametrize(("error", "code", "words"), FAILURES.values(), ids=FAILURES)
def test_what_a_source_raises_is_one_diagnostic(error, code, words) -> None:
    with pytest.raises(ValidationError, match=words) as caught:
        of(fails(error))()
    assert codes(caught) == [code]
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert CANARY not in f"{caught.value}{caught.value.errors()}" and "Failing" in str(caught.value)


@pytest.mark.parametrize("answer", [None, [("seed", 1)], "seed"])
def test_what_is_no_mapping(answer) -> None:
    with pytest.raises(ValidationError, match="where a mapping of settings is expected") as caught:
        of(lambda cls: lambda: answer)()
    assert codes(caught) == ["SRC123"]


def test_a_source_has_its_time(monkeypatch) -> None:
    model = of(Stuck)
    start = time.monotonic()
    with pytest.raises(ValidationError, match=r"Stuck does not answer .within 2\.5 s") as caught:
        model()
    assert codes(caught) == ["SRC122"] and time.monotonic() - start < 3
    monkeypatch.setattr(model, "source_timeout", 0.05)
    with pytest.raises(ValidationError, match=r"within 0\.05 s"):
        model()
    assert all(thread.daemon for thread in threading.enumerate() if "Stuck" in thread.name)


class Keys(Settings):
    """Few fields, as an app with secrets of its own has them."""

    key: SecretStr | None = None
    hub_token: SecretStr | None = None
    rank: int = 1


class Store(EnvSettingsSource):
    """Reads all of a secret at once, and gives what it knows: the others are lost."""

    held: ClassVar[dict[str, str]] = {}

    def _load_env_vars(self) -> dict[str, str]:
        return self.held


def test_a_misspelled_name_in_a_store_is_told(monkeypatch) -> None:
    model = ordered(lambda cls, ours: (Store(cls, env_prefix=""),), Keys)
    monkeypatch.setattr(Store, "held", {"key": "k", "database": "other", "hub_tokn": CANARY})
    with pytest.warns(UserWarning, match=r"SRC116\] hub_tokn in Store matches no setting(.|\n)*mean hub_token") as told:
        assert model().key.get_secret_value() == "k"
    assert len(told) == 1 and CANARY not in str(told[0].message)
    prefixed = ordered(lambda cls, ours: (Store(cls, env_prefix="APP_"),), Keys)
    monkeypatch.setattr(Store, "held", {"app_key": "k", "database": "other", "app_rnk": "2"})
    with pytest.raises(ValidationError, match=r"app_rnk in Store matches no setting(.|\n)*did you mean APP_rank"):
        prefixed()


@pytest.fixture
def aws(monkeypatch):
    # Where the settings are tested alone, neither is installed.
    pytest.importorskip("boto3")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0)
    server.start()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    host, port = server.get_host_and_port()
    yield {"region_name": "eu-west-1", "endpoint_url": f"http://{host}:{port}"}
    server.stop()


def test_aws_secrets_manager(aws, monkeypatch) -> None:
    import json

    import boto3

    client = boto3.client("secretsmanager", **aws)
    client.create_secret(Name="train", SecretString=json.dumps({"key": CANARY, "rank": "4", "hub_tokn": "x"}))

    def model(secret: str, **more: Any) -> type[Any]:
        source = lambda cls: AWSSecretsManagerSettingsSource(cls, secret, env_prefix="", **{**aws, **more})  # noqa: E731
        return of(source, Keys)

    with pytest.warns(UserWarning, match="hub_tokn"):
        made = model("train")()
    assert (made.key.get_secret_value(), made.rank) == (CANARY, 4)
    assert str(made.provenance["rank"].source) == "AWSSecretsManagerSettingsSource train#rank (settings source)"
    with pytest.raises(ValidationError, match="AWSSecretsManagerSettingsSource absent is not there") as caught:
        model("absent")()
    assert codes(caught) == ["SRC120"]
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        start = time.monotonic()
        with pytest.raises(ValidationError, match="AWSSecretsManagerSettingsSource train does not answer") as caught:
            model("train", endpoint_url=f"http://127.0.0.1:{closed.getsockname()[1]}")()
        assert codes(caught) == ["SRC122"] and time.monotonic() - start < 3
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ValidationError, match="AWSSecretsManagerSettingsSource train refuses") as caught:
        model("train")()
    assert codes(caught) == ["SRC121"]


def test_aws_parameter_store(aws) -> None:
    import boto3

    boto3.client("ssm", **aws).put_parameter(Name="/train/key", Value=CANARY, Type="SecureString")
    boto3.client("ssm", **aws).put_parameter(Name="/train/rank", Value="6", Type="String")
    source = lambda cls: AWSSystemsManagerSettingsSource(cls, "/train", env_prefix="", **aws)  # noqa: E731
    made = of(source, Keys)()
    assert (made.key.get_secret_value(), made.rank) == (CANARY, 6)
    assert str(made.provenance["key"].source) == "AWSSystemsManagerSettingsSource /train#key (settings source)"


MISSING_PACKAGE = """
import sys
sys.modules["boto3"] = None
from pydantic_settings import AWSSecretsManagerSettingsSource
from trainspec import TrainingArguments
class App(TrainingArguments):
    @classmethod
    def settings_customise_sources(cls, settings_cls, init_settings, **others):
        return init_settings, AWSSecretsManagerSettingsSource(settings_cls, "train")
try:
    App()
except ValueError as error:
    print(error)
"""


def test_a_package_that_is_not_installed() -> None:
    found = subprocess.run([sys.executable, "-c", MISSING_PACKAGE], capture_output=True, text=True, check=True)
    assert "SRC111" in found.stdout and "pip install" in found.stdout
