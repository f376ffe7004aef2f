"""As much of SLURM as a script of ours meets: sbatch reads its lines, srun starts tasks, scontrol names hosts.

Variables are those that SLURM documents for a job and for a task of a step; RANK and WORLD_SIZE are none of them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

SRUN = """#!{python}
import os, subprocess, sys
words = sys.argv[1:]
options = []
while words and words[0].startswith("--"):
    options.append(words.pop(0))
with open(os.environ["STUB_LOG"], "a") as log:
    print("srun", *options, file=log)
nodes, each = int(os.environ["SLURM_JOB_NUM_NODES"]), int(os.environ["SLURM_NTASKS_PER_NODE"])
tasks = []
for rank in range(nodes * each):
    step = {{
        "SLURM_STEP_ID": "0", "SLURM_STEPID": "0", "SLURM_STEP_NUM_TASKS": str(nodes * each),
        "SLURM_STEP_NUM_NODES": str(nodes), "SLURM_STEP_NODELIST": os.environ["SLURM_JOB_NODELIST"],
        "SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank % each), "SLURM_NODEID": str(rank // each),
        "SLURM_TASK_PID": str(os.getpid()), "SLURM_LAUNCH_NODE_IPADDR": "127.0.0.1",
    }}
    tasks.append(subprocess.Popen(words, env={{**os.environ, **step}}))
sys.exit(max(code if code >= 0 else 128 - code for code in [task.wait() for task in tasks]))
"""
SCONTROL = """#!/bin/bash
echo scontrol "$@" >> "$STUB_LOG"
if [ "$1 $2" = "show hostnames" ]; then tr ',' '\\n' <<< "$3"; fi
"""


class Slurm:
    """A job of SLURM on this machine, submitted from a folder."""

    def __init__(self, folder: Path, hosts: str = "localhost") -> None:
        self.folder = folder
        self.hosts = hosts
        self.programs = folder / "bin"
        self.log = folder / "stub.log"
        self.programs.mkdir()
        self.program("srun", SRUN.format(python=sys.executable))
        self.program("scontrol", SCONTROL)

    def program(self, name: str, text: str) -> None:
        """Put a program where the job finds it first."""
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """What sbatch does when the job's turn has come; the script's exit code is the job's."""
        asked = dict(re.findall(r"^#SBATCH --([a-z-]+)=(\S+)$", script, flags=re.M))
        path = self.folder / "slurm_script"
        path.write_text(script)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRAINSPEC_", "SLURM_"))}
        nodes, each = asked["nodes"], asked["ntasks-per-node"]
        job = {
            "SLURM_JOB_ID": "123456",
            "SLURM_JOB_NODELIST": self.hosts,
            "SLURM_JOB_NUM_NODES": nodes,
            "SLURM_NTASKS": str(int(nodes) * int(each)),
            "SLURM_NTASKS_PER_NODE": each,
            "SLURM_CPUS_PER_TASK": asked["cpus-per-task"],
            "SLURM_SUBMIT_DIR": str(self.folder),
            # The batch script is a task of its own step.
            "SLURM_PROCID": "0",
            "SLURM_LOCALID": "0",
            "STUB_LOG": str(self.log),
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
        }
        return subprocess.run(
            ["bash", path], cwd="/", env={**kept, **job, **variables}, capture_output=True, text=True, timeout=200
        )

    def heard(self) -> list[str]:
        """What srun and scontrol were asked."""
        return self.log.read_text().splitlines()
