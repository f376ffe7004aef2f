"""A process that loads data and is killed, as systems do where memory is short, is no fault of the run."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.training.command.test_run import Phases
from tests.training.small_job import Rows
from torch.multiprocessing import reductions

from trainspec import TrainingArguments
from trainspec.training.command.train import COULD_NOT_RUN, run_task

Arguments = Callable[..., TrainingArguments]


class Deadly(Rows):
    """Kills the process that loads its seventh row."""

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        if index == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


def test_a_killed_process_that_loads_data_is_no_fault_of_the_run(
    arguments: Arguments, capsys: pytest.CaptureFixture[str]
) -> None:
    args = arguments(do_eval=False, dataloader_num_workers=1)
    assert run_task(args, Phases(train_dataset=Deadly())) == COULD_NOT_RUN
    told = capsys.readouterr().err
    assert "error: a process that loads data was killed" in told and "Traceback" not in told


@pytest.mark.parametrize("how", [EOFError, ConnectionResetError, ConnectionRefusedError, FileNotFoundError])
def test_nor_is_one_killed_while_its_batch_is_handed_over(
    how: type[Exception], arguments: Arguments, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end of the connection is gone, and the process not yet known to be."""

    def taken(*_: Any) -> Any:
        raise how

    taken.__module__, taken.__qualname__ = reductions.__name__, "rebuild_storage_fd"
    monkeypatch.setattr(reductions, "rebuild_storage_fd", taken)
    args = arguments(do_eval=False, dataloader_num_workers=1)
    assert run_task(args, Phases()) == COULD_NOT_RUN
    assert "error: a process that loads data was killed (when memory is short, the system does that" in (
        capsys.readouterr().err
    )


class Ended(Rows):
    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        if index == 7:
            raise EOFError("the archive ends here")
        return super().__getitem__(index)


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_data_set_raises_kills_nobody(workers: int, arguments: Arguments) -> None:
    with pytest.raises(EOFError, match="the archive ends here"):
        run_task(arguments(do_eval=False, dataloader_num_workers=workers), Phases(train_dataset=Ended()))
