"""Libraries that build on transformers' Trainer, with ours in its place: the same run, saved and gone on from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from tests.training.compat.libraries import targets
from tests.training.compat.running import assert_same_numbers, assert_same_weights

ROOT = Path(__file__).parents[3]
LIBRARIES = ("sft", "dpo", "reward", "sentence_embeddings", "few_shot")
# Ours divides the sum over a batch by the tokens that are targets, trl's SFT by all that are no padding.
FACTOR = {"sft": targets.LENGTH / (targets.LENGTH - 1)}


@pytest.fixture(scope="module", params=LIBRARIES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def both(name: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tuple(run(name, side, tmp_path_factory.mktemp(f"{name}_{side}")) for side in ("theirs", "ours"))  # type: ignore[return-value]


def run(name: str, side: str, folder: Path) -> Path:
    """In a process of its own, as what a library is made of is decided when it is imported."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", f"tests.training.compat.libraries.{name}", str(folder), side]
    ended = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stderr[-4000:]
    return folder


def results(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return found


@cache
def weights(folder: Path) -> dict[str, Any]:
    return load_file(folder / "model.safetensors")


def test_the_log_is_the_same(name: str, both: tuple[Path, Path]) -> None:
    theirs, ours = (results(folder)["history"] for folder in both)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        scaled = {key: value * factor_of(name, key) for key, value in other.items() if key != "grad_norm"}
        assert_same_numbers({key: value for key, value in one.items() if key != "grad_norm"}, scaled)


def factor_of(name: str, key: str) -> float:
    return FACTOR.get(name, 1.0) if key in ("loss", "train_loss") else 1.0


def test_the_evaluation_is_the_same(both: tuple[Path, Path]) -> None:
    theirs, ours = (results(folder)["metrics"] for folder in both)
    assert_same_numbers(ours, theirs)


def test_the_saved_model_is_the_same(both: tuple[Path, Path]) -> None:
    theirs, ours = (weights(folder / "model") for folder in both)
    assert_same_weights(ours, theirs)


def test_a_resumed_run_comes_to_the_same_end(both: tuple[Path, Path]) -> None:
    folder = both[1]
    assert_same_weights(weights(folder / "resumed"), weights(folder / "model"), close=1e-6)
    whole, resumed = (
        [entry for entry in results(folder)[part] if "loss" in entry or "embedding_loss" in entry]
        for part in ("history", "resumed")
    )
    assert len(whole) == len(resumed) == 8
    for one, other in zip(whole, resumed, strict=True):
        # trl counts anew from a resume on, whichever Trainer is below it.
        one.pop("num_tokens", None), other.pop("num_tokens", None)
        assert_same_numbers(one, other, close=1e-5)
