"""Real Optuna searches: fresh models, each trial's own settings and folder, and the Trainer as it was before."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import optuna
import pytest
from pydantic import ValidationError
from tests.training.small_job import Line, Rows

from trainspec import TrainingArguments
from trainspec.training.errors import SearchError
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.search import BestRun, start
from trainspec.training.trainer import Trainer

Arguments = Callable[..., TrainingArguments]


def rates(trial: optuna.Trial) -> dict[str, Any]:
    return {"learning_rate": trial.suggest_categorical("learning_rate", [0.001, 0.1])}


def fresh() -> Line:
    return Line()


def grid(*rates: float) -> optuna.samplers.BaseSampler:
    return optuna.samplers.GridSampler({"learning_rate": list(rates)}, seed=1)


@pytest.fixture
def searching(arguments: Arguments) -> Callable[..., Trainer]:
    """A Trainer that evaluates at updates 2, 4 and 6 of every run."""

    def make(model_init: Callable[..., Any] = fresh, metrics: Any = None, **settings: Any) -> Trainer:
        usual: dict[str, Any] = {"eval_strategy": "steps", "eval_steps": 2} if "eval_strategy" not in settings else {}
        args = arguments(**{**usual, "log_level": "error", **settings})
        data = {"train_dataset": Rows(), "eval_dataset": Rows(10)}
        return Trainer(model_init=model_init, args=args, compute_metrics=metrics, **data)

    return make


def test_the_best_trial_is_the_run_that_its_settings_give(searching: Callable[..., Trainer]) -> None:
    trainer = searching()
    args = trainer.args
    best = trainer.hyperparameter_search(rates, n_trials=2, sampler=grid(0.001, 0.1))
    assert isinstance(best, BestRun)
    assert best.hyperparameters == {"learning_rate": 0.1} and best.run_id in ("0", "1")
    assert trainer.args is args and args.learning_rate == 0.01
    alone = searching(learning_rate=0.1)
    alone.train()
    assert best.objective == alone.evaluate()["eval_loss"]


def test_trials_start_from_the_settings_given_and_a_fresh_model(searching: Callable[..., Trainer]) -> None:
    """Nothing of a trial is left in the next: two equal trials give equal objectives, whatever was between them."""
    seen: list[tuple[float, int]] = []

    def space(trial: optuna.Trial) -> dict[str, Any]:
        return [{"learning_rate": 0.1}, {"weight_decay": 0.5, "seed": 3}, {"learning_rate": 0.1}][trial.number]

    def objective(metrics: dict[str, float]) -> float:
        seen.append((trainer.args.weight_decay, trainer.args.seed))
        return metrics["eval_loss"]

    trainer = searching()
    study: list[optuna.Study] = []
    trainer.hyperparameter_search(space, objective, n_trials=3, callbacks=[lambda s, t: study.append(s)])
    first, between, again = (trial.value for trial in study[0].trials)
    assert first == again != between
    assert seen[0] == seen[-1] == (0.0, 42) and (0.5, 3) in seen


def test_each_trial_has_a_folder_and_a_name(searching: Callable[..., Trainer], tmp_path: Path) -> None:
    names: list[str | None] = []
    trainer = searching(save_strategy="steps", save_steps=6)

    def model() -> Line:
        names.append(trainer.args.run_name)
        return Line()

    trainer.model_init = model
    trainer.hyperparameter_search(
        rates, n_trials=2, sampler=grid(0.001, 0.1), hp_name=lambda trial: f"try-{trial.number}"
    )
    assert names == ["try-0", "try-1"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["run-0", "run-1"]
    assert (tmp_path / "out" / "run-1" / "checkpoint-6").is_dir()
    assert trainer.state.is_hyper_param_search and trainer.state.trial_name == "try-1"


def test_every_evaluation_is_reported_and_a_bad_trial_is_given_up(searching: Callable[..., Trainer]) -> None:
    reported: list[dict[int, float]] = []
    states: list[str] = []

    def note(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        reported.append(trial.intermediate_values)
        states.append(trial.state.name)

    pruner = optuna.pruners.ThresholdPruner(upper=16.0, n_warmup_steps=3)
    trainer = searching()
    best = trainer.hyperparameter_search(
        rates,
        n_trials=2,
        pruner=pruner,
        sampler=optuna.samplers.GridSampler({"learning_rate": [0.001, 0.1]}, seed=1),
        callbacks=[note],
    )
    assert isinstance(best, BestRun) and best.hyperparameters == {"learning_rate": 0.1}
    by_state = dict(zip(states, reported, strict=True))
    assert list(by_state["COMPLETE"]) == [2, 4, 6]
    assert list(by_state["PRUNED"]) == [2, 4]
    assert trainer.train().global_step == 6


def test_without_evaluations_a_trial_is_judged_at_its_end(searching: Callable[..., Trainer]) -> None:
    trainer = searching(eval_strategy="no")
    best = trainer.hyperparameter_search(rates, n_trials=2, sampler=grid(0.001, 0.1))
    assert isinstance(best, BestRun) and best.hyperparameters == {"learning_rate": 0.1}


def test_several_objectives_give_the_trials_that_none_beats(searching: Callable[..., Trainer]) -> None:
    def both(metrics: dict[str, float]) -> tuple[float, float]:
        return metrics["eval_loss"], -metrics["eval_loss"]

    found = searching().hyperparameter_search(
        rates, both, n_trials=2, direction=["minimize", "minimize"], sampler=grid(0.001, 0.1)
    )
    assert isinstance(found, list) and len(found) == 2
    assert all(best.objective[0] == -best.objective[1] for best in found)  # type: ignore[index]


def test_maximize_takes_the_highest(searching: Callable[..., Trainer]) -> None:
    best = searching().hyperparameter_search(rates, n_trials=2, direction="maximize", sampler=grid(0.001, 0.1))
    assert isinstance(best, BestRun) and best.hyperparameters == {"learning_rate": 0.001}


def test_the_model_may_depend_on_the_trial(searching: Callable[..., Trainer]) -> None:
    made: list[float] = []

    def model(trial: optuna.Trial | None) -> Line:
        made.append(0.0 if trial is None else trial.params["dropout"])
        return Line(dropout=made[-1])

    def space(trial: optuna.Trial) -> dict[str, Any]:
        return {"dropout": trial.suggest_categorical("dropout", [0.25])}

    searching(model).hyperparameter_search(space, n_trials=1)
    assert made == [0.0, 0.25]


def test_the_same_seed_proposes_the_same_trials(searching: Callable[..., Trainer]) -> None:
    def space(trial: optuna.Trial) -> dict[str, Any]:
        return {"learning_rate": trial.suggest_float("learning_rate", 1e-3, 1e-1)}

    def proposed(seed: int) -> BestRun:
        found = searching(seed=seed).hyperparameter_search(space, n_trials=2)
        assert isinstance(found, BestRun)
        return found

    assert proposed(1) == proposed(1) != proposed(2)


def test_a_search_pushes_nothing(searching: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    trainer = searching(save_strategy="steps", save_steps=2)
    trainer.args = trainer.args.replace(push_to_hub=True, hub_token="hf_x", hub_model_id="ada/model")
    trainer.hyperparameter_search(rates, n_trials=1)
    assert trainer.args.push_to_hub and trainer._publisher is None


def test_metrics_to_minimize_are_warned_of_once(
    searching: Callable[..., Trainer], caplog: pytest.LogCaptureFixture
) -> None:
    def accuracy(prediction: Any) -> dict[str, float]:
        return {"accuracy": 0.5}

    trainer = searching(metrics=accuracy, log_level="passive")
    caplog.set_level(logging.WARNING, "trainspec")
    trainer.hyperparameter_search(rates, n_trials=2)
    warned = [record.getMessage() for record in caplog.records if "minimizes the sum" in record.getMessage()]
    assert len(warned) == 1 and "of eval_accuracy; say direction='maximize'" in warned[0]


def test_a_failing_trial_ends_the_search_and_leaves_the_settings(searching: Callable[..., Trainer]) -> None:
    trainer = searching()
    args = trainer.args
    with pytest.raises(ValidationError, match="learning_rate"):
        trainer.hyperparameter_search(lambda trial: {"learning_rate": -1.0}, n_trials=1)
    assert trainer.args is args
    with pytest.raises(SearchError, match="no trial of the search came to its end"):
        trainer.hyperparameter_search(lambda trial: {"learning_rate": -1.0}, n_trials=1, catch=ValidationError)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a typing error": ({"hp_space": lambda trial: {"learning_rte": 0.1}}, "RUN193.*did you mean learning_rate"),
    "no setting": ({"hp_space": lambda trial: {"hidden": 3}}, "RUN193"),
    "wandb": ({"backend": "wandb"}, "RUN191.*service"),
    "sigopt": ({"backend": "sigopt"}, "RUN191.*ended"),
    "nonsense": ({"backend": "nonsense"}, "RUN191.*use optuna or ray"),
    "a direction": ({"direction": "down"}, "RUN194.*minimize or maximize"),
    "no direction": ({"direction": []}, "RUN194"),
    "side by side": ({"n_jobs": 2}, "RUN194.*share one Trainer"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_searched_is_refused(name: str, searching: Callable[..., Trainer]) -> None:
    options, message = REFUSED[name]
    with pytest.raises(PreflightError, match=f"(?s){message}"):
        searching().hyperparameter_search(**{"hp_space": rates, "n_trials": 1, **options})


def test_a_ready_model_is_refused(arguments: Arguments) -> None:
    trainer = Trainer(Line(), arguments(), train_dataset=Rows(), eval_dataset=Rows(10))
    with pytest.raises(PreflightError, match="RUN192"):
        trainer.hyperparameter_search(rates)


@pytest.mark.parametrize(
    ("backend", "missing", "message"),
    [
        ("optuna", {"optuna"}, "needs optuna, which is not installed.*pip install optuna"),
        ("ray", {"ray"}, r"needs ray, which is not installed.*pip install 'ray\[tune\]'"),
        (None, {"optuna", "ray"}, "needs optuna or ray"),
    ],
)
def test_a_missing_library_is_named_with_its_command(
    backend: str | None,
    missing: set[str],
    message: str,
    searching: Callable[..., Trainer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(start, "find_spec", lambda name: None if name in missing else find_spec(name))
    with pytest.raises(PreflightError, match=f"(?s)RUN190.*{message}"):
        searching().hyperparameter_search(rates, backend=backend)


def test_a_script_of_transformers_may_name_the_backend_its_way(searching: Callable[..., Trainer]) -> None:
    from transformers.trainer_utils import HPSearchBackend

    found = searching().hyperparameter_search(rates, n_trials=1, backend=HPSearchBackend.OPTUNA)
    assert isinstance(found, BestRun)
