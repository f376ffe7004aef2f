"""The script for sbatch with a real train command in it: two processes that srun started find each other and train."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tests.deployment.slurm_stub import Slurm

from trainspec.deployment.slurm import as_slurm

pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
TASK = '''
"""A task whose model says where it is trained, and with how many others."""
import json, os
import torch.distributed as dist
from tests.training.small_job import Line, Rows
from trainspec.tasks import TaskParts

class Telling(Line):
    def forward(self, *rows, **named):
        told = {"rank": dist.get_rank(), "of": dist.get_world_size(), "port": os.environ["MASTER_PORT"]}
        with open(f"rank-{os.environ['SLURM_PROCID']}.json", "w") as file:
            json.dump(told, file)
        return super().forward(*rows, **named)

def task(args):
    return TaskParts(Telling(), train_dataset=Rows())
'''
DOCUMENT = {
    "output_dir": "out",
    "use_cpu": True,
    "max_steps": 2,
    "per_device_train_batch_size": 2,
    "report_to": ["none"],
    "save_strategy": "no",
    "disable_tqdm": True,
}


def test_two_processes_have_the_ranks_that_srun_gave_them(tmp_path: Path) -> None:
    slurm = Slurm(tmp_path)
    slurm.program("trainspec", f'#!/bin/bash\nexec {sys.executable} -m trainspec "$@"\n')
    (tmp_path / "telling.py").write_text(TASK)
    script = as_slurm(DOCUMENT, options={"nproc": "2", "task": "telling:task"})
    done = slurm.run(script, PYTHONPATH=f"{ROOT / 'src'}:{ROOT}", OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    told = [json.loads((tmp_path / f"rank-{rank}.json").read_text()) for rank in (0, 1)]
    assert told == [{"rank": rank, "of": 2, "port": "13456"} for rank in (0, 1)]
    assert done.stderr.count("training begins") + done.stdout.count("training begins") == 1, "the first process speaks"
    assert (tmp_path / "out" / "model.safetensors").is_file()
