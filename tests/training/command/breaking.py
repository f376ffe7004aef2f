"""A task of which one process does something that it should not, in one of its updates of its first life."""

import os
import signal
import sys
import time
from pathlib import Path

import torch
from pydantic import BaseModel
from torch.utils.data import TensorDataset

from trainspec.tasks import TaskParts


class Breaking(BaseModel):
    what: str = ""
    at: int = 3
    rank: int = 1
    seconds: float = 0.0
    # A file that the process of rank 0 makes when its first update begins.
    begun: str = ""


class Line(torch.nn.Module):
    def __init__(self, how: Breaking) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.how = how
        self.passes = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.passes += 1
        rank, first = int(os.environ.get("RANK", "0")), os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0"
        if self.how.begun and self.passes == 1 and rank == 0:
            Path(self.how.begun).touch()
        if first and rank == self.how.rank and self.passes == self.how.at:
            self._break()
        time.sleep(self.how.seconds)
        loss: torch.Tensor = self.layer(x).square().mean()
        return loss

    def _break(self) -> None:
        match self.how.what:
            case "raise":
                raise ZeroDivisionError("mine")
            case "sleep":
                time.sleep(60)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "leave":
                sys.exit(0)
            case "exit":
                os._exit(7)
            case "orphan":
                os.kill(os.getppid(), signal.SIGKILL)
                os._exit(7)
            case "terminate":
                os.kill(os.getpid(), signal.SIGTERM)
            case "hang_up":
                os.kill(os.getpid(), signal.SIGHUP)


def task(args: object, how: Breaking) -> TaskParts:
    if how.what == "lack" and int(os.environ.get("RANK", "0")) == how.rank:
        raise FileNotFoundError("rows.bin")
    return TaskParts(Line(how), TensorDataset(torch.linspace(-1, 1, 64).reshape(64, 1)))
