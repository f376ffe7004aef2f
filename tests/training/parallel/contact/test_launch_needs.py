"""What keeps processes from joining is found before they wait for each other."""

from datetime import timedelta
from typing import Any

import pytest
import torch

from trainspec.settings.arguments.launch import Launch
from trainspec.training.parallel.contact.group import processes_of
from trainspec.training.parallel.contact.joining import backend_for
from trainspec.training.parallel.contact.launch_needs import find_launch_needs
from trainspec.training.parallel.processes import ProcessesError
from trainspec.training.preflight.preflight import PreflightError

MEETING = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}
TWO = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
SRUN = {"SLURM_STEP_ID": "0", "SLURM_NTASKS": "2", "SLURM_PROCID": "1", "SLURM_STEP_NODELIST": "n[1-2]"}
TABLE: list[tuple[str, dict[str, str], dict[str, Any], str, list[str]]] = [
    ("one process", {}, {}, "cpu", []),
    ("two", TWO | MEETING, {}, "cpu", []),
    ("srun", SRUN, {}, "cpu", []),
    ("a size alone", {"WORLD_SIZE": "2"}, {}, "cpu", ["RUN250"]),
    ("a rank too high", {**TWO, **MEETING, "RANK": "2"}, {}, "cpu", ["RUN250"]),
    ("no place to meet", TWO, {}, "cpu", ["RUN252"]),
    ("a port that is none", {**TWO, **MEETING, "MASTER_PORT": "70000"}, {}, "cpu", ["RUN252"]),
    ("a port that is none, of srun", {**SRUN, "MASTER_PORT": "http"}, {}, "cpu", ["RUN252"]),
    ("a backend that is not there", TWO | MEETING, {"ddp_backend": "mpi"}, "cpu", ["RUN253"]),
    ("in one process it is of no use", {}, {"ddp_backend": "mpi"}, "cpu", []),
    ("a backend for other devices", TWO | MEETING, {"ddp_backend": "nccl", "use_cpu": False}, "cpu", ["RUN254"]),
    ("as many devices as processes", TWO | MEETING, {"use_cpu": False}, "cuda", []),
    (
        "a device too few",
        {**TWO, **MEETING, "WORLD_SIZE": "3", "LOCAL_WORLD_SIZE": "3"},
        {"use_cpu": False},
        "cuda",
        ["RUN255"],
    ),
]


@pytest.mark.parametrize("variables, given, device, codes", [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_findings(
    arguments: Any,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    given: dict[str, Any],
    device: str,
    codes: list[str],
) -> None:
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: device == "cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    there = {"gloo", "nccl"} if device == "cuda" or given.get("ddp_backend") == "nccl" else {"gloo"}
    monkeypatch.setattr("torch.distributed.is_backend_available", lambda name: name in there)
    args = arguments(**given)
    found = list(find_launch_needs(args, args.device, backend_for(args, args.device)))
    assert [item.code for item in found] == codes, found
    assert all(item.remedy and item.reason for item in found)


def test_a_contradiction_names_its_variables(make_trainer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {**SRUN, "RANK": "0", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, text)
    with pytest.raises(PreflightError, match="RANK is 0, but srun says SLURM_PROCID 1") as caught:
        make_trainer()
    (item,) = caught.value.diagnostics
    assert item.fields == ("RANK", "SLURM_PROCID") and "SLURM_PROCID = 1" in item.render()


def test_who_joins_by_other_means_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ProcessesError, match="WORLD_SIZE is 2, but RANK is not set"):
        processes_of(Launch.of_this_process(), timeout=timedelta(seconds=1))
