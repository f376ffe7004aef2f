"""The jobs of Kubeflow: a PyTorchJob of its training operator, a TrainJob of its Trainer v2.

Both operators tell each pod its place among the nodes by the variables that torch's launcher reads (PET_NNODES,
PET_NODE_RANK, PET_MASTER_ADDR, ...), so an export names none of them; a TrainJob may not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trainspec.deployment.pods import (
    CONTAINER_SECURITY,
    POD_SECURITY,
    head,
    launcher_variables,
    plain,
    resources,
    secret_references,
    template,
    volumes_of,
)
from trainspec.deployment.run import Run
from trainspec.deployment.world import World

# The operator looks for a container of this name.
_PYTORCH = "pytorch"
# What the runtime torch-distributed calls its job, and the container in it.
_NODE = "node"
_RUNTIME = "torch-distributed"
_MANAGER = "trainspec.export/job"


def training_notes(kind: str) -> Iterator[str]:
    """What whoever applies one of these kinds should know."""
    if kind == "pytorchjob":
        yield "It needs Kubeflow's training operator, 1.7 or newer."
    if kind == "trainjob":
        yield f"It needs Kubeflow Trainer 2.3 or newer, with its runtime {_RUNTIME}; how often a node that failed is"
        yield "started again is said by that runtime."


def pytorch_job(run: Run) -> dict[str, Any]:
    """A PyTorchJob: the first node is its master. Containers that fail are started again where they are."""
    world = run.world or World()
    node = {
        "restartPolicy": "OnFailure",
        "template": template(run, launcher_variables(run), container=_PYTORCH),
    }
    replicas = {"Master": {"replicas": 1, **node}}
    if world.nodes > 1:
        replicas["Worker"] = {"replicas": world.nodes - 1, **node}
    spec = {
        "nprocPerNode": str(world.nproc),
        # What still runs when the master is done holds nothing but its devices.
        "runPolicy": {"cleanPodPolicy": "Running", "backoffLimit": run.restarts * world.nodes},
        "pytorchReplicaSpecs": replicas,
    }
    return {**head(run, "kubeflow.org/v1", "PyTorchJob"), "spec": spec}


def train_job(run: Run) -> dict[str, Any]:
    """A TrainJob over the runtime for torch: the trainer's own part, and a patch for what only a pod can say."""
    world = run.world or World()
    variables = [*launcher_variables(run), *plain(run.environment), *secret_references(run)]
    trainer: dict[str, Any] = {
        "image": run.image,
        # The runtime has a command of its own.
        "command": ["trainspec"],
        "args": list(run.command),
        "env": variables,
        "numNodes": world.nodes,
        "numProcPerNode": world.nproc,
    }
    if run.gpus:
        trainer["resourcesPerNode"] = resources(run)
    spec = {"runtimeRef": {"name": _RUNTIME}, "trainer": trainer, "runtimePatches": [_patch(run)]}
    return {**head(run, "trainer.kubeflow.org/v1alpha1", "TrainJob"), "spec": spec}


def _patch(run: Run) -> dict[str, Any]:
    volumes, mounts = volumes_of(run)
    pod = {
        "terminationGracePeriodSeconds": run.patience,
        "securityContext": POD_SECURITY,
        "volumes": volumes,
        "containers": [{"name": _NODE, "volumeMounts": mounts, "securityContext": CONTAINER_SECURITY}],
    }
    job = {"name": _NODE, "template": {"spec": {"template": {"spec": pod}}}}
    return {"manager": _MANAGER, "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": [job]}}}}
