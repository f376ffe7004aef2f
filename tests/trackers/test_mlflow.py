"""MLflow with a data base of its own: the client reads back what was logged."""

from pathlib import Path
from typing import Any

import mlflow
import pytest
from tests.trackers.running import Told, assert_no_secret_in, build, check, run, secret_everywhere

from trainspec.training.trackers import Tracker
from trainspec.training.trackers.mlflow import MlflowTracker

__all__ = ["secret_everywhere"]


@pytest.fixture(autouse=True)
def data_base(unknown_to_every_service: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'ml.db'}")
    mlflow.set_tracking_uri(None)
    monkeypatch.setattr(mlflow.tracking.fluent, "_active_experiment_id", None)


def _runs(experiment: str) -> list[Any]:
    found = mlflow.MlflowClient().get_experiment_by_name(experiment)
    return list(mlflow.MlflowClient().search_runs([found.experiment_id]))


def told(stored: Any) -> Told:
    client = mlflow.MlflowClient()
    names = client.get_run(stored.info.run_id).data.metrics
    return {
        name: [(point.step, point.value) for point in client.get_metric_history(stored.info.run_id, name)]
        for name in names
    }


@pytest.mark.usefixtures("secret_everywhere")
def test_every_entry_is_there_once_with_settings(tmp_path: Path) -> None:
    trainer = run(build(tmp_path / "out", "mlflow", project="digits"))
    (stored,) = _runs("digits")
    check(told(stored), trainer)
    assert (stored.info.run_name, stored.info.status) == ("morning", "FINISHED")
    assert stored.data.params["learning_rate"] == "0.01"
    assert stored.data.params["model/class"] == "Line"
    assert stored.data.tags["best_checkpoint"] == trainer.state.best_model_checkpoint
    assert_no_secret_in(tmp_path)


def test_a_run_that_raises_has_failed(tmp_path: Path) -> None:
    trainer = build(tmp_path / "out", "mlflow")

    def explode(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a broken model")

    trainer.evaluate = explode  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="a broken model"):
        trainer.train()
    (stored,) = _runs("huggingface")
    assert stored.info.status == "FAILED"
    assert mlflow.active_run() is None


def test_a_run_of_the_script_is_reported_to_and_left_open(tmp_path: Path) -> None:
    mlflow.set_experiment("mine")
    with mlflow.start_run(run_name="outer") as outer:
        run(build(tmp_path / "out", "mlflow"))
        assert mlflow.active_run().info.run_id == outer.info.run_id
        mlflow.log_metric("my_own", 1.0)
    (stored,) = _runs("mine")
    assert stored.info.run_name == "outer" and {"my_own", "train/loss"} <= stored.data.metrics.keys()


def test_an_experiment_of_the_script_holds_unless_the_settings_name_a_project(tmp_path: Path) -> None:
    mlflow.set_experiment("mine")
    run(build(tmp_path / "a", "mlflow"))
    run(build(tmp_path / "b", "mlflow", project="digits"))
    run(build(tmp_path / "c", "mlflow"))
    assert (len(_runs("mine")), len(_runs("digits"))) == (2, 1)


def test_a_resumed_run_that_goes_on_in_its_place_tells_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build(tmp_path / "out", "mlflow")
    first.train()
    first.parts.trackers.finish()
    (stored,) = _runs("huggingface")
    monkeypatch.setenv("MLFLOW_RUN_ID", stored.info.run_id)
    second = build(tmp_path / "out", "mlflow", num_train_epochs=3)
    second.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-6"))
    second.parts.trackers.finish()
    assert len(_runs("huggingface")) == 1
    assert [step for step, _ in told(stored)["train/loss"]] == [2, 4, 6, 8, 10, 12, 14, 16, 18]


def test_a_server_that_is_gone_costs_the_tracker_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:a-password-of-mine@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    trainer = run(build(tmp_path / "out", ["mlflow", "jsonl"]))
    assert trainer.state.global_step == 12
    assert "tracker 'mlflow' failed" in caplog.text and "a-password-of-mine" not in caplog.text
    assert (tmp_path / "out" / "metrics.jsonl").exists()


def test_hundreds_of_parameters_and_odd_names_are_taken(tmp_path: Path) -> None:
    from tests.trackers.running import facts

    trainer = build(tmp_path / "out", "mlflow")
    tracker: Tracker = MlflowTracker()
    described = facts(trainer)
    object.__setattr__(described, "settings", {f"odd [{number}]": "x" * 9000 for number in range(350)})
    tracker.start(described, [])
    tracker.finish(failed=False)
    (stored,) = _runs("huggingface")
    assert len(stored.data.params) == 350 + 3
