"""Promise: a checkpoint of transformers 4.x goes on as it would have there.

transformers_4_57.zip was written by transformers 4.57.6 after 4 of 18 updates, with the weights that it had at the end.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from safetensors.torch import load_file
from tests.training.foreign.theirs import Small, largest_difference

pytest.importorskip("transformers")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with zipfile.ZipFile(Path(__file__).with_name("transformers_4_57.zip")) as stored:
        stored.extractall(tmp_path / "old")
    return tmp_path / "old"


def test_a_run_of_version_4_goes_on(old: Path, tmp_path: Path) -> None:
    from tests.training.foreign.test_resume import ours

    trainer = ours(tmp_path / "out", resume=str(old / "checkpoint-4"))
    expected = Small()
    expected.load_state_dict(load_file(old / "at_the_end.safetensors"))
    assert trainer.state.global_step == 18
    assert largest_difference(expected, trainer.model) < 1e-9
