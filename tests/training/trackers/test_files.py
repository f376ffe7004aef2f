"""metrics.jsonl holds every entry once, as JSON for any reader; loss.png shows the curves."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.trackers.running import build, run

from trainspec.storage import open_store
from trainspec.training.trackers import RunFacts
from trainspec.training.trackers.jsonl import JsonLinesTracker
from trainspec.training.trackers.plot import draw


def _lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_lines_are_the_history_with_evaluation_and_prediction(tmp_path: Path) -> None:
    trainer = run(build(tmp_path / "out", "jsonl"))
    assert [{k: v for k, v in line.items() if k != "run"} for line in _lines(tmp_path / "out")] == (
        trainer.state.log_history
    )
    assert "test_loss" in _lines(tmp_path / "out")[-1]


def test_a_resumed_run_goes_on_where_the_checkpoint_was(tmp_path: Path) -> None:
    run(build(tmp_path / "out", "jsonl"))
    run(build(tmp_path / "out", "jsonl", resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-6")))
    steps = [line["step"] for line in _lines(tmp_path / "out") if "loss" in line]
    assert steps == [2, 4, 6, 8, 10, 12], "each entry once"


@pytest.mark.parametrize(
    "value, stored",
    [
        (float("nan"), None),
        (float("inf"), None),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.float32("nan"), None),
        (torch.tensor(0.25), 0.25),
        ("a word", "a word"),
        ([1, 2], [1, 2]),
        (Path("there"), "there"),
        (None, None),
    ],
    ids=repr,
)
def test_a_value_is_json_for_every_reader(tmp_path: Path, value: Any, stored: Any) -> None:
    tracker = JsonLinesTracker()
    tracker.start(RunFacts("a run", open_store(str(tmp_path))), [])
    tracker.log({"value": value, "step": 1})
    tracker.flush()
    assert _lines(tmp_path) == [{"run": "a run", "value": stored, "step": 1}]


def _drawn(monkeypatch: pytest.MonkeyPatch, history: list[dict[str, Any]]) -> Any:
    from matplotlib.figure import Figure

    figures: list[Figure] = []
    real = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), real(self, *a, **k)))
    image = draw(history, "a run")
    assert image.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", image[16:24])
    assert width > 500 and height > 500
    return figures[0].axes


def test_plot_shows_four_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    history: list[dict[str, Any]] = [
        {"step": step, "loss": 1 / step, "learning_rate": 0.1, "grad_norm": float("nan") if step == 2 else 1.0}
        for step in (1, 2, 3)
    ]
    losses, rate, norm = _drawn(monkeypatch, [*history, {"step": 3, "eval_loss": 0.4}, {"step": 3, "grad_norm": None}])
    assert [line.get_label() for line in losses.lines] == ["training", "evaluation"]
    points = [list(line.get_xdata()) for line in (*losses.lines, *rate.lines, *norm.lines)]
    assert points == [[1, 2, 3], [3], [1, 2, 3], [1, 3]]
    assert losses.get_title() == "a run"


def test_plot_has_a_curve_for_every_data_set_of_an_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"set{number}" for number in range(7)]
    history = [{"step": 2, f"eval_{name}_loss": 0.1, "eval_accuracy": 1.0} for name in names]
    losses, _, _ = _drawn(monkeypatch, history)
    assert [line.get_label() for line in losses.lines] == [f"evaluation {name}" for name in names]


def test_plot_of_a_run_without_numbers_is_empty_and_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    axes = _drawn(monkeypatch, [{"step": 0, "eval_words": "many"}])
    assert not any(part.lines for part in axes)
