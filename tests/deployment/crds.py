"""The shapes that the operators' own resources have, as far as an export fills them; anything else is refused.

Written from the fields that their API references document: PyTorchJob is kubeflow.org/v1 of the training operator (1.7
and newer), TrainJob trainer.kubeflow.org/v1alpha1 of Kubeflow Trainer (2.3 and newer). What is a pod in them is
validated as a Pod of Kubernetes.
"""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import kubernetes_validate

# RFC 1035, which both operators ask of a name.
NAME = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
# As far as it goes into the host name of a node, below 63 letters.
LONGEST = 63

_ENV = {
    "type": "array",
    "maxItems": 128,
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {"name": {"type": "string"}, "value": {"type": "string"}, "valueFrom": {"type": "object"}},
    },
}
_WORDS = {"type": "array", "maxItems": 128, "items": {"type": "string"}}


def _closed(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
    }


def _object(version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    name = {"type": "string", "pattern": NAME, "maxLength": LONGEST}
    labels = {"type": "object", "additionalProperties": {"type": "string", "maxLength": 63}}
    return _closed(
        ("apiVersion", "kind", "metadata", "spec"),
        apiVersion={"const": version},
        kind={"const": kind},
        metadata=_closed(("name",), name=name, labels=labels),
        spec=spec,
    )


_REPLICA = _closed(
    ("replicas", "template"),
    replicas={"type": "integer", "minimum": 1},
    restartPolicy={"enum": ["Always", "OnFailure", "Never", "ExitCode"]},
    template=_closed(("spec",), metadata={"type": "object"}, spec={"type": "object"}),
)
PYTORCH_JOB = _object(
    "kubeflow.org/v1",
    "PyTorchJob",
    _closed(
        ("pytorchReplicaSpecs",),
        nprocPerNode={"type": "string", "pattern": "^(auto|cpu|gpu|[1-9][0-9]*)$"},
        runPolicy=_closed(
            cleanPodPolicy={"enum": ["All", "Running", "None"]},
            backoffLimit={"type": "integer", "minimum": 0},
        ),
        pytorchReplicaSpecs=_closed(
            ("Master",),
            Master={**_REPLICA, "properties": {**_REPLICA["properties"], "replicas": {"const": 1}}},
            Worker=_REPLICA,
        ),
    ),
)

_CONTAINER_PATCH = _closed(
    ("name",), name={"const": "node"}, volumeMounts={"type": "array"}, securityContext={"type": "object"}
)
_POD_PATCH = _closed(
    terminationGracePeriodSeconds={"type": "integer", "minimum": 1},
    securityContext={"type": "object"},
    volumes={"type": "array"},
    containers={"type": "array", "items": _CONTAINER_PATCH},
)
_JOB_PATCH = _closed(
    ("name",), name={"const": "node"}, template=_closed(spec=_closed(template=_closed(spec=_POD_PATCH)))
)
_PATCH = _closed(
    ("manager",),
    manager={"type": "string", "minLength": 1, "maxLength": 253},
    trainingRuntimeSpec=_closed(template=_closed(spec=_closed(replicatedJobs={"type": "array", "items": _JOB_PATCH}))),
)
TRAIN_JOB = _object(
    "trainer.kubeflow.org/v1alpha1",
    "TrainJob",
    _closed(
        ("runtimeRef",),
        runtimeRef=_closed(("name",), name={"type": "string", "minLength": 1}),
        trainer=_closed(
            image={"type": "string", "maxLength": 500},
            command=_WORDS,
            args=_WORDS,
            env=_ENV,
            numNodes={"type": "integer", "minimum": 1},
            numProcPerNode={"type": "integer", "minimum": 1},
            resourcesPerNode=_closed(limits={"type": "object"}, requests={"type": "object"}),
        ),
        runtimePatches={"type": "array", "maxItems": 16, "items": _PATCH},
    ),
)
# Variables that the torch plugin of Trainer sets, and refuses from anybody else.
RESERVED = {"PET_NNODES", "PET_NPROC_PER_NODE", "PET_NODE_RANK", "PET_MASTER_ADDR", "PET_MASTER_PORT"}


def validate(manifest: dict[str, Any]) -> None:
    """Raise unless an object of an export is what its API takes."""
    if manifest["kind"] == "PyTorchJob":
        jsonschema.validate(manifest, PYTORCH_JOB)
        for replica in manifest["spec"]["pytorchReplicaSpecs"].values():
            _validate_pod(replica["template"]["spec"])
    elif manifest["kind"] == "TrainJob":
        jsonschema.validate(manifest, TRAIN_JOB)
        _validate_pod(pod_of_train_job(manifest))
        assert not {item["name"] for item in manifest["spec"]["trainer"]["env"]} & RESERVED
    else:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def _validate_pod(spec: dict[str, Any]) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": spec}
    kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)


def pod_of_train_job(manifest: dict[str, Any]) -> dict[str, Any]:
    """The pod of a node as Trainer makes it: the runtime's container `node`, what the trainer says, and the patch."""
    trainer = manifest["spec"]["trainer"]
    (patch,) = manifest["spec"]["runtimePatches"]
    (job,) = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    pod = dict(job["template"]["spec"]["template"]["spec"])
    (container,) = pod["containers"]
    own = {name: trainer[name] for name in ("image", "command", "args", "env")}
    return {**pod, "containers": [{**container, **own, "resources": trainer.get("resourcesPerNode", {})}]}


def pods(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The pods' specifications in an object that runs something: one for each kind of node."""
    if manifest["kind"] == "TrainJob":
        return [pod_of_train_job(manifest)]
    if manifest["kind"] == "PyTorchJob":
        return [replica["template"]["spec"] for replica in manifest["spec"]["pytorchReplicaSpecs"].values()]
    return [manifest["spec"]["template"]["spec"]]


def told(text: str) -> str:
    """What Kubernetes makes of the value of a variable: $$ is a dollar, and $(NAME) would be another variable."""
    assert "$(" not in text.replace("$$", ""), "Kubernetes would take this for a variable"
    return re.sub(r"\$\$", "$", text)
