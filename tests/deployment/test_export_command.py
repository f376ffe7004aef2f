"""`trainspec export --to k8s` and `--to compose`: only what is valid, never a secret, no traceback for what is not."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.deployment.reading import Manifests

from trainspec.cli import main

TEXT = "output_dir: runs/a\nlearning_rate: 3e-4\npush_to_hub: true\nhub_token: hf_canary9b3a\ntask:\n  width: 64\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(TEXT)
    return path


def test_a_file_becomes_manifests(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", str(file), "--to", "k8s", "--task", "digits", "--gpus", "1", "--image", "a/b:1"]
    assert main(words) == 0
    said = capsys.readouterr()
    found = Manifests(said.out)
    assert found.by_kind["ConfigMap"]["data"] == {
        "TRAINSPEC_OUTPUT_DIR": "runs/a",
        "TRAINSPEC_LEARNING_RATE": "0.0003",
        "TRAINSPEC_PUSH_TO_HUB": "true",
        "TRAINSPEC_TASK__WIDTH": "64",
    }
    assert set(found.by_kind["Secret"]["stringData"]) == {"hub_token"}
    assert (found.container["args"], found.container["image"]) == (["train", "digits", "--resume-if-any"], "a/b:1")
    assert "hf_canary" not in said.out + said.err


def test_a_file_becomes_a_compose_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(file), "--to", "compose", "--as", "file"]) == 0
    said = capsys.readouterr()
    config = yaml.safe_load(said.out)["configs"]["settings"]["content"]
    assert yaml.safe_load(config)["task"] == {"width": 64}
    assert "hf_canary" not in said.out + said.err


@pytest.mark.parametrize(
    ("text", "options", "code", "said"),
    [
        ("lerning_rate: 1\n", [], 1, "did you mean learning_rate?"),
        ("output_dir: s3://key:hf_canary@bucket/run\n", [], 2, "output_dir holds what looks like a credential"),
        ("output_dir: a\n", ["--name", "A"], 2, "--name takes lower-case letters"),
        ("output_dir: a\n", ["--as", "flags"], 2, "--as takes variables or file"),
    ],
)
@pytest.mark.parametrize("form", ["k8s", "compose"])
def test_what_cannot_be_deployed_is_no_export(
    form: str, text: str, options: list[str], code: int, said: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(text)
    assert main(["export", str(file), "--to", form, *options]) == code
    heard = capsys.readouterr()
    assert heard.out == ""
    assert said in heard.err
    assert "hf_canary" not in heard.err
