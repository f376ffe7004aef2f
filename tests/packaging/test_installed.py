"""`pip install trainspec` alone: small, without torch, every command at work but training, which says what it needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.packaging.conftest import Installed
from tests.packaging.test_distributions import CORE

from trainspec.cli import COMMANDS

FILE = "output_dir: runs/a\nlearning_rate: 3e-4\neval_strategy: epoch\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(FILE)
    return path


def test_only_the_core_came_along(installed: Installed) -> None:
    listed = json.loads(installed.run("python", "-m", "pip", "list", "--format=json").stdout)
    names = {item["name"].lower().replace("_", "-") for item in listed} - {"pip", "setuptools"}
    of_pydantic = {"annotated-types", "pydantic-core", "typing-extensions", "typing-inspection"}
    assert names == {"trainspec", *CORE, *of_pydantic}


def test_it_is_small(installed: Installed) -> None:
    (packages,) = installed.place.glob("lib/python3*/site-packages")
    ours = [path for path in packages.iterdir() if not path.name.startswith(("pip", "setuptools"))]
    size = sum(file.stat().st_size for path in ours for file in [path, *path.rglob("*")] if file.is_file())
    assert size < 35_000_000, f"{size / 1e6:.0f} MB"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does(name: str, installed: Installed) -> None:
    done = installed.run("trainspec", name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: trainspec {name}")


def test_a_file_is_judged(installed: Installed, file: Path) -> None:
    assert installed.run("trainspec", "validate", file).returncode == 0
    file.write_text("lerning_rate: 3e-4\n")
    wrong = installed.run("python", "-m", "trainspec", "validate", file)
    assert wrong.returncode == 1
    assert "did you mean learning_rate?" in wrong.stdout


def test_settings_are_made_without_torch(installed: Installed) -> None:
    program = "import sys, trainspec; trainspec.TrainingArguments('a').do_eval; print('torch' in sys.modules)"
    assert installed.run("python", "-c", program).stdout == "False\n"


def test_training_says_what_to_install(installed: Installed) -> None:
    done = installed.run("trainspec", "train", "digits")
    assert done.returncode == 2
    assert "pip install 'trainspec[train]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bucket_says_what_to_install(installed: Installed) -> None:
    done = installed.run("trainspec", "validate", "s3://bucket/run.yaml")
    assert done.returncode == 2
    assert "pip install 'trainspec[s3]'" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [(), ("--draft", "2020-12"), ("--for", "env"), ("--for", "diagnostics")])
def test_an_editor_finds_the_schemas_in_the_package(words: tuple[str, ...], installed: Installed) -> None:
    path = Path(installed.run("trainspec", "schema", "--path", *words).stdout.removesuffix("\n"))
    assert path.is_relative_to(installed.place)
    printed = installed.run("trainspec", "schema", *words, *(("--draft", "2020-12") if "env" in words else ()))
    assert path.read_text(encoding="utf-8") == printed.stdout
