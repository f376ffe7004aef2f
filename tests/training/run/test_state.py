"""TrainerState holds what a run has come to, and nothing of the process that looks at it."""

import json
from pathlib import Path

import pytest

from trainspec import TrainerState


@pytest.mark.parametrize(
    "variables, local, world",
    [
        ({}, True, True),
        ({"RANK": "0", "LOCAL_RANK": "0"}, True, True),
        ({"RANK": "2", "LOCAL_RANK": "0"}, True, False),
        ({"RANK": "3", "LOCAL_RANK": "1"}, False, False),
    ],
)
def test_the_role_of_a_process_is_that_of_who_asks(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], local: bool, world: bool
) -> None:
    state = TrainerState(global_step=3)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (state.is_local_process_zero, state.is_world_process_zero) == (local, world)


def test_no_role_is_written_and_none_is_read() -> None:
    document = TrainerState(global_step=3).to_dict()
    assert not [name for name in document if "process" in name]
    assert TrainerState.from_dict({**document, "is_world_process_zero": False}).is_world_process_zero


def test_a_file_of_transformers_is_read(tmp_path: Path) -> None:
    text = json.dumps({"global_step": 7, "epoch": 1.5, "is_local_process_zero": True, "is_world_process_zero": True})
    path = tmp_path / "trainer_state.json"
    path.write_text(text)
    assert TrainerState.load_from_json(path).global_step == 7
