"""Every name that report_to takes has a tracker; what cannot be had is said before anything is written."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.trackers.running import build, facts

from trainspec.settings.values.choices import TrackerName
from trainspec.training.trackers import TRACKERS, TrackerKind, chosen_trackers, registry
from trainspec.training.trackers.preflight import find_missing_trackers

HEAVY = [name for name in TRACKERS if name not in ("jsonl", "plot", "tensorboard", "wandb", "trackio")]


@pytest.fixture(autouse=True)
def nobody_is_logged_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "MLFLOW_TRACKING_URI", "WANDB_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Only these modules are there."""

    def only(*modules: str) -> None:
        monkeypatch.setattr(registry, "_is_there", lambda module: module in modules)

    return only


def _findings(trainer: Any) -> list[Any]:
    return list(find_missing_trackers(trainer.args, None, None))  # type: ignore[arg-type]


def test_every_name_has_a_tracker_of_that_name() -> None:
    assert list(TRACKERS) == [name for name in TrackerName if name not in ("all", "none")]
    assert {name: kind.build().name for name, kind in TRACKERS.items()} == {name: name for name in TRACKERS}


@pytest.mark.parametrize("name", HEAVY)
def test_a_tracker_that_is_not_installed_is_refused_with_the_command(tmp_path: Path, installed: Any, name: str) -> None:
    installed()
    (item,) = _findings(build(tmp_path / "out", [name]))
    assert item.code == "RUN116" and item.fields == ("report_to",)
    assert item.remedy.startswith(f"pip install {TRACKERS[name].package}")
    assert not (tmp_path / "out").exists()


def test_all_findings_come_at_once(tmp_path: Path, installed: Any) -> None:
    installed("wandb")
    found = _findings(build(tmp_path / "out", ["wandb", "comet_ml", "neptune", "jsonl"]))
    assert [item.code for item in found] == ["RUN116", "RUN116"]


@pytest.mark.parametrize(
    "said, there, chosen",
    [
        ("all", (), ["jsonl"]),
        ("all", ("matplotlib", "wandb"), ["jsonl", "plot", "wandb"]),
        ("all", ("mlflow",), ["jsonl", "mlflow"]),
        ("all", ("mlflow", "dagshub", "azureml.mlflow", "flytekit"), ["jsonl", "mlflow"]),
        ("none", ("wandb",), []),
        ([], ("wandb",), []),
        ("comet_ml", (), ["comet_ml"]),
        (["plot", "jsonl"], ("wandb",), ["plot", "jsonl"]),
    ],
)
def test_what_the_names_mean(
    tmp_path: Path, installed: Any, said: Any, there: tuple[str, ...], chosen: list[str]
) -> None:
    installed(*there)
    trainer = build(tmp_path / "out", said, run_name=None)
    assert chosen_trackers(trainer.args) == chosen
    assert said != "all" or _findings(trainer) == []


def test_all_reports_to_one_place_through_mlflow(
    tmp_path: Path, installed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed("mlflow", "dagshub")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://dagshub.com/me/digits.mlflow")
    assert chosen_trackers(build(tmp_path / "out", "all").args) == ["jsonl", "dagshub"]


@pytest.mark.parametrize(
    "names, modules, variables, codes",
    [
        (["azure_ml"], ("mlflow", "azureml.mlflow"), {}, ["RUN140"]),
        (["azure_ml"], ("mlflow", "azureml.mlflow"), {"MLFLOW_TRACKING_URI": "azureml://a.b/c"}, []),
        (["dagshub"], ("mlflow", "dagshub"), {"MLFLOW_TRACKING_URI": "sqlite:///x.db"}, ["RUN140"]),
        (["dagshub"], ("mlflow", "dagshub"), {"MLFLOW_TRACKING_URI": "https://dagshub.com/me/it.mlflow"}, []),
        (["flyte"], ("flytekit",), {}, ["RUN140"]),
        (["wandb"], ("wandb",), {"WANDB_DISABLED": "true"}, ["RUN140"]),
        (["wandb"], ("wandb",), {"WANDB_DISABLED": "false"}, []),
        (["mlflow", "dagshub"], ("mlflow", "dagshub"), {"MLFLOW_TRACKING_URI": "https://x/y/z.mlflow"}, ["RUN141"]),
        (["trackio"], ("trackio",), {}, ["RUN142"]),
        (["trackio"], ("trackio",), {"HF_TOKEN": "hf_x"}, []),
        (["jsonl", "plot"], ("matplotlib",), {}, []),
    ],
)
def test_a_tracker_that_cannot_be_used_here_is_refused(
    tmp_path: Path,
    installed: Any,
    monkeypatch: pytest.MonkeyPatch,
    names: list[str],
    modules: tuple[str, ...],
    variables: dict[str, str],
    codes: list[str],
) -> None:
    installed(*modules)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert [item.code for item in _findings(build(tmp_path / "out", names))] == codes


def test_a_space_is_named_where_it_was_said(tmp_path: Path) -> None:
    (item,) = _findings(build(tmp_path / "out", ["trackio"], trackio_space_id="team/space"))
    assert item.code == "RUN142" and "team/space" in item.message
    assert item.fields == ("report_to", "trackio_space_id")


def test_a_folder_of_runs_is_not_taken_for_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no_such_tracker").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert not TrackerKind(lambda: None, "x", ("no_such_tracker",)).is_installed()  # type: ignore[arg-type, return-value]
    (tmp_path / "no_such_tracker" / "__init__.py").write_text("raise RuntimeError('imported')")
    importlib.invalidate_caches()
    assert TrackerKind(lambda: None, "x", ("no_such_tracker",)).is_installed()  # type: ignore[arg-type, return-value]
    assert not TrackerKind(lambda: None, "x", ("no_such.child",)).is_installed()  # type: ignore[arg-type, return-value]


def test_choosing_imports_nothing(tmp_path: Path) -> None:
    import subprocess

    code = (
        "import sys; from trainspec import TrainingArguments; from trainspec.training.trackers import *\n"
        "chosen_trackers(TrainingArguments('out', report_to='all'))\n"
        "heavy = {'wandb', 'trackio', 'tensorboard', 'matplotlib', 'mlflow', 'huggingface_hub'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "[]\n"


def test_facts_hold_what_holds_and_no_secret(tmp_path: Path) -> None:
    class Config:
        def to_dict(self) -> dict[str, Any]:
            return {"hidden_size": 8, "learning_rate": 99, "nested": {"auth": {"token": "hf_x", "pad_token": "p"}}}

    trainer = build(tmp_path / "out", ["jsonl"], run_name="s3://me:secret@bucket/x")
    trainer.model.config = Config()  # type: ignore[assignment]
    told = facts(trainer)
    assert told.name == "s3://**********@bucket/x"
    values = told.parameters()
    assert values["learning_rate"] == 0.01, "settings win over the model's configuration"
    assert values["hidden_size"] == 8
    assert values["nested"] == {"auth": {"token": "**********", "pad_token": "p"}}
    assert "hub_token" not in values
    assert (values["model/class"], values["model/num_parameters"]) == ("Line", 5)
