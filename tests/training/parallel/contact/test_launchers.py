"""Launchers that are not ours, as people run them: the real torchrun, for the command and for a script with a Trainer
in it, and processes with the variables of mpirun.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.training.parallel.contact.launching import ROOT, free_port

pytestmark = pytest.mark.long_distributed

QUIET = ["--use_cpu", "--report_to", "none", "--disable_tqdm", "--save_strategy", "no", "--max_steps", "4"]
TASK = "tests.training.command.breaking:task"
SCRIPT = """
import sys
from tests.training.small_job import Line, Rows
from trainspec import TrainerCallback, TrainingArguments, load
from trainspec.training.trainer import Trainer

class Breaks(TrainerCallback):
    def on_step_end(self, args, state, control, **_):
        if args.process_index == 1 and state.global_step == 2:
            raise ZeroDivisionError("mine")

words = [word for word in sys.argv[1:] if word != "breaks"]
args = load(argv=words)
callbacks = [Breaks()] if "breaks" in sys.argv else []
trainer = Trainer(Line(), args, train_dataset=Rows(), callbacks=callbacks)
trainer.train()
trainer.save_model()
print(f"rank {args.process_index} of {args.world_size} made {trainer.state.global_step} updates", flush=True)
"""


def environ(**more: str) -> dict[str, str]:
    path = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    return {**os.environ, **path, **more}


def under_torchrun(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port"]
    command = [*torchrun, str(free_port()), *words, *QUIET, "--output_dir", str(folder / "out")]
    return subprocess.run(command, cwd=folder, env=environ(), capture_output=True, text=True, timeout=200, check=False)


def test_the_command(tmp_path: Path) -> None:
    done = under_torchrun(tmp_path, "-m", "trainspec", "train", TASK)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("updates") == 1 and "4 in 1 epoch" in done.stdout
    assert done.stderr.count("2 processes; 16 rows an update") == 1
    assert (tmp_path / "out" / "model.safetensors").is_file()


def test_a_script_with_a_trainer(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = under_torchrun(tmp_path, str(script))
    assert done.returncode == 0, done.stderr
    assert sorted(line for line in done.stdout.splitlines() if line.startswith("rank")) == [
        f"rank {rank} of 2 made 4 updates" for rank in (0, 1)
    ]
    assert (tmp_path / "out" / "model.safetensors").is_file()


def test_an_error_of_one_process_of_a_script_is_in_torchruns_summary_with_its_rank(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = under_torchrun(tmp_path, str(script), "breaks")
    assert done.returncode == 1
    summary = done.stderr[done.stderr.index("Root Cause") :]
    assert "(local_rank: 1)" in summary and "ZeroDivisionError: mine" in summary
    assert "updates" not in done.stdout


def test_processes_of_mpirun(tmp_path: Path) -> None:
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    command = [sys.executable, "-m", "trainspec", "train", TASK, *QUIET, "--output_dir", str(tmp_path / "out")]
    running = []
    for rank in "01":
        place = {"RANK": rank, "SIZE": "2", "LOCAL_RANK": rank, "LOCAL_SIZE": "2"}
        told = {f"OMPI_COMM_WORLD_{name}": value for name, value in place.items()}
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        running.append(subprocess.Popen(command, cwd=ROOT, env=environ(**told, **meeting), text=True, **streams))
    try:
        (first, said), (other, _) = [process.communicate(timeout=200) for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [0, 0], said
    assert "4 in 1 epoch" in first and other == "" and "2 processes; 16 rows an update" in said
