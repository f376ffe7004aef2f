"""`trainspec export --to k8s`: ConfigMaps with the settings, a Secret to fill in, a claim for the output, what runs.

That is a Job, with an index and a service where it has several nodes, or a job of Kubeflow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trainspec.deployment import NotDeployable
from trainspec.deployment.kubeflow import pytorch_job, train_job, training_notes
from trainspec.deployment.pods import head, labels, launcher_variables, plain, template
from trainspec.deployment.run import Layers, Run, describe, mounted_notes
from trainspec.deployment.yaml_text import write_yaml

# A finding in the settings does not go away by trying again.
_FINDINGS = 1
_PORT = 29500
_INDEX = "metadata.annotations['batch.kubernetes.io/job-completion-index']"


def as_k8s(document: Mapping[str, Any], *, options: Mapping[str, str], layers: Layers = ()) -> str:
    """The manifests as one YAML stream; `layers` are the files, by name, to be kept apart. Raises NotDeployable."""
    kind = options.get("kind", "job")
    if kind not in KINDS:
        raise NotDeployable(f"--kind takes {' or '.join(KINDS)}", "CLI103")
    run = describe(document, options, layers)
    manifests = _settings(run, kind)
    if run.secrets:
        manifests.append(_secret(run))
    if run.output is not None:
        manifests.append(_claim(run))
    manifests += KINDS[kind](run)
    return "".join(f"# {note}\n" for note in _notes(run, kind)) + write_yaml(manifests)


def _notes(run: Run, kind: str) -> Iterator[str]:
    yield from run.notes
    yield from mounted_notes(run.configs)
    if run.secrets:
        yield f"Fill in the Secret, or make it by hand and delete it here: {', '.join(run.secrets)}."
    if run.nodes > 1 and run.output is not None:
        yield f"All nodes write below {run.output}: the claim needs a storage class with ReadWriteMany."
    yield from training_notes(kind)


def _settings(run: Run, kind: str) -> list[dict[str, Any]]:
    """The settings as what a pod can read; a TrainJob says variables itself: it has no place to name a map of them."""
    if not run.configs:
        named = {**head(run, "v1", "ConfigMap", "-settings"), "data": run.variables}
        return [] if kind == "trainjob" else [named]
    return [
        {**head(run, "v1", "ConfigMap", f"-settings{one.suffix}"), "data": {one.name: one.text}} for one in run.configs
    ]


def _secret(run: Run) -> dict[str, Any]:
    values = {name: f"REPLACE_WITH_{name.upper()}" for name in run.secrets}
    return {**head(run, "v1", "Secret", "-secrets"), "type": "Opaque", "stringData": values}


def _claim(run: Run) -> dict[str, Any]:
    mode = "ReadWriteMany" if run.nodes > 1 else "ReadWriteOnce"
    spec = {"accessModes": [mode], "resources": {"requests": {"storage": "10Gi"}}}
    return {**head(run, "v1", "PersistentVolumeClaim", "-output"), "spec": spec}


def _job(run: Run) -> list[dict[str, Any]]:
    """A Job; of several nodes the pods have numbers, and names by which the first of them is found."""
    among = {"subdomain": run.name} if run.nodes > 1 else {}
    spec = {
        # When one node fails, the others lose it and fail with it: they are counted together.
        "backoffLimit": run.restarts * run.nodes,
        "podFailurePolicy": {"rules": _failure_rules()},
        "template": template(run, _launch(run), restartPolicy="Never", **among),
    }
    if run.nodes == 1:
        return [{**head(run, "batch/v1", "Job"), "spec": spec}]
    numbered = {"completionMode": "Indexed", "completions": run.nodes, "parallelism": run.nodes}
    return [_service(run), {**head(run, "batch/v1", "Job"), "spec": {**numbered, **spec}}]


def _launch(run: Run) -> list[dict[str, Any]]:
    """Which node a pod is, and where the first one is, under the names that torch's launcher reads."""
    if run.world is None:
        return []
    if run.nodes == 1:
        return launcher_variables(run)
    return [
        *plain({"PET_NNODES": str(run.nodes), "PET_NPROC_PER_NODE": str(run.world.nproc)}),
        {"name": "PET_NODE_RANK", "valueFrom": {"fieldRef": {"fieldPath": _INDEX}}},
        *plain({"PET_MASTER_ADDR": f"{run.name}-0.{run.name}", "PET_MASTER_PORT": str(_PORT)}),
        *launcher_variables(run),
    ]


def _service(run: Run) -> dict[str, Any]:
    """Names for the pods. They look for one another before they are ready."""
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": labels(run),
        "ports": [{"name": "rendezvous", "port": _PORT}],
    }
    return {**head(run, "v1", "Service"), "spec": spec}


def _failure_rules() -> list[dict[str, Any]]:
    """An evicted pod is no failure of the run; findings fail the Job at once."""
    return [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {
            "action": "FailJob",
            "onExitCodes": {"containerName": "trainspec", "operator": "In", "values": [_FINDINGS]},
        },
    ]


KINDS: dict[str, Callable[[Run], list[dict[str, Any]]]] = {
    "job": _job,
    "pytorchjob": lambda run: [pytorch_job(run)],
    "trainjob": lambda run: [train_job(run)],
}
