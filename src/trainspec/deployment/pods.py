"""What Kubernetes starts on each node: a pod of one container, closed by default, and what is mounted in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainspec.deployment.run import USER, Run
from trainspec.settings.arguments import TrainingArguments

_SECRETS = "/run/secrets/trainspec"

Variables = Sequence[Mapping[str, Any]]

POD_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": USER,
    "runAsGroup": USER,
    "fsGroup": USER,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def head(run: Run, version: str, kind: str, suffix: str = "") -> dict[str, Any]:
    """How every object of a run begins."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": run.name + suffix, "labels": labels(run)}}


def labels(run: Run) -> dict[str, str]:
    return {"app.kubernetes.io/name": "trainspec", "app.kubernetes.io/instance": run.name}


def template(run: Run, launch: Variables = (), *, container: str = "trainspec", **more: Any) -> dict[str, Any]:
    """The template of a node's pod; `launch` are variables that say its place among the nodes, `more` keys of it."""
    volumes, mounts = volumes_of(run)
    pod = {
        **more,
        "terminationGracePeriodSeconds": run.patience,
        "automountServiceAccountToken": False,
        # Else the run is process 1, which SIGTERM does not reach before it has a handler for it.
        "shareProcessNamespace": True,
        "securityContext": POD_SECURITY,
        "containers": [_container(run, container, launch, mounts)],
        "volumes": volumes,
    }
    return {"metadata": {"labels": labels(run)}, "spec": pod}


def _container(run: Run, name: str, launch: Variables, mounts: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "image": run.image, "args": list(run.command)}
    if not run.configs:
        found["envFrom"] = [{"configMapRef": {"name": f"{run.name}-settings"}}]
    variables = [*launch, *plain(run.environment if run.configs else {}), *_secret_variables(run)]
    if variables:
        found["env"] = variables
    if run.gpus:
        found["resources"] = resources(run)
    return {**found, "securityContext": CONTAINER_SECURITY, "volumeMounts": mounts}


def plain(variables: Mapping[str, str]) -> list[dict[str, Any]]:
    """Variables with these values: in the text of an object $(NAME) is another variable, and $$ is a dollar."""
    return [{"name": name, "value": value.replace("$", "$$")} for name, value in variables.items()]


def resources(run: Run) -> dict[str, Any]:
    return {"limits": {"nvidia.com/gpu": str(run.gpus)}}


def launcher_variables(run: Run) -> list[dict[str, Any]]:
    """How long the launcher of a node's processes waits for them, which is less than the pod is waited for."""
    return plain({"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(run.grace)})


def secret_references(run: Run) -> list[dict[str, Any]]:
    """The secrets as variables whose values only the cluster knows."""
    prefix = TrainingArguments.env_prefix
    return [
        {
            "name": f"{prefix}{name.upper()}",
            "valueFrom": {"secretKeyRef": {"name": f"{run.name}-secrets", "key": name}},
        }
        for name in run.secrets
    ]


def _secret_variables(run: Run) -> list[dict[str, Any]]:
    """A launcher hands its variables on to each of its processes; one process by itself reads files."""
    return plain(run.secret_files(_SECRETS)) if run.world is None else secret_references(run)


def volumes_of(run: Run) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
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
    if run.secrets and run.world is None:
        volumes.append({"name": "secrets", "secret": {"secretName": f"{run.name}-secrets", "defaultMode": 0o440}})
        mounts.append({"name": "secrets", "mountPath": _SECRETS, "readOnly": True})
    return volumes, mounts
