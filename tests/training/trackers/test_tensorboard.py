"""TensorBoard's own reader finds every entry once, settings and the best checkpoint, also after a resume."""

from pathlib import Path
from typing import Any

import pytest
from tests.trackers.running import SECRET, Told, assert_no_secret_in, build, check, expected, run, secret_everywhere

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

__all__ = ["secret_everywhere"]


def _events(folder: Path | str) -> Any:
    events = accumulator.EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    return events.Reload()


def _told(folder: Path | str) -> Told:
    events = _events(folder)
    return {tag: [(point.step, point.value) for point in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_every_entry_is_there_once(tmp_path: Path) -> None:
    trainer = run(build(tmp_path / "out", "tensorboard", logging_dir=str(tmp_path / "board")))
    check(_told(tmp_path / "board"), trainer)


@pytest.mark.usefixtures("secret_everywhere")
def test_settings_model_and_best_checkpoint_are_there_and_no_secret_is(tmp_path: Path) -> None:
    trainer = run(build(tmp_path / "out", "tensorboard", logging_dir=str(tmp_path / "board")))
    events = _events(tmp_path / "board")
    text = {tag: events.Tensors(tag)[-1].tensor_proto.string_val[0].decode() for tag in events.Tags()["tensors"]}
    assert '"learning_rate": 0.01' in text["args/text_summary"]
    assert '"class": "Line"' in text["model_config/text_summary"]
    assert text["best_checkpoint/text_summary"] == trainer.state.best_model_checkpoint
    assert not any(SECRET in value for value in text.values())
    assert_no_secret_in(tmp_path)


def test_the_usual_folder_is_in_output_dir_and_carries_moment_and_machine(tmp_path: Path) -> None:
    trainer = run(build(tmp_path / "out", "tensorboard"))
    (folder,) = (tmp_path / "out" / "runs").iterdir()
    assert folder.name.count("_") >= 2
    check(_told(folder), trainer)


def test_a_resumed_run_in_the_same_folder_tells_nothing_twice(tmp_path: Path) -> None:
    board = {"logging_dir": str(tmp_path / "board")}
    first = build(tmp_path / "out", "tensorboard", **board)
    first.train()
    first.parts.trackers.finish()
    second = build(tmp_path / "out", "tensorboard", lr_scheduler_type="constant", **board)
    second.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-6"))
    second.parts.trackers.finish()
    told = _told(tmp_path / "board")
    assert [step for step, _ in told["train/loss"]] == [2, 4, 6, 8, 10, 12]
    assert [step for step, _ in told["eval/loss"]] == [6, 12]
    # What is there after the checkpoint is what the second run told.
    again = [(entry["step"], entry["loss"]) for entry in second.state.log_history if "loss" in entry]
    assert [value for _, value in told["train/loss"]] == pytest.approx([value for _, value in again])


def test_a_url_is_a_folder_too(tmp_path: Path) -> None:
    trainer = run(build(tmp_path / "out", "tensorboard", logging_dir=(tmp_path / "board").as_uri()))
    assert expected(trainer)
    check(_told(tmp_path / "board"), trainer)
