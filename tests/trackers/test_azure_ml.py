"""Azure ML: its plug-in is there; without a workspace preflight says so. The client itself is MLflow's."""

from importlib import import_module
from pathlib import Path

import pytest
from tests.trackers.running import build, facts

from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.trackers import TRACKERS
from trainspec.training.trackers.azure_ml import AzureMLTracker


def test_the_plug_in_answers_to_its_scheme() -> None:
    from mlflow.tracking._tracking_service.utils import _tracking_store_registry

    import_module("azureml.mlflow")
    assert TRACKERS["azure_ml"].is_installed()
    assert "azureml" in _tracking_store_registry._registry


def test_without_a_workspace_preflight_refuses(tmp_path: Path) -> None:
    with pytest.raises(PreflightError) as caught:
        build(tmp_path / "out", "azure_ml").train()
    assert "RUN140" in [item.code for item in caught.value.diagnostics]
    assert "MLFLOW_TRACKING_URI" in str(caught.value)


def test_a_workspace_that_cannot_be_reached_costs_the_tracker_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(
        "MLFLOW_TRACKING_URI",
        "azureml://127.0.0.1/mlflow/v1.0/subscriptions/s/resourceGroups/r/providers/"
        "Microsoft.MachineLearningServices/workspaces/w",
    )
    trainer = build(tmp_path / "out", ["azure_ml", "jsonl"])
    trainer.train()
    assert trainer.state.global_step == 12
    assert "tracker 'azure_ml' failed" in caplog.text


def test_it_tells_what_the_mlflow_tracker_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    mlflow.set_tracking_uri(None)
    tracker = AzureMLTracker()
    tracker.start(facts(build(tmp_path / "out", "azure_ml")), [])
    tracker.log({"step": 3, "epoch": 0.5, "loss": 2.0})
    tracker.finish(failed=False)
    (file,) = (tmp_path / "mlruns").glob("*/*/metrics/train/loss")
    assert file.read_text().split()[1:] == ["2.0", "3"]
