"""`trainspec export --to slurm`: a script for sbatch. srun starts every process, which takes its rank from srun.

What a site has of its own (partition, account, time limit) is said to sbatch, whose words count more than the script's.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from trainspec.deployment.run import ConfigFile, Layers, Run, describe
from trainspec.deployment.world import World
from trainspec.settings.arguments import TrainingArguments

# Where variables cannot say the settings, their files are written before the processes start, one folder a job.
_FOLDER = "trainspec-settings-$SLURM_JOB_ID"
# What a run that SIGTERM ended says.
_TERMINATED = 143
# The signal before the time limit may come a minute early, and saving takes its time.
_EARLY_SECONDS = 120
# Below the ports that Linux gives to connections; two jobs on a node have numbers of their own.
_FIRST_PORT, _PORTS = 10_000, 20_000


def as_slurm(document: Mapping[str, Any], *, options: Mapping[str, str], layers: Layers = ()) -> str:
    """The script; `layers` are the files, by name, that are to be kept apart. Raises NotDeployable."""
    run = describe(document, {"nproc": "1", **options}, layers)
    workers = document.get("dataloader_num_workers") or 0
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH {line}" for line in _asked(run, workers)),
        *(f"# {note}" for note in _notes(run)),
        "",
        *_BEGIN,
        "",
        *_meeting(),
        "",
        *_settings(run),
        *_secrets(run),
        *_start(run, options.get("task", "digits")),
    ]
    return "\n".join(lines) + "\n"


def _asked(run: Run, workers: int) -> Iterator[str]:
    """What the job is given."""
    world = run.world or World()
    yield f"--job-name={run.name}"
    yield "--output=%x-%j.log"
    yield "--open-mode=append"
    yield f"--nodes={world.nodes}"
    yield f"--ntasks-per-node={world.nproc}"
    # One for the process, one for each that reads data for it.
    yield f"--cpus-per-task={1 + workers}"
    if run.gpus:
        yield f"--gpus-per-node={run.gpus}"
    yield f"--signal=TERM@{run.grace}"
    yield "--requeue" if run.restarts else "--no-requeue"


def _notes(run: Run) -> Iterator[str]:
    yield from run.notes
    yield "Say what your site asks for: sbatch --partition NAME --account NAME --time HH:MM:SS FILE"
    yield f"{run.grace} seconds before the time limit every process gets SIGTERM, so that the run ends in order."
    if run.output is not None:
        yield "The folder that it writes to must be the same on all nodes."
    if run.secrets:
        files = ", ".join(f"secrets/{name}" for name in run.secrets)
        yield f"Make the files of its secrets, readable for you alone: {files}; or name others by TRAINSPEC_..._FILE."


_BEGIN = (
    "set -euo pipefail",
    "# sbatch runs a copy of this script: paths are those of the folder that it was sent from.",
    'cd "${SLURM_SUBMIT_DIR:-.}"',
)


def _meeting() -> Iterator[str]:
    """Where all processes find the first one. A list of hosts that cannot be read ends the job."""
    yield "# All processes meet at the first node, at a port that is this job's."
    yield 'hosts=$(scontrol show hostnames "$SLURM_JOB_NODELIST")'
    yield "export MASTER_ADDR=${hosts%%$'\\n'*}"
    yield f"export MASTER_PORT=$(({_FIRST_PORT} + SLURM_JOB_ID % {_PORTS}))"
    yield ': "${MASTER_ADDR:?scontrol names no host}"'


def _settings(run: Run) -> Iterator[str]:
    for name, value in run.variables.items():
        yield f"export {name}={shlex.quote(value)}"
    if run.configs:
        yield f"settings={_FOLDER}"
        yield 'mkdir -p "$settings"'
        for one in run.configs:
            yield from _written(one)
        paths = ",".join(f"$settings/{one.name}" for one in run.configs)
        yield f'export {TrainingArguments.env_prefix}CONFIG="{paths}"'
    if run.variables or run.configs:
        yield ""


def _written(one: ConfigFile) -> Iterator[str]:
    """The file as it is: the quotes keep the shell from reading dollars in it, and no line of YAML is a bare word."""
    yield f"cat > \"$settings/{one.name}\" <<'END_OF_SETTINGS'"
    yield from one.text.removesuffix("\n").split("\n")
    yield "END_OF_SETTINGS"


def _secrets(run: Run) -> Iterator[str]:
    """A secret is a file that only its owner can read; where another one is named already, that."""
    for name, path in run.secret_files("$PWD/secrets").items():
        yield f'export {name}="${{{name}:-{path}}}"'
        yield f'[ -r "${name}" ] || {{ echo "error: ${name} cannot be read" >&2; exit 2; }}'
    if run.secrets:
        yield ""


def _start(run: Run, task: str) -> Iterator[str]:
    """srun, and what follows from how it ends."""
    if run.restarts:
        yield "# Started again, it goes on from the newest checkpoint, where there is one."
        yield "again=()"
        yield 'if [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ]; then again=(--resume-if-any); fi'
        yield ""
    words = f"trainspec train {shlex.quote(task)}" + (' ${again[@]+"${again[@]}"}' if run.restarts else "")
    yield "# Processes notice by themselves that one is gone; one that is done ends none that still writes."
    yield "code=0"
    yield 'srun --export=ALL --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --kill-on-bad-exit=0 --wait=0 \\'
    yield f"  {words} || code=$?"
    yield ""
    if run.restarts:
        yield from _again(run)
    yield 'exit "$code"'


def _again(run: Run) -> Iterator[str]:
    """SLURM itself starts a job again that had to make room, or whose node is gone, but none that came to its limit."""
    yield f"# SIGTERM ended it, close to its time limit: it is put into the queue again, up to {run.restarts} times."
    yield f"near=$((${{SLURM_JOB_END_TIME:-9999999999}} - {run.grace + _EARLY_SECONDS}))"
    code = run.settings.get("preemption_exit_code") or _TERMINATED
    yield f'if [ "$code" -eq {code} ] && [ "$(date +%s)" -ge "$near" ] \\'
    yield f'  && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {run.restarts} ]; then'
    yield '  scontrol requeue "$SLURM_JOB_ID"'
    yield "fi"
