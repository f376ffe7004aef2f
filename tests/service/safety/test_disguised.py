"""Secrets in texts that are no secret's own: by no form, address or command are they given back."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.answers.conftest import CANARY
from tests.service.describing.test_openapi import ASKED

from trainspec import TrainingArguments
from trainspec.answers.export import FORMATS
from trainspec.deployment.yaml_text import write_yaml
from trainspec.migration.writing import as_env, as_toml_file

TOKEN = f"hf_{CANARY.replace('-', '')}AbCdEfGhIjKl"
DISGUISES = {
    "beside its name": f"password={CANARY}",
    "as a flag": f"serve --api-key={CANARY}",
    "as JSON has it": f'{{"api_key": "{CANARY}"}}',
    "signed": f"https://account.blob.example/c/file.yaml?sv=1&sig={CANARY}",
    "signed by Amazon": f"https://s3.example/x?X-Amz-Date=1&X-Amz-Signature={CANARY}",
    "by the key of an account": f"https://host.example/x?AWSAccessKeyId={CANARY}",
    "by a key": f"https://host.example/x?a=1&key=AIzaSyD-{CANARY}",
    "with a user": f"https://user:{CANARY}@host.example/file.yaml",
    "by its shape": TOKEN,
}
# Where any text is a setting, and where it is inside one.
TEXTS = sorted(name for name, kind in TrainingArguments.field_kinds().items() if kind.text and not kind.secret)
PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    **{name: (lambda text, name=name: {name: text}) for name in TEXTS},
    "a key of arguments": lambda text: {"optim_args": {"password": text}},
    "a list": lambda text: {"label_names": ["x", text]},
    "a task": lambda text: {"task": {"note": text, "deep": {"list": [{"a": text}]}}},
    "an old name": lambda text: {"logging_dir": text, "evaluation_strategy": "epoch"},
}


def bodies(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "yaml", write_yaml([values])
    yield "json", json.dumps(values)
    yield "toml", as_toml_file(values, options={})
    if "task" not in values:
        yield "env", as_env(values, options={})


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
def test_no_form_gives_it_back(disguise: str, client: TestClient) -> None:
    refused = 0
    for place, said in PLACES.items():
        values = said(disguise)
        forms = [("/convert", {"to": form}) for form in FORMATS]
        forms += [("/migrate", {"to": form}) for form in ("yaml", "toml", "json", "env", "cli")]
        for address, asked in forms:
            told = client.post(address, content=json.dumps(values), params={"input": "json", **asked})
            assert told.status_code in (200, 400), (place, told.text)
            assert CANARY not in told.text and TOKEN not in told.text, (place, address, asked)
            refused += "what looks like a credential" in told.text
    assert refused > len(PLACES)


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
def test_no_address_gives_it_back(disguise: str, client: TestClient) -> None:
    for place in ("run_name", "output_dir", "deepspeed", "optim_args", "a task", "an old name", "a list"):
        for format, text in bodies(PLACES[place](disguise)):
            for address, asked in ASKED:
                told = client.post(address, content=text, params={"input": format, **asked})
                assert told.status_code < 500
                assert CANARY not in told.text and TOKEN not in told.text, (place, format, address, asked)


@pytest.mark.parametrize("words", [["export", "--to", "yaml"], ["export", "--to", "k8s"], ["migrate", "--to", "yaml"]])
def test_nor_does_a_command(words: list[str], tmp_path: Path) -> None:
    for number, disguise in enumerate(DISGUISES.values()):
        file = tmp_path / f"{number}.yaml"
        file.write_text(write_yaml([{"run_name": disguise}]))
        done = subprocess.run(
            [sys.executable, "-m", "trainspec", words[0], str(file), *words[1:]], capture_output=True, text=True
        )
        assert done.returncode == 2 and done.stdout == "" and "what looks like a credential" in done.stderr
        assert CANARY not in done.stderr and TOKEN not in done.stderr


HARMLESS = (
    "https://host.example/data.yaml?ref=main&format=parquet",
    "eos_token=</s>",
    "password=$PASSWORD",
    "the secret of training",
    "token: {{ token }}",
    "key=value",
    "use_auth_token=True",
    "api_key=None",
    "https://host.example/data.yaml?auth=none",
    "https://host.example/data.yaml?sort_key=name&partition_key=day&monkey=1&key=size&author=me",
    "max_token=512",
    "stop at token: 5",
    "image_token=IMG, stop-token: END",
)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_sounds_like_it_is_converted(text: str, client: TestClient) -> None:
    body = json.dumps({"run_name": text, "fsdp_config": {"min_num_params": 1}, "fsdp": "full_shard"})
    for address in ("/convert", "/migrate"):
        told = client.post(address, content=body, params={"input": "json", "to": "yaml"}).json()
        text_of = told["text"] if address == "/convert" else told["sets"][0]["text"]
        assert text_of is not None and text in text_of, (address, told)
