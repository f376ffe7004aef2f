"""A process under an engine that is killed while a child of it lives: DeepSpeed opens groups of its own, of which the
child must hold no end, or the others would wait for the whole of ddp_timeout.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("deepspeed")

from tests.training.parallel.deepspeed_engine import jobs
from tests.training.parallel.deepspeed_engine.server import run_to_the_end
from tests.training.small_job import Line, Rows

from trainspec import TrainerCallback
from trainspec.training.trainer import Trainer

LIVES = 60


class Killed(TrainerCallback):
    """Before the second update the last process leaves a child behind, and is killed."""

    def __init__(self, out: str) -> None:
        self._out = out

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step != 1 or args.process_index != args.world_size - 1:
            return
        child = os.fork()
        if child == 0:
            until = time.monotonic() + LIVES
            while time.monotonic() < until and not Path(self._out).exists():
                time.sleep(0.1)
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)


def killed(output: str, out: str, stage: int) -> None:
    args = jobs.made(output, deepspeed={"zero_optimization": {"stage": stage}}, eval_strategy="no").args
    trainer = Trainer(Line(), args, train_dataset=Rows(jobs.TRAINED), callbacks=[Killed(out)])
    began = time.monotonic()
    try:
        trainer.train()
    except BaseException as error:
        Path(out).write_text(f"{trainer.state.global_step}\n{time.monotonic() - began}\n{error}")
        raise


@pytest.mark.parametrize("stage", [2, pytest.param(3, marks=pytest.mark.long_distributed)])
def test_the_others_notice_at_once(stage: int, tmp_path: Path) -> None:
    out = tmp_path / "said"
    codes = run_to_the_end(2, killed, str(tmp_path), str(out), stage)
    assert codes[1] == -signal.SIGKILL and codes[0] is not None
    steps, seconds, said = out.read_text().split("\n", 2)
    assert steps == "1" and float(seconds) < LIVES / 2 and "rank 1" in said
