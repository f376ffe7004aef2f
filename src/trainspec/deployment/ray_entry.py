"""`trainspec export --to ray`: a Python file that trains the task with Ray Train, one worker a process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trainspec.deployment.run import Layers, Run, describe
from trainspec.deployment.world import World

_SECRETS = "/run/secrets/trainspec"

# As ddp_timeout is where nobody says it.
_TIMEOUT = 1800

_ENTRY = '''\
"""Trains a task of trainspec with Ray Train: python FILE, where trainspec[train] and ray[train] are installed."""

{notes}

from __future__ import annotations

import os

from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer

from trainspec.cli.ray_train import train_worker

TASK = {task}
# The settings, as JSON.
SETTINGS = r"""
{settings}
"""
# Each secret by the variable that names its file, for nodes that set no other.
SECRET_FILES: dict[str, str] = {secrets}


def main() -> dict[str, float]:
    """Train, and return the last of each number in the run's log."""
    trainer = TorchTrainer(
        train_worker,
        train_loop_config={{
            "task": TASK,
            "settings": SETTINGS,
            "secret_files": SECRET_FILES,
            # Paths of the settings are seen from where this file was started.
            "folder": os.getcwd(),
        }},
        scaling_config=ScalingConfig(
            num_workers={workers},
            use_gpu={use_gpu},
            resources_per_worker={resources},
            placement_strategy={placement},
        ),
        torch_config=TorchConfig(backend={backend}, timeout_s={timeout}),
        run_config=RunConfig(name={name}, failure_config=FailureConfig(max_failures={restarts})),
    )
    return trainer.fit().return_value


if __name__ == "__main__":
    print(main())
'''


def as_ray(document: Mapping[str, Any], *, options: Mapping[str, str], layers: Layers = ()) -> str:
    """The entry; `layers`, of which the document was merged, are one in it. Raises NotDeployable."""
    run = describe(document, {"nproc": "1", "as": "file", **options})
    world = run.world or World()
    backend = document.get("ddp_backend")
    readers = document.get("dataloader_num_workers") or 0
    return _ENTRY.format(
        notes="\n".join(f"# {note}" for note in _notes(run)),
        task=_literal(options.get("task", "digits")),
        settings=json.dumps(run.settings, indent=2),
        secrets=json.dumps(run.secret_files(_SECRETS), indent=4),
        workers=world.size,
        use_gpu=run.gpus > 0,
        # One core for the process, one for each that reads data for it.
        resources=json.dumps({"CPU": 1 + readers, **({"GPU": 1} if run.gpus else {})}),
        placement=_literal("SPREAD" if world.nproc == 1 and world.nodes > 1 else "PACK"),
        backend=_literal(str(backend)) if backend else None,
        timeout=int(document.get("ddp_timeout") or _TIMEOUT),
        name=_literal(run.name),
        restarts=run.restarts,
    )


def _notes(run: Run) -> list[str]:
    notes = list(run.notes)
    notes.append("Ray finds nodes with room for the workers; a cluster that it starts itself is this machine.")
    if run.output is not None:
        notes.append("The folder that it writes to must be the same on all nodes.")
    if run.secrets:
        notes.append(f"Its secrets are files on each node: {', '.join(run.secrets)}.")
    return notes


def _literal(text: str) -> str:
    """As Python writes it with the quotes that formatters choose; in ASCII, whatever the file's encoding."""
    return json.dumps(text)
