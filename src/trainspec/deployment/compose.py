"""`trainspec export --to compose`: one service, its settings as variables, its secrets as files to be made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainspec.deployment import NotDeployable
from trainspec.deployment.run import USER, WORK, Layers, Run, describe, mounted_notes
from trainspec.deployment.yaml_text import write_yaml

_SECRETS = "/run/secrets"


def as_compose(document: Mapping[str, Any], *, options: Mapping[str, str], layers: Layers = ()) -> str:
    """The compose file; `layers` are the files, by name, that are to be kept apart. Raises NotDeployable."""
    run = describe(document, options, layers)
    if run.nodes > 1:
        raise NotDeployable("compose starts processes on one node only", "CLI125", "choose k8s, slurm or ray")
    found: dict[str, Any] = {"services": {run.name: _service(run)}}
    if run.configs:
        found["configs"] = {f"settings{one.suffix}": {"content": _escaped(one.text)} for one in run.configs}
    if run.secrets:
        found["secrets"] = {name: {"file": f"./secrets/{name}"} for name in run.secrets}
    if run.output is not None:
        found["volumes"] = {"output": {}}
    return "".join(f"# {note}\n" for note in _notes(run)) + write_yaml([found])


def _notes(run: Run) -> list[str]:
    notes = [*run.notes, *mounted_notes(run.configs)]
    if run.secrets:
        files = ", ".join(f"secrets/{name}" for name in run.secrets)
        notes.append(f"Make the files of its secrets, readable for user {USER}: {files}.")
    if run.output not in (None, WORK):
        notes.append(f"The volume at {run.output} must be writable for user {USER}.")
    return notes


def _service(run: Run) -> dict[str, Any]:
    service: dict[str, Any] = {"image": run.image, "command": list(run.command)}
    variables = {**run.environment, **run.secret_files(_SECRETS)}
    if variables:
        service["environment"] = {name: _escaped(value) for name, value in variables.items()}
    if run.configs:
        service["configs"] = [{"source": f"settings{one.suffix}", "target": one.path} for one in run.configs]
    if run.secrets:
        service["secrets"] = list(run.secrets)
    service |= {
        "init": True,
        "restart": "no",
        "stop_signal": "SIGTERM",
        "stop_grace_period": f"{run.patience}s",
        "read_only": True,
        "tmpfs": ["/tmp"],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }
    if run.shared_memory:
        service["shm_size"] = "1gb"
    if run.output is not None:
        service["volumes"] = [{"type": "volume", "source": "output", "target": run.output}]
    if run.gpus:
        device = {"driver": "nvidia", "count": run.gpus, "capabilities": ["gpu"]}
        service["deploy"] = {"resources": {"reservations": {"devices": [device]}}}
    return service


def _escaped(text: str) -> str:
    """Compose replaces $NAME in every value; $$ is a dollar."""
    return text.replace("$", "$$")
