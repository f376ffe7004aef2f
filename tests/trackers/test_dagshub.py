"""DagsHub through MLflow: a server as DagsHub has it, at OWNER/NAME.mlflow, gets everything, token and all."""

import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from urllib.request import urlopen

import mlflow
import pytest
from tests.trackers.running import SECRET, build, check, run

from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.trackers import TRACKERS

PORT = 18463
PATH = "/me/digits.mlflow"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    place = f"sqlite:///{tmp_path / 'server.db'}"
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", place, "--port", str(PORT)]
    with subprocess.Popen([*command, "--static-prefix", PATH, "--workers", "1"]) as process:
        try:
            url = f"http://127.0.0.1:{PORT}{PATH}"
            _wait_for(url, process)
            yield url
        finally:
            process.terminate()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        try:
            urlopen(f"{url}/health", timeout=10).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the server does not answer")


def test_every_entry_reaches_the_server(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_module("dagshub")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.setenv("DAGSHUB_USER_TOKEN", SECRET)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "taken-back-after-the-test")
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    mlflow.set_tracking_uri(None)
    trainer = run(build(tmp_path / "out", "dagshub", project="digits"))
    client = mlflow.MlflowClient()
    (stored,) = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    names = stored.data.metrics
    told = {name: [(p.step, p.value) for p in client.get_metric_history(stored.info.run_id, name)] for name in names}
    check(told, trainer)
    assert stored.info.status == "FINISHED"


def test_without_a_repository_preflight_refuses(tmp_path: Path) -> None:
    assert TRACKERS["dagshub"].is_installed()
    with pytest.raises(PreflightError) as caught:
        build(tmp_path / "out", "dagshub").train()
    assert "RUN140" in [item.code for item in caught.value.diagnostics]
