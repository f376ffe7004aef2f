"""The script for sbatch: the shell reads it as meant, every process has its place, and an end has consequences."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deployment.reading import TOKEN, settings_in, settings_of
from tests.deployment.slurm_stub import Slurm
from tests.deployment.test_round_trip import ODD

from trainspec.deployment import NotDeployable
from trainspec.deployment.slurm import as_slurm

# In the place of the train command: it leaves its words and variables behind, and ends as it is told to.
RECORDING = f"""#!{sys.executable}
import json, os, sys
told = {{"words": sys.argv[1:], "variables": dict(os.environ), "folder": os.getcwd()}}
told["files"] = [open(path).read() for path in os.environ.get("TRAINSPEC_CONFIG", "").split(",") if path]
with open(f"task-{{os.environ['SLURM_PROCID']}}.json", "w") as file:
    json.dump(told, file)
sys.exit(int(os.environ.get("STUB_EXIT", "0")))
"""


@pytest.fixture
def slurm(tmp_path: Path) -> Slurm:
    stub = Slurm(tmp_path)
    stub.program("trainspec", RECORDING)
    return stub


def tasks(slurm: Slurm) -> list[dict[str, Any]]:
    files = sorted(slurm.folder.glob("task-*.json"))
    return [json.loads(file.read_text()) for file in files]


def asked(script: str) -> set[str]:
    return {line.removeprefix("#SBATCH ") for line in script.splitlines() if line.startswith("#SBATCH ")}


def test_what_the_job_asks_for() -> None:
    options = {"nproc": "8", "nodes": "4", "name": "night-7", "grace": "300"}
    script = as_slurm({"dataloader_num_workers": 3}, options=options)
    assert script.startswith("#!/bin/bash\n#SBATCH ")
    assert asked(script) >= {
        "--job-name=night-7",
        "--nodes=4",
        "--ntasks-per-node=8",
        "--gpus-per-node=8",
        "--cpus-per-task=4",
        "--signal=TERM@300",
        "--requeue",
    }
    assert not any("gpu" in line for line in asked(as_slurm({"use_cpu": True}, options=options)))
    # sbatch stops looking for its lines at the first command.
    assert "#SBATCH" not in script.partition("\nset -")[2]


def test_every_task_has_the_settings_and_knows_where_all_meet(tmp_path: Path) -> None:
    slurm = Slurm(tmp_path, hosts="first,second")
    slurm.program("trainspec", RECORDING)
    done = slurm.run(as_slurm({"seed": 7}, options={"nproc": "2", "nodes": "2", "task": "mine:task"}))
    assert (done.returncode, done.stderr) == (0, "")
    found = tasks(slurm)
    assert [task["variables"]["SLURM_PROCID"] for task in found] == ["0", "1", "2", "3"]
    for task in found:
        assert task["words"] == ["train", "mine:task"]
        assert task["folder"] == str(tmp_path), "where the job was submitted from"
        assert task["variables"]["TRAINSPEC_SEED"] == "7"
        assert task["variables"]["MASTER_ADDR"] == "first"
        assert task["variables"]["MASTER_PORT"] == str(10_000 + 123_456 % 20_000)
        assert "RANK" not in task["variables"]
    assert slurm.heard()[1] == "srun --export=ALL --cpus-per-task=1 --kill-on-bad-exit=0 --wait=0"


@pytest.mark.parametrize("scontrol", ["exit 1", "true"], ids=["fails", "names none"])
def test_a_list_of_hosts_that_cannot_be_read_starts_nothing(slurm: Slurm, scontrol: str) -> None:
    slurm.program("scontrol", f"#!/bin/bash\n{scontrol}\n")
    assert slurm.run(as_slurm({}, options={"nproc": "2"})).returncode != 0
    assert tasks(slurm) == []


@pytest.mark.parametrize("form", ["variables", "file"])
def test_odd_text_comes_back(slurm: Slurm, form: str) -> None:
    document = {
        "label_names": [*ODD, "END_OF_SETTINGS"],
        "run_name": 'it\'s "$(rm -rf x)" `y`',
    }
    task = {"note": "a\nEND_OF_SETTINGS\n$b\n"}
    script = as_slurm({**document, "task": task}, options={"nproc": "1", "as": form})
    assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0
    assert slurm.run(script).returncode == 0
    (one,) = tasks(slurm)
    told = {name: value for name, value in one["variables"].items() if name.startswith("TRAINSPEC_")}
    if form == "file":
        told["TRAINSPEC_CONFIG"] = str(slurm.folder / told["TRAINSPEC_CONFIG"])
        assert yaml.safe_load(one["files"][0])["task"] == task
    else:
        assert json.loads(told["TRAINSPEC_TASK"]) == task
    assert settings_in(told).to_dict() == settings_of(document).to_dict()


def test_several_files_stay_apart(slurm: Slurm) -> None:
    layers = [("base.yaml", {"seed": 1, "max_steps": 9}), ("site.yaml", {"seed": 2})]
    script = as_slurm({"seed": 2, "max_steps": 9}, options={"nproc": "2"}, layers=layers)
    assert slurm.run(script).returncode == 0
    for task in tasks(slurm):
        assert [text.split()[0:2] for text in task["files"]] == [["seed:", "1"], ["seed:", "2"]]


def test_a_secret_is_a_file_and_no_text(slurm: Slurm) -> None:
    script = as_slurm({"push_to_hub": True, "hub_token": TOKEN}, options={"nproc": "1"})
    assert TOKEN not in script
    refused = slurm.run(script)
    assert refused.returncode == 2 and "cannot be read" in refused.stderr and tasks(slurm) == []
    (slurm.folder / "secrets").mkdir()
    (slurm.folder / "secrets" / "hub_token").write_text(TOKEN)
    assert slurm.run(script).returncode == 0
    (task,) = tasks(slurm)
    assert Path(task["variables"]["TRAINSPEC_HUB_TOKEN_FILE"]).read_text() == TOKEN
    other = slurm.folder / "other"
    other.write_text("another")
    assert slurm.run(script, TRAINSPEC_HUB_TOKEN_FILE=str(other)).returncode == 0
    assert tasks(slurm)[0]["variables"]["TRAINSPEC_HUB_TOKEN_FILE"] == str(other)


@pytest.mark.parametrize(
    ("code", "left", "restarts", "again"),
    [
        (143, 30, 0, True),
        (143, 30, 2, True),
        # As often as it may be.
        (143, 30, 3, False),
        # Somebody ended it, long before its time.
        (143, 5000, 0, False),
        (1, 30, 0, False),
        (0, 30, 0, False),
    ],
)
def test_a_job_that_came_to_its_time_limit_is_queued_again(
    slurm: Slurm, code: int, left: int, restarts: int, again: bool
) -> None:
    end = str(int(time.time()) + left)
    told = {"STUB_EXIT": str(code), "SLURM_JOB_END_TIME": end, "SLURM_RESTART_COUNT": str(restarts)}
    done = slurm.run(as_slurm({}, options={"nproc": "2"}), **told)
    assert done.returncode == code, done.stderr
    assert ("scontrol requeue 123456" in slurm.heard()) == again
    goes_on = ["--resume-if-any"] if restarts else []
    assert [task["words"] for task in tasks(slurm)] == [["train", "digits", *goes_on]] * 2


def test_without_restarts_nothing_is_queued_again(slurm: Slurm) -> None:
    script = as_slurm({}, options={"nproc": "2", "max_restarts": "0"})
    assert "--no-requeue" in asked(script)
    assert slurm.run(script, STUB_EXIT="143", SLURM_JOB_END_TIME="1").returncode == 143
    assert not any("requeue" in line for line in slurm.heard())


def test_nonsense_is_refused() -> None:
    for options in ({"nodes": "0"}, {"nproc": "0"}, {"name": "a b"}, {"gpus": "2", "nproc": "4"}):
        with pytest.raises(NotDeployable):
            as_slurm({}, options=options)
