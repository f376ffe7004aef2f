"""The worked example of ZeRO-3, a few updates long: every byte that three processes send and hold is the plan's."""

import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

BENCHMARKS = str(Path(__file__).parents[2])
SIZES: dict[str, Any] = {"rows": 240, "width": 32, "measured_update": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.training.parallel.world import run_in

    found = tmp_path_factory.mktemp("zero3")
    run_in(3, train, str(found), seconds=200)
    return found


@pytest.fixture(scope="module")
def engine_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("deepspeed")
    from tests.training.parallel.deepspeed_engine.server import run

    found = tmp_path_factory.mktemp("zero3-engine")
    run(3, train, str(found), "deepspeed")
    return found


def train(folder: str, way: str = "fsdp") -> None:
    """One of the processes."""
    sys.path.insert(0, BENCHMARKS)
    from benchmarks.zero3.demo import SETTINGS, WAYS
    from benchmarks.zero3.task import Settings, measured
    from trainspec import Trainer, TrainingArguments

    args = TrainingArguments.from_dict({**SETTINGS, **WAYS[way], "output_dir": folder})
    parts = measured(args, Settings(**SIZES))
    Trainer(parts.model, args, train_dataset=parts.train_dataset, callbacks=list(parts.callbacks)).train()


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    from benchmarks.zero3 import demo

    return demo


def test_what_is_sent_and_held_is_what_was_planned(folder: Path, demo: Any) -> None:
    shapes = demo.parameter_shapes(demo.Settings(**SIZES))
    plan = demo.planned(demo.settings_of("fsdp"), demo.RANKS, shapes)
    found = demo.lines(demo.read(folder, demo.RANKS), plan)
    compared = [(line.phase, line.collective) for line in found if line.planned_sent is not None and line.collective]
    assert compared == [
        ("forward 1", "all-gather"),
        ("backward 1", "all-gather"),
        ("forward 2", "all-gather"),
        ("backward 2", "all-gather"),
        ("backward 2", "reduce-scatter"),
    ]
    assert [line.sent for line in found if line.planned_sent] == [
        line.planned_sent for line in found if line.planned_sent
    ]
    held = [line for line in found if line.held is not None]
    assert [line.phase for line in held] == ["forward 1", "backward 1", "forward 2", "norm", "step", "release"]
    assert [line.held for line in held] == [line.planned_held for line in held]
    # The last rank has less, as rows of 3 processes do not come out even.
    assert held[-1].held is not None and held[-1].held[0] > held[-1].held[-1] > 0
    # What is in no block stays, and a block is there while it computes.
    gathered = [line for line in held if line.at_once is not None and max(line.at_once)]
    assert gathered and all(line.at_once < line.planned_at_once for line in gathered)


def test_nothing_else_is_sent_but_a_norm(folder: Path, demo: Any) -> None:
    every = demo.read(folder, demo.RANKS)
    others = [
        (phase["name"], phase["micro_batch"], kind, size)
        for phase in every[0]["phases"]
        for kind, size in phase["sent"].items()
        if kind not in ("all-gather", "reduce-scatter")
    ]
    # What processes of one machine agree on takes no collective.
    assert [entry[:3] for entry in others] == [("backward", 2, "all-reduce")]
    assert all(size < 300 for *_, size in others)
    assert len({one["losses"][0] for one in every}) == len(every), "each has a loss of its own"


def test_the_report_has_its_columns_and_the_state_of_the_trainer(folder: Path, demo: Any) -> None:
    report = demo.report("fsdp", folder, demo.Settings(**SIZES))
    assert report.startswith("5 updates of 48 rows, 5 an epoch")
    assert "| phase | collective | sent | planned | held | planned | gathered at once | planned |" in report
    assert demo.settings_of("fsdp").per_device_train_batch_size * demo.ACCUMULATION * demo.RANKS == 48
    assert demo.Settings().rows / 48 == 625


def test_what_deepspeed_sends_and_holds_is_what_was_planned(engine_folder: Path, demo: Any) -> None:
    shapes = demo.parameter_shapes(demo.Settings(**SIZES))
    plan = demo.planned(demo.settings_of("deepspeed"), demo.RANKS, shapes)
    found = demo.lines(demo.read(engine_folder, demo.RANKS), plan)
    compared = [line for line in found if line.planned_sent is not None and line.collective]
    assert [(line.phase, line.collective) for line in compared] == [
        ("forward 1", "all-gather"),
        ("backward 1", "all-gather"),
        ("backward 1", "reduce-scatter"),
        ("forward 2", "all-gather"),
        ("backward 2", "all-gather"),
        ("backward 2", "reduce-scatter"),
    ]
    assert all(line.sent == line.planned_sent and min(line.sent) > 0 for line in compared)
    held = [line for line in found if line.held is not None]
    ends = ["forward 1", "backward 1", "forward 2", "norm", "step", "release"]
    assert [line.phase for line in held] == ends
    for line in held:
        assert line.held == line.planned_held and line.held is not None and min(line.held) > 0, line
    gathered = [line for line in held if line.at_once is not None and max(line.at_once)]
    assert gathered and all(line.at_once < line.planned_at_once for line in gathered)
    report = demo.report("deepspeed", engine_folder, demo.Settings(**SIZES))
    assert report.startswith("5 updates of 48 rows, 5 an epoch")
