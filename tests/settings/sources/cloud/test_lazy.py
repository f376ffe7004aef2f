"""Nobody is asked for what need not be asked: no connection for documents, nor for what stronger sources give."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from trainspec import SettingsParser, TrainingArguments, load, validate
from trainspec.cli import main
from trainspec.settings.diagnostics.source import SourceKind
from trainspec.settings.sources.layer import PRECEDENCE

from .conftest import CANARY

FROM = "TRAINSPEC_SECRETS_FROM"
EVERYWHERE = "aws-sm://a,aws-ssm://b,gcp-sm://my-project,azure-kv://my-vault"

SAID: dict[str, Callable[[Any, Any], Any]] = {
    "constructor": lambda write, patch: TrainingArguments("o", push_to_hub=True, hub_token="mine"),
    "an argument of load": lambda write, patch: load(push_to_hub=True, hub_token="mine"),
    "a flag": lambda write, patch: load(argv=["--push_to_hub", "--hub_token", "mine"]),
    "a flag of a parser": lambda write, patch: SettingsParser(TrainingArguments).parse_args(
        ["--push_to_hub", "--hub_token=mine"]
    )[0],
    "the environment": lambda write, patch: patch.setenv("TRAINSPEC_HUB_TOKEN", "mine") or load(push_to_hub=True),
    "a file that the environment names": lambda write, patch: (
        patch.setenv("TRAINSPEC_HUB_TOKEN_FILE", write("token", "mine")) or load(push_to_hub=True)
    ),
    "dotenv": lambda write, patch: load(env_file=write(".env", "TRAINSPEC_HUB_TOKEN=mine\n"), push_to_hub=True),
    "a secret file": lambda write, patch: load(
        secrets_dir=write("secrets/hub_token", "mine").removesuffix("/hub_token"), push_to_hub=True
    ),
}


@pytest.mark.parametrize("way", SAID.values(), ids=SAID)
def test_what_a_stronger_source_gives_is_not_asked_for(way, write, monkeypatch, no_network) -> None:
    monkeypatch.setenv(FROM, EVERYWHERE)
    assert way(write, monkeypatch).hub_token.get_secret_value() == "mine"
    assert no_network == []


def test_a_config_file_is_weaker(write, secret) -> None:
    secret("over/file", {"hub_token": "theirs"})
    path = write("run.yaml", "hub_token: mine\npush_to_hub: true\n")
    args = load(config=path, secrets_from="aws-sm://over/file")
    assert args.hub_token.get_secret_value() == "theirs"
    assert "run.yaml" in str(args.provenance["hub_token"].overrode[0].source)
    assert PRECEDENCE.index(SourceKind.FILE) < PRECEDENCE.index(SourceKind.FOREIGN)
    assert PRECEDENCE.index(SourceKind.FOREIGN) < PRECEDENCE.index(SourceKind.SECRET)


def test_only_what_is_left_is_asked_for(parameter, calls, monkeypatch) -> None:
    parameter("/left/hub_token", CANARY)
    monkeypatch.setenv("TRAINSPEC_SEED", "5")
    args = load(secrets_from="aws-ssm://left?fields=hub_token,seed", push_to_hub=True)
    assert (args.seed, args.hub_token.get_secret_value(), calls) == (5, CANARY, {"get_parameters": 1})


def test_each_loading_reads_anew_and_once(secret, calls, monkeypatch) -> None:
    monkeypatch.setenv(FROM, "aws-sm://turning")
    for number in (1, 2):
        secret("turning", {"hub_token": f"hf_{number}"})
        assert TrainingArguments("o", push_to_hub=True).hub_token.get_secret_value() == f"hf_{number}"
    assert calls == {"get_secret_value": 2}


def test_changes_and_views_do_not_read(secret, calls, monkeypatch) -> None:
    secret("views", {"hub_token": CANARY})
    monkeypatch.setenv(FROM, "aws-sm://views")
    args = TrainingArguments("o", push_to_hub=True)
    args.seed = 5
    assert CANARY not in f"{args!r} {args.replace(seed=6)} {args.to_dict()} {args.provenance['hub_token']}"
    assert calls == {"get_secret_value": 1}


PURE: dict[str, Callable[[str], Any]] = {
    "import": lambda path: importlib.reload(importlib.import_module("trainspec")),
    "from_dict": lambda path: TrainingArguments.from_dict({"output_dir": "o"}),
    "from_json": lambda path: TrainingArguments.from_json('{"output_dir": "o"}'),
    "from_file": TrainingArguments.from_file,
    "model_validate": lambda path: TrainingArguments.model_validate({"output_dir": "o"}),
    "validate": lambda path: validate({"output_dir": "o"}),
    "trainspec validate FILE": lambda path: main(["validate", path]),
    "trainspec diff": lambda path: main(["diff", path, path]),
    "trainspec export FILE": lambda path: main(["export", path, "--to", "env"]),
    "trainspec explain": lambda path: main(["explain", "hub_token"]),
}


@pytest.mark.parametrize("way", PURE.values(), ids=PURE)
def test_documents_never_touch_the_network(way, write, monkeypatch, no_network, capsys) -> None:
    path = write("run.yaml", "output_dir: o\nnum_train_epochs: 1\n")
    monkeypatch.setenv(FROM, EVERYWHERE)
    way(path)
    assert no_network == [] and "SRC12" not in capsys.readouterr().err


READS: dict[str, Callable[[str], Any]] = {
    "validate --env": lambda path: main(["validate", "--env"]),
    "validate --env FILE": lambda path: main(["validate", "--env", path]),
    "show": lambda path: main(["show"]),
    "show FILE": lambda path: main(["show", path]),
    "plan FILE": lambda path: main(["plan", path]),
    "constructor": lambda path: TrainingArguments("o"),
    "load": lambda path: load(),
}


@pytest.mark.parametrize("way", READS.values(), ids=READS)
def test_what_reads_the_process_reads_it_once(way, secret, calls, write, monkeypatch, capsys) -> None:
    secret("read", {"hub_token": CANARY})
    monkeypatch.setenv(FROM, "aws-sm://read")
    monkeypatch.setenv("TRAINSPEC_PUSH_TO_HUB", "1")
    way(write("run.yaml", "output_dir: o\n"))
    assert calls == {"get_secret_value": 1}
    out = capsys.readouterr()
    assert CANARY not in out.out + out.err


def test_show_prints_the_chain_with_the_version(secret, write, monkeypatch, capsys) -> None:
    version = secret("shown", {"hub_token": CANARY, "seed": "3"})
    path = write("run.yaml", "seed: 1\npush_to_hub: true\n")
    directory = write("secrets/seed", "2").removesuffix("/seed")
    monkeypatch.setenv(FROM, "aws-sm://shown?fields=hub_token,seed,data_seed")
    monkeypatch.setenv("TRAINSPEC_DATA_SEED", "5")
    assert main(["show", path]) == 0
    lines = {
        line.split()[0]: " ".join(line.split()[1:]) for line in capsys.readouterr().out.splitlines() if line.strip()
    }
    place = f"version {version} (settings source)"
    assert lines["hub_token"] == f"********** aws-sm://shown#hub_token {place}"
    assert lines["seed"] == f"3 aws-sm://shown#seed {place}, over 1 from {path}:1:1"
    monkeypatch.setenv("TRAINSPEC_SECRETS_DIR", directory)
    assert main(["show", path]) == 0
    assert f"{directory}/seed (secret file), over 1 from" in " ".join(capsys.readouterr().out.split())


WITHOUT = """
import sys
sys.modules.update(dict.fromkeys({blocked!r}))
from trainspec.cli import main
sys.exit(main({words!r}))
"""


@pytest.mark.parametrize(
    ("address", "package", "extra"),
    [
        ("aws-sm://a", "boto3", "aws"),
        ("aws-ssm://a", "boto3", "aws"),
        ("gcp-sm://my-project", "google.cloud.secretmanager", "gcp"),
        ("azure-kv://my-vault", "azure.keyvault.secrets", "azure"),
        ("azure-kv://my-vault", "azure.identity", "azure"),
    ],
)
def test_a_missing_package_is_one_finding_that_names_the_extra(address, package, extra) -> None:
    code = WITHOUT.format(blocked=[package], words=["validate", "--env"])
    environ = {FROM: address, "PATH": "/usr/bin"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ)
    assert result.returncode == 2 and result.stderr.count("error[") + result.stdout.count("error[") == 1
    said = result.stdout + result.stderr
    assert "SRC111" in said and f"pip install 'trainspec[{extra}]'" in said and "Traceback" not in said


def test_no_log_record_holds_a_secret(secret, monkeypatch, caplog) -> None:
    secret("logged", {"hub_token": CANARY})
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    root, handler = logging.getLogger(), Keep()
    root.addHandler(handler)
    before = root.level
    root.setLevel(logging.DEBUG)
    try:
        import boto3

        boto3.client("secretsmanager").get_secret_value(SecretId="logged")
        assert any(CANARY in record.getMessage() for record in records), "what is silenced can be heard"
        records.clear()
        assert load(secrets_from="aws-sm://logged", push_to_hub=True).hub_token.get_secret_value() == CANARY
        logging.getLogger("after").debug("heard")
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
    words = [f"{record.__dict__} {record.getMessage()}" for record in records if record.name != "werkzeug"]
    assert not any(CANARY in text for text in words)
    assert any("heard" in text for text in words)


def test_no_secret_in_what_an_error_drags_along(secret, monkeypatch) -> None:
    secret("plain", CANARY)
    monkeypatch.setenv(FROM, "aws-sm://plain")
    with pytest.raises(ValueError) as caught:
        TrainingArguments("o")
    seen: BaseException | None = caught.value
    while seen is not None:
        assert CANARY not in f"{seen!r} {seen.__dict__}"
        seen = seen.__cause__ or seen.__context__
    place = caught.value.__traceback__
    while place is not None:
        assert CANARY not in repr(place.tb_frame.f_locals)
        place = place.tb_next
