"""In the settings image, variables, a mounted file and mounted secrets configure a run; a slip stops it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.image.buildah import Container, must

CANARY = "hf_canary5d2e"


def test_the_user_is_not_root_and_may_not_change_the_program(light: Container) -> None:
    assert must(light.run("id", "-u")).strip() == "10001"
    assert light.run("touch", "/opt/trainspec/bin/trainspec").code != 0
    assert light.run("touch", "/work/there").code == 0


@pytest.mark.parametrize("module", ["torch", "numpy", "pip"])
def test_a_module_that_it_does_not_need_is_not_there(light: Container, module: str) -> None:
    ended = light.run("python", "-c", f"import {module}")
    assert "ModuleNotFoundError" in ended.err


def test_variables_are_judged(light: Container) -> None:
    ended = light.run("trainspec", "validate", "--env", variables={"TRAINSPEC_LEARNING_RATE": "3e-4"})
    assert (ended.code, ended.err) == (0, "")


def test_a_mistyped_variable_stops_it_with_the_suggestion(light: Container) -> None:
    ended = light.run("trainspec", "validate", "--env", variables={"TRAINSPEC_LERNING_RATE": "3e-4"})
    assert ended.code == 1
    assert "error[SRC101] TRAINSPEC_LERNING_RATE matches no setting" in ended.out
    assert "did you mean TRAINSPEC_LEARNING_RATE?" in ended.out


def test_file_secret_and_variables_come_together(light: Container, mounted: Path) -> None:
    (mounted / "run.yaml").write_text("output_dir: /work/a\nlearning_rate: 3e-4\nseed: 1\npush_to_hub: true\n")
    (mounted / "hub_token").write_text(f"{CANARY}\n")
    variables = {
        "TRAINSPEC_CONFIG": "/etc/trainspec/run.yaml",
        "TRAINSPEC_HUB_TOKEN_FILE": "/run/secrets/hub_token",
        "TRAINSPEC_SEED": "7",
    }
    mounts = {
        mounted / "run.yaml": "/etc/trainspec/run.yaml:ro",
        mounted / "hub_token": "/run/secrets/hub_token:ro",
    }
    ended = light.run("trainspec", "show", "--format", "json", variables=variables, mounts=mounts)
    settings = json.loads(must(ended))["settings"]
    assert settings["learning_rate"]["source"]["name"] == "/etc/trainspec/run.yaml"
    assert (settings["seed"]["value"], settings["seed"]["source"]["name"]) == (7, "TRAINSPEC_SEED")
    assert settings["hub_token"]["source"]["name"] == "TRAINSPEC_HUB_TOKEN_FILE"
    assert CANARY not in ended.out + ended.err


def test_a_folder_of_secrets_is_read(light: Container, mounted: Path) -> None:
    (mounted / "hub_token").write_text(CANARY)
    variables = {"TRAINSPEC_SECRETS_DIR": "/run/secrets", "TRAINSPEC_PUSH_TO_HUB": "true"}
    ended = light.run("trainspec", "show", variables=variables, mounts={mounted: "/run/secrets:ro"})
    assert "/run/secrets/hub_token" in must(ended)
    assert CANARY not in ended.out + ended.err


def test_training_says_what_to_install(light: Container) -> None:
    ended = light.run("trainspec", "train", "digits")
    assert ended.code == 2
    assert "pip install 'trainspec[train]'" in ended.err
