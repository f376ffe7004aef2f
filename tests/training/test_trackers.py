"""Trackers get every entry; a broken one is left out and the run goes on."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.training.small_job import Make

from trainspec.training.trackers import TRACKERS, Tracker
from trainspec.training.trackers.plot import draw
from trainspec.training.trackers.registry import TrackerKind

RUN = {"logging_steps": 2, "eval_strategy": "epoch", "num_train_epochs": 2}


def _lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    "said, files",
    [
        ("all", {"metrics.jsonl", "loss.png"}),
        ("jsonl", {"metrics.jsonl"}),
        (["plot"], {"loss.png"}),
        (["jsonl", "plot"], {"metrics.jsonl", "loss.png"}),
        ("none", set()),
        ([], set()),
    ],
)
def test_report_to(make_trainer: Make, tmp_path: Path, said: Any, files: set[str]) -> None:
    make_trainer(report_to=said, save_strategy="epoch", **RUN).train()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"checkpoint-6", "checkpoint-12", *files}


def test_run_name_is_in_every_line(make_trainer: Make, tmp_path: Path) -> None:
    trainer = make_trainer(report_to="jsonl", run_name="morning", **RUN)
    trainer.train()
    lines = _lines(tmp_path / "out")
    assert {line["run"] for line in lines} == {"morning"}
    assert [{k: v for k, v in line.items() if k != "run"} for line in lines] == trainer.state.log_history


def test_metrics_of_a_resumed_run_go_on_where_the_checkpoint_was(make_trainer: Make, tmp_path: Path) -> None:
    settings = {**RUN, "report_to": "jsonl", "save_strategy": "steps", "save_steps": 4}
    make_trainer(**settings).train()
    make_trainer(**settings, resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-4")).train()
    steps = [line["step"] for line in _lines(tmp_path / "out") if "loss" in line]
    assert steps == [2, 4, 6, 8, 10, 12], "each entry once"


def test_evaluation_after_the_run_is_tracked_too(make_trainer: Make, tmp_path: Path) -> None:
    trainer = make_trainer(report_to="jsonl", **RUN)
    trainer.train()
    trainer.evaluate(metric_key_prefix="late")
    assert "late_loss" in _lines(tmp_path / "out")[-1]


def test_lines_are_json_for_every_reader(make_trainer: Make, tmp_path: Path) -> None:
    trainer = make_trainer(report_to="jsonl", learning_rate=1e30, max_grad_norm=0, logging_nan_inf_filter=False, **RUN)
    trainer.train()
    text = (tmp_path / "out" / "metrics.jsonl").read_text()
    assert "null" in text and "NaN" not in text and "Infinity" not in text


class Broken(Tracker):
    name = "plot"

    def __init__(self, moment: str) -> None:
        self.calls = 0
        setattr(self, moment, self._fail)

    def _fail(self, *_: Any) -> None:
        self.calls += 1
        raise OSError("no space")


@pytest.mark.parametrize("moment", ["start", "log", "refresh", "flush"])
def test_a_tracker_that_fails_is_left_out(
    make_trainer: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    moment: str,
) -> None:
    broken = Broken(moment)
    monkeypatch.setitem(TRACKERS, "plot", TrackerKind(lambda: broken))
    trainer = make_trainer(report_to=["plot", "jsonl"], **RUN)
    trainer.train()
    assert trainer.state.global_step == 12 and broken.calls == 1
    assert "tracker 'plot' failed" in caplog.text and "no space" in caplog.text
    assert len(_lines(tmp_path / "out")) == len(trainer.state.log_history)


def test_plot_shows_four_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    figures: list[Figure] = []
    real = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), real(self, *a, **k)))
    history = [
        {"step": step, "loss": 1 / step, "learning_rate": 0.1, "grad_norm": float("nan") if step == 2 else 1.0}
        for step in (1, 2, 3)
    ]
    image = draw([*history, {"step": 3, "eval_loss": 0.4}, {"step": 3, "grad_norm": None}], "a run")
    assert image.startswith(b"\x89PNG") and len(image) > 5000
    losses, rate, norm = figures[0].axes
    assert [line.get_label() for line in losses.lines] == ["training", "evaluation"]
    assert [list(line.get_xdata()) for line in (*losses.lines, *rate.lines, *norm.lines)] == [
        [1, 2, 3],
        [3],
        [1, 2, 3],
        [1, 3],
    ]
    assert losses.get_title() == "a run"


def test_report_to_all_leaves_out_what_is_not_installed(
    make_trainer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TRACKERS, "plot", TrackerKind(TRACKERS["plot"].build, package="no_such_package"))
    make_trainer(report_to="all", **RUN).train()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"metrics.jsonl"}


def test_trackers_are_imported_when_they_start(make_trainer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    make_trainer(report_to="jsonl", **RUN).train()
