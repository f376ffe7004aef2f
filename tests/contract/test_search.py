"""ray_scope: which of a trial's results a Ray search compares. `make test-search` sees it in real Ray searches too."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tests.training.small_job import Line, Rows

from trainspec import TrainingArguments
from trainspec.training.search import BestRun, start
from trainspec.training.trainer import Trainer

# Under each scope: the learning rate whose trial has the lowest objective. Both trials learn; by the objective below
# the slower one is ahead after its first evaluation, and on the average, and the faster one at the end.
WINNERS = {"last": 0.1, "all": 0.001, "avg": 0.001, "last-5-avg": 0.001, "last-10-avg": 0.001}


class Scripted:
    """The loss, but in the first evaluation of every trial much less, by so much more as it is high."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, metrics: dict[str, float]) -> float:
        self.calls += 1
        return metrics["eval_loss"] * (-100 if self.calls % 2 else 1)


class Tune(ModuleType):
    """Ray Tune's face, whose trials run here, one after another."""

    def __init__(self, rates: list[float]) -> None:
        super().__init__("ray.tune")
        self.rates = rates
        self.frames: dict[str, dict[str, list[float]]] = {}

    def with_parameters(self, function: Callable[..., None], **known: Any) -> Callable[[dict[str, Any]], None]:
        return lambda config: function(config, **known)

    def get_context(self) -> Any:
        return SimpleNamespace(get_trial_id=lambda: self.current)

    def report(self, metrics: dict[str, float]) -> None:
        self.frames.setdefault(self.current, {"objective": []})["objective"].append(metrics["objective"])

    def run(self, trainable: Callable[[dict[str, Any]], None], **options: Any) -> Any:
        configs = {f"trial-{rate}": {"learning_rate": rate} for rate in self.rates}
        for self.current, config in configs.items():
            trainable(config)
        trials = [SimpleNamespace(trial_id=name, config=config) for name, config in configs.items()]
        return SimpleNamespace(trials=trials, trial_dataframes=self.frames)


@pytest.mark.parametrize("scope", WINNERS)
def test_ray_scope_decides_which_trial_of_a_search_wins(
    scope: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tune = Tune([0.001, 0.1])
    ray = ModuleType("ray")
    ray.tune = tune  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.tune", tune)
    monkeypatch.setattr(start, "find_spec", lambda name: ray)
    quiet = {"report_to": "none", "save_strategy": "no", "disable_tqdm": True, "use_cpu": True}
    args = TrainingArguments(
        output_dir=str(tmp_path / "out"),
        num_train_epochs=1,
        per_device_train_batch_size=4,
        eval_strategy="steps",
        eval_steps=3,
        ray_scope=scope,
        **quiet,
    )
    trainer = Trainer(model_init=lambda: Line(), args=args, train_dataset=Rows(), eval_dataset=Rows(10))  # noqa: PLW0108
    best = trainer.hyperparameter_search(lambda trial: {}, Scripted(), n_trials=1, backend="ray")
    assert isinstance(best, BestRun)
    assert {len(frame["objective"]) for frame in tune.frames.values()} == {2}
    assert best.hyperparameters == {"learning_rate": WINNERS[scope]}
