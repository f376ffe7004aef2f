"""`trainspec export --to k8s`: ConfigMaps with the settings, a Secret to fill in, a claim for the output, a Job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainspec.deployment.run import GRACE_SECONDS, USER, Layers, Run, describe
from trainspec.deployment.yaml_text import write_yaml

_SECRETS = "/run/secrets/trainspec"
# A finding in the settings does not go away by trying again; storage that could not be reached may be back.
_FINDINGS = 1
_TRIES_AGAIN = 3


def as_k8s(document: Mapping[str, Any], *, options: Mapping[str, str], layers: Layers = ()) -> str:
    """The manifests as one YAML stream; `layers` are the files, by name, to be kept apart. Raises NotDeployable."""
    run = describe(document, options, layers)
    manifests = _config_maps(run)
    if run.secrets:
        manifests.append(_secret(run))
    if run.output is not None:
        manifests.append(_claim(run))
    return "".join(f"# {note}\n" for note in _notes(run)) + write_yaml([*manifests, _job(run)])


def _notes(run: Run) -> list[str]:
    notes = list(run.notes)
    if run.secrets:
        notes.append(f"Fill in the Secret, or make it by hand and delete it here: {', '.join(run.secrets)}.")
    return notes


def _head(run: Run, version: str, kind: str, suffix: str = "") -> dict[str, Any]:
    metadata = {"name": run.name + suffix, "labels": _labels(run)}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _labels(run: Run) -> dict[str, str]:
    return {"app.kubernetes.io/name": "trainspec", "app.kubernetes.io/instance": run.name}


def _config_maps(run: Run) -> list[dict[str, Any]]:
    if not run.configs:
        return [{**_head(run, "v1", "ConfigMap", "-settings"), "data": run.variables}]
    return [
        {**_head(run, "v1", "ConfigMap", f"-settings{one.suffix}"), "data": {one.name: one.text}} for one in run.configs
    ]


def _secret(run: Run) -> dict[str, Any]:
    values = {name: f"REPLACE_WITH_{name.upper()}" for name in run.secrets}
    return {**_head(run, "v1", "Secret", "-secrets"), "type": "Opaque", "stringData": values}


def _claim(run: Run) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    return {**_head(run, "v1", "PersistentVolumeClaim", "-output"), "spec": spec}


def _job(run: Run) -> dict[str, Any]:
    volumes, mounts = _volumes(run)
    pod = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "automountServiceAccountToken": False,
        # Else the run is process 1, which SIGTERM does not reach before it has a handler for it.
        "shareProcessNamespace": True,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(run, mounts)],
        "volumes": volumes,
    }
    spec = {
        "backoffLimit": _TRIES_AGAIN,
        "podFailurePolicy": {"rules": _failure_rules(run)},
        "template": {"metadata": {"labels": _labels(run)}, "spec": pod},
    }
    return {**_head(run, "batch/v1", "Job"), "spec": spec}


def _failure_rules(run: Run) -> list[dict[str, Any]]:
    """An evicted pod is no failure of the run; findings fail the Job at once."""
    return [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {
            "action": "FailJob",
            "onExitCodes": {"containerName": "trainspec", "operator": "In", "values": [_FINDINGS]},
        },
    ]


def _container(run: Run, mounts: list[dict[str, Any]]) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "trainspec", "image": run.image, "args": list(run.command)}
    if not run.configs:
        container["envFrom"] = [{"configMapRef": {"name": f"{run.name}-settings"}}]
    own = {**(run.environment if run.configs else {}), **run.secret_files(_SECRETS)}
    if own:
        container["env"] = [{"name": name, "value": value} for name, value in own.items()]
    if run.gpus:
        container["resources"] = {"limits": {"nvidia.com/gpu": str(run.gpus)}}
    container["securityContext"] = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    return {**container, "volumeMounts": mounts}


def _volumes(run: Run) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What is mounted, and where."""
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {}}]
    mounts: list[dict[str, Any]] = [{"name": "tmp", "mountPath": "/tmp"}]
    if run.output is not None:
        volumes.append({"name": "output", "persistentVolumeClaim": {"claimName": f"{run.name}-output"}})
        mounts.append({"name": "output", "mountPath": run.output})
    if run.shared_memory:
        volumes.append({"name": "shared-memory", "emptyDir": {"medium": "Memory"}})
        mounts.append({"name": "shared-memory", "mountPath": "/dev/shm"})
    for one in run.configs:
        volume = f"settings{one.suffix}"
        volumes.append({"name": volume, "configMap": {"name": f"{run.name}-{volume}"}})
        mounts.append({"name": volume, "mountPath": one.path, "subPath": one.name, "readOnly": True})
    if run.secrets:
        volumes.append({"name": "secrets", "secret": {"secretName": f"{run.name}-secrets", "defaultMode": 0o440}})
        mounts.append({"name": "secrets", "mountPath": _SECRETS, "readOnly": True})
    return volumes, mounts
