"""`trainspec train --nproc`: what is said before any process starts; tests/training/command has the processes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FAULTS: dict[str, tuple[list[str], dict[str, str], int, list[str]]] = {
    "a setting": (["--nproc", "2", "--seed", "x"], {}, 1, ["error[VAL101] seed"]),
    "a mesh of others": (
        ["--nproc", "3", "--parallelism_config", '{"tp_size": 2}'],
        {},
        1,
        ["error[TGT108]"],
    ),
    "no number": (
        ["--nproc", "many"],
        {},
        2,
        ["error[CLI103] --nproc takes a number from 1 to 1,024, auto, gpu or cpu"],
    ),
    "none": (["--nproc", "0"], {}, 2, ["error[CLI103]"]),
    "no device": (["--nproc", "gpu"], {}, 2, ["error[CLI121] --nproc gpu: torch sees no CUDA device here"]),
    "restarts of nothing": (["--max-restarts", "1"], {}, 2, ["error[CLI103] --max-restarts", "add --nproc N"]),
    "fewer than no restarts": (
        ["--nproc", "2", "--max-restarts", "-1"],
        {},
        2,
        ["--max-restarts takes a whole number"],
    ),
    "a rank of torchrun": (
        ["--nproc", "2"],
        {"RANK": "1", "WORLD_SIZE": "2"},
        2,
        ["error[CLI120] torchrun has started this process already, as rank 1 of 2", "leave --nproc out"],
    ),
    "seconds that are none": (
        ["--nproc", "2"],
        {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "abc"},
        2,
        [
            "error[CLI126] TORCH_ELASTIC_SHUTDOWN_TIMEOUT is 'abc', which is no number of seconds",
            'TORCH_ELASTIC_SHUTDOWN_TIMEOUT = "abc"   TORCH_ELASTIC_SHUTDOWN_TIMEOUT (environment)',
            "write whole seconds",
        ],
    ),
    "variables that are no numbers": (
        ["--nproc", "2"],
        {"OMPI_COMM_WORLD_RANK": "x", "PET_NODE_RANK": "first"},
        2,
        ["error[CLI126] OMPI_COMM_WORLD_RANK is 'x'", "error[CLI126] PET_NODE_RANK is 'first'"],
    ),
    "a file for a folder": (
        ["--nproc", "2", "--log-dir", "/dev/null"],
        {},
        2,
        ["error[CLI103] --log-dir /dev/null cannot be written to: File exists", "help: name another folder"],
    ),
    "an optimizer that cannot shard": (
        ["--nproc", "2", "--fsdp", "full_shard", "--optim", "adafactor"],
        {},
        1,
        ["error[PAR120] optim adafactor does not step"],
    ),
    "an optimizer that is not there": (
        ["--nproc", "2", "--optim", "adamw_anyprecision"],
        {},
        1,
        ["error[RUN130] optim adamw_anyprecision needs the package torch-optimi", "help: pip install"],
    ),
    "an optimizer of another device": (
        ["--nproc", "2", "--optim", "adamw_torch_npu_fused"],
        {},
        1,
        ["error[RUN131] optim adamw_torch_npu_fused runs on npu only"],
    ),
}


@pytest.mark.parametrize(("words", "variables", "code", "texts"), FAULTS.values(), ids=FAULTS)
def test_no_process_starts_with_a_fault(
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    variables: dict[str, str],
    code: int,
    texts: list[str],
) -> None:
    pytest.importorskip("torch")
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    # A server that nobody needs would outlive the test.
    monkeypatch.setattr("trainspec.cli.launching.start_server", lambda ranks: None)
    monkeypatch.setattr("trainspec.training.command.agent.launch", lambda plan: pytest.fail("it started"))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("trainspec.training.optimizers.entry.find_spec", lambda name: None)
    found = run("train", "digits", *words)
    assert found.code == code and found.out == ""
    assert all(text in found.err for text in texts), found.err


COUNTS = [("3", 0, 3), ("auto", 0, 5), ("auto", 4, 4), ("cpu", 4, 5), ("gpu", 4, 4)]


@pytest.mark.parametrize("word, devices, processes", COUNTS)
def test_how_many_processes(
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    word: str,
    devices: int,
    processes: int,
) -> None:
    pytest.importorskip("torch")
    plans: list[Any] = []
    monkeypatch.setattr("trainspec.cli.launching.start_server", lambda ranks: None)
    monkeypatch.setattr("trainspec.training.command.agent.launch", lambda plan: plans.append(plan) or 7)
    monkeypatch.setattr("torch.cuda.device_count", lambda: devices)
    monkeypatch.setattr("os.cpu_count", lambda: 5)
    monkeypatch.setenv("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "90" if word == "3" else "")
    monkeypatch.chdir(tmp_path)
    words = ("train", "digits", "--nproc", word, "--ddp_timeout", "60", "--max-restarts", "2", "--log-dir", "logs")
    assert run(*words).code == 7
    (plan,) = plans
    assert (plan.processes, plan.restarts, plan.log_dir, plan.nodes) == (processes, 2, "logs", None)
    assert plan.grace == (90 if word == "3" else 60), "nobody is killed while others would wait for it"
    assert plan.words == words[1:]


def test_nothing_is_said_of_an_optimizer_where_nobody_trains(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr("trainspec.cli.launching.start_server", lambda ranks: None)
    monkeypatch.setattr("trainspec.training.command.agent.launch", lambda plan: 7)
    words = ("--nproc", "2", "--do_train", "false", "--do_eval", "--optim", "adamw_torch_npu_fused")
    assert run("train", "digits", *words).code == 7


def test_an_option_given_twice_is_told_before_processes_start(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    plans: list[Any] = []
    monkeypatch.setattr("trainspec.cli.launching.start_server", lambda ranks: None)
    monkeypatch.setattr("trainspec.training.command.agent.launch", lambda plan: plans.append(plan) or 0)
    found = run("train", "digits", "--nproc", "2", "--nproc", "3", "--log-dir", "a", "--log-dir=a")
    assert found.err.count("SRC117") == 1 and "warning[SRC117] --nproc is given twice; the last holds" in found.err
    assert [plan.processes for plan in plans] == [3]


def test_a_file_that_is_not_there_is_left_to_the_processes_to_tell(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr("trainspec.cli.launching.start_server", lambda ranks: None)
    monkeypatch.setattr("trainspec.training.command.agent.launch", lambda plan: 7)
    found = run("train", "digits", "--nproc", "2", "--deepspeed", "nowhere.json")
    assert found.code == 7 and "VAL204" not in found.err
    # With what is wrong it is told, since nothing more will be.
    wrong = run("train", "digits", "--nproc", "2", "--deepspeed", "nowhere.json", "--optim", "adamm")
    assert wrong.code == 1 and wrong.err.count("VAL204") == wrong.err.count("VAL103") == 1


def test_a_file_that_is_not_there_is_told_once(run: Callable[..., Any]) -> None:
    pytest.importorskip("torch")
    found = run("train", "digits", "--use_cpu", "--deepspeed", "nowhere.json")
    assert found.code == 1 and found.err.count("VAL204") == found.err.count("error[VAL204]") == 1
