"""What save_in_background does: training goes on while a thread writes what there was, and hears of it afterwards."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.run.saving.held import At, Saves, Thread, contents, ended
from tests.training.small_job import Line, Make, weights

from trainspec.storage import StorageError, open_store
from trainspec.training.checkpoint import Snapshot, list_checkpoints
from trainspec.training.checkpoint.tensor_files import SafetensorsFile
from trainspec.training.errors import NonFiniteError
from trainspec.training.trainer import Trainer

RUN: dict[str, Any] = {"save_strategy": "steps", "save_steps": 2, "max_steps": 6, "logging_steps": 1}
ON: dict[str, Any] = {**RUN, "save_in_background": True}


def _steps(out: Path) -> list[int]:
    return [found.step for found in list_checkpoints(open_store(out))]


def test_save_in_background_writes_what_a_save_that_is_waited_for_writes(
    make_trainer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    make_trainer(model=Line(dropout=0.5), **RUN).train()
    out.rename(tmp_path / "waited for")
    thread = Thread(monkeypatch, 2)
    seen: list[Any] = []

    def go_on() -> None:
        seen.append((list(thread.written), weights(trainer)))
        thread.go.set()

    trainer = make_trainer(model=Line(dropout=0.5), callbacks=[At(4, go_on)], **ON)
    trainer.train()
    ((before, later),) = seen
    assert before == [], "two updates came before the first byte"
    assert _steps(out) == [2, 4, 6]
    for step in (2, 4, 6):
        found = contents(out / f"checkpoint-{step}")
        assert len(found) > 5
        assert found == contents(tmp_path / "waited for" / f"checkpoint-{step}")
        assert {name for at, name in thread.written if at == step} >= found.keys()
    saved = make_trainer(**RUN)
    saved.load_checkpoint_weights(list_checkpoints(open_store(out))[0])
    assert not torch.equal(weights(saved)["layer.weight"], later["layer.weight"]), "the weights were changing meanwhile"


def test_save_in_background_is_off_by_itself(make_trainer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    thread, saves = Thread(monkeypatch), Saves()
    make_trainer(callbacks=[saves], **RUN).train()
    assert thread.written == []
    assert saves.heard == [(step, step, True) for step in (2, 4, 6)]


def test_save_in_background_has_one_save_in_flight(make_trainer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    thread, alive = Thread(monkeypatch, 1), []

    def soon() -> None:
        alive.append(sum(each.name.startswith("trainspec saves") for each in threading.enumerate()))
        threading.Timer(0.3, thread.go.set).start()

    make_trainer(callbacks=[At(2, soon)], **{**ON, "save_steps": 1, "max_steps": 3}).train()
    assert alive == [1]
    steps = [step for step, _ in thread.written]
    assert steps == sorted(steps) and set(steps) == {1, 2, 3}
    assert [thread.written[place - 1][1] for place in (steps.index(2), steps.index(3), 0)] == ["manifest.json"] * 3


@pytest.mark.parametrize("allowed", [0, 3])
def test_save_in_background_tells_of_an_error_at_the_next_step(
    make_trainer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, allowed: int
) -> None:
    Thread(monkeypatch, fails=2)
    saves, more = Saves(), {"save_failures_allowed": allowed}
    trainer = make_trainer(callbacks=[At(3, ended), saves], **ON, **more)
    if allowed == 0:
        with pytest.raises(StorageError, match="no space is left there"):
            trainer.train()
        assert trainer.state.global_step == 3
        assert not (tmp_path / "out" / "checkpoint-2").exists()
        return
    with caplog.at_level(logging.WARNING, "trainspec"):
        trainer.train()
    (told,) = [entry.getMessage() for entry in caplog.records if entry.levelno == logging.WARNING]
    assert told.startswith("checkpoint-2 could not be saved: ") and told.endswith("; there is none yet")
    assert [step for step, *_ in saves.heard] == [4, 6] == _steps(tmp_path / "out")


def test_save_in_background_calls_on_save_once_the_checkpoint_is_there(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread, saves = Thread(monkeypatch, 2), Saves()

    def let_go() -> None:
        assert saves.heard == []
        thread.go.set()
        ended()

    make_trainer(callbacks=[saves, At(3, let_go), At(5, ended)], **ON).train()
    assert saves.heard == [(2, 3, True), (4, 5, True), (6, 6, True)]


def test_save_in_background_uses_its_memory_again(make_trainer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    real, places = Snapshot.copied, []

    def copied(snapshot: Snapshot, *copies: Any) -> Snapshot:
        found = real(snapshot, *copies)
        files = [file for file in found.files.values() if isinstance(file, SafetensorsFile)]
        places.append([value.data_ptr() for file in files for value in file.tensors.values()])
        return found

    monkeypatch.setattr(Snapshot, "copied", copied)
    trainer = make_trainer(**ON)
    trainer.train()
    # The weights, and two moments and the number of updates for each.
    assert [len(each) for each in places] == [2 + 3 * 2] * 3
    assert places[0] == places[1] == places[2]
    assert not set(places[0]) & {value.data_ptr() for value in trainer.model.parameters()}


def test_save_in_background_does_not_hand_a_changing_run_to_overrides(
    make_trainer: Make, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    class Own(Trainer):
        def _save_scaler(self, output_dir: str) -> None:
            Path(output_dir, "mine").write_text(str(self.state.global_step))

    saves = Saves()
    with caplog.at_level(logging.WARNING, "trainspec"):
        make_trainer(kind=Own, callbacks=[saves], **ON).train()
    (told,) = [entry.getMessage() for entry in caplog.records if "RUN175" in entry.getMessage()]
    assert "_save_scaler is overridden" in told
    assert saves.heard == [(step, step, True) for step in (2, 4, 6)]
    assert [(tmp_path / "out" / f"checkpoint-{step}" / "mine").read_text() for step in (2, 4, 6)] == ["2", "4", "6"]


def test_save_in_background_is_waited_for_by_what_names_the_last_good_checkpoint(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = Thread(monkeypatch, 2)

    def spoil() -> None:
        torch.nn.init.constant_(trainer.model.layer.weight, float("nan"))
        threading.Timer(0.3, thread.go.set).start()

    trainer = make_trainer(callbacks=[At(2, spoil)], **ON)
    with pytest.raises(NonFiniteError, match=r"step 3 .*the last good one is checkpoint-2 "):
        trainer.train()
