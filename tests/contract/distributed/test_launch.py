"""What settings about joining and about who speaks do among real processes."""

import contextlib
import io
import logging
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from tests.training.parallel.world import run_in
from tests.training.small_job import Line, Rows

from trainspec import Trainer, TrainerCallback, TrainingArguments
from trainspec.training.parallel.contact.ending import MissingError
from trainspec.training.parallel.contact.joining import backend_for
from trainspec.training.preflight.preflight import PreflightError


def settings(out: str, **more: Any) -> TrainingArguments:
    quiet = {"report_to": "none", "save_strategy": "no", "disable_tqdm": True, "use_cpu": True}
    return TrainingArguments(**quiet | {"output_dir": out, "max_steps": 3, "per_device_train_batch_size": 4} | more)


def train(out: str, *callbacks: Any, **more: Any) -> Trainer:
    trainer = Trainer(Line(), settings(out, **more), train_dataset=Rows(), callbacks=list(callbacks))
    trainer.train()
    return trainer


# ddp_backend


def _gloo(store: Any, rank: int, size: int, timeout: timedelta) -> Any:
    return dist.ProcessGroupGloo(store, rank, size, timeout=timeout)


def backend(out: str, more: dict[str, Any], registers: bool = False) -> Any:
    if registers:
        # gloo by another name, as if this build had it.
        dist.Backend.register_backend("ccl", _gloo, devices=["cpu"])
    try:
        train(out, **more)
    except PreflightError as error:
        return [(item.code, item.fields, item.remedy) for item in error.diagnostics], dist.is_initialized()
    return dist.get_backend()


def test_ddp_backend_joins_the_processes(tmp_path: Path) -> None:
    assert run_in(2, backend, str(tmp_path), {"ddp_backend": "ccl"}, True) == ["ccl", "ccl"]
    assert run_in(2, backend, str(tmp_path), {}) == ["gloo", "gloo"]
    refused = ([("RUN253", ("ddp_backend",), "leave ddp_backend out, or set it to gloo")], False)
    assert run_in(2, backend, str(tmp_path), {"ddp_backend": "mpi"}) == [refused, refused]


@pytest.mark.parametrize("device, expected", [("cuda:0", "nccl"), ("xpu:0", "xccl"), ("cpu", "gloo"), ("mps", "gloo")])
def test_ddp_backend_follows_the_device(arguments: Any, device: str, expected: str) -> None:
    assert backend_for(arguments(), torch.device(device)) == expected
    assert backend_for(arguments(ddp_backend="mpi"), torch.device(device)) == "mpi"


# ddp_timeout


class Late(TrainerCallback):
    """The last process comes late to its second update; `began` is when this one did."""

    began = 0.0

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 1:
            self.began = time.monotonic()
            time.sleep(self.seconds if os.environ["RANK"] == "1" else 0)


def late(out: str, limit: int, seconds: float) -> tuple[str, float]:
    callback = Late(seconds)
    try:
        train(out, callback, ddp_timeout=limit)
    except MissingError as error:
        return str(error), time.monotonic() - callback.began
    return "", 0.0


def test_ddp_timeout_is_how_long_processes_wait_for_each_other(tmp_path: Path) -> None:
    (told, seconds), _ = run_in(2, late, str(tmp_path), 2, 8.0)
    assert "rank 0: " in told and "update 2 failed. Nothing is heard of rank 1 within 2 s (ddp_timeout)." in told
    assert 2 <= seconds < 7
    assert [told for told, _ in run_in(2, late, str(tmp_path), 60, 3.0)] == ["", ""]


# local_rank


def local_ranks(out: str, local_rank: int) -> Any:
    try:
        return train(out, local_rank=local_rank).args.local_process_index
    except PreflightError as error:
        return [(item.code, item.message) for item in error.diagnostics]


def test_local_rank_is_the_launchers_own(tmp_path: Path) -> None:
    assert run_in(2, local_ranks, str(tmp_path), -1) == [0, 1]
    found = ("RUN251", "local_rank is 0, but the launcher calls this process 1 of its node")
    on_main = [(found[0], f"rank 1: {found[1]}")]
    assert run_in(2, local_ranks, str(tmp_path), 0) == [on_main, [found]]


# log_level_replica, log_on_each_node


def levels(out: str, more: dict[str, Any]) -> tuple[int, int]:
    """The level of the package's logger, and how many updates were told of at the terminal."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        train(out, logging_steps=1, **more)
    return logging.getLogger("trainspec").level, said.getvalue().count("step ")


MAIN, REPLICA = (logging.INFO, 4), (logging.ERROR, 0)
EACH_A_NODE = {"LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
LEVELS = {"log_level": "info", "log_level_replica": "error"}


def test_log_level_replica_is_that_of_all_but_the_first_of_a_node(tmp_path: Path) -> None:
    assert run_in(2, levels, str(tmp_path), LEVELS) == [MAIN, REPLICA]
    loud = run_in(2, levels, str(tmp_path), {"log_level": "error", "log_level_replica": "debug"})
    assert [level for level, _ in loud] == [logging.ERROR, logging.DEBUG]


def test_log_on_each_node_says_whether_the_first_of_every_node_logs(tmp_path: Path) -> None:
    assert run_in(2, levels, str(tmp_path), LEVELS, **EACH_A_NODE) == [MAIN, MAIN]
    alone = run_in(2, levels, str(tmp_path), {**LEVELS, "log_on_each_node": False}, **EACH_A_NODE)
    assert alone == [MAIN, REPLICA]
