"""What an orchestrator makes of an export: the environment and the files that a container starts with."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import yaml
from tests.deployment.crds import pods, told

from trainspec import TrainingArguments
from trainspec.settings.diagnostics import SettingsWarning
from trainspec.settings.loading import load

TOKEN = "hf_canary9b3a"


class Manifests:
    """The objects of an export to Kubernetes, by kind."""

    def __init__(self, text: str) -> None:
        self.all: list[dict[str, Any]] = list(yaml.safe_load_all(text))
        self.by_kind = {item["kind"]: item for item in self.all}
        runs = next(item for item in self.all if item["kind"] in ("Job", "PyTorchJob", "TrainJob"))
        self.pod = pods(runs)[0]
        self.container = self.pod["containers"][0]

    def environment(self, files: Path) -> dict[str, str]:
        """The container's variables; files that they name stand in `files`."""
        maps = {item["metadata"]["name"]: item["data"] for item in self.all if item["kind"] == "ConfigMap"}
        found = dict(*maps.values()) if "envFrom" in self.container else {}
        for item in self.container.get("env", []):
            found[item["name"]] = told(item["value"]) if "value" in item else TOKEN
        volumes = {item["name"]: item["configMap"]["name"] for item in self.pod["volumes"] if "configMap" in item}
        mounts = [item for item in self.container["volumeMounts"] if item["name"] in volumes]
        texts = {item["mountPath"]: maps[volumes[item["name"]]][item["subPath"]] for item in mounts}
        return _with_files(found, files, texts)


def of_service(text: str, files: Path) -> dict[str, str]:
    """The variables of the only service of a compose file, as compose hands them over."""
    composed = yaml.safe_load(text)
    (service,) = composed["services"].values()
    found = {name: _interpolated(value) for name, value in service.get("environment", {}).items()}
    mounts = service.get("configs", [])
    texts = {item["target"]: _interpolated(composed["configs"][item["source"]]["content"]) for item in mounts}
    return _with_files(found, files, texts)


def _interpolated(text: str) -> str:
    assert "$" not in text.replace("$$", ""), "compose would take this for a variable"
    return text.replace("$$", "$")


def _with_files(variables: dict[str, str], files: Path, texts: dict[str, str]) -> dict[str, str]:
    """The variables as they are where the root of the container is the folder `files`; `texts` are what is mounted."""
    token = files / "token"
    token.write_text(TOKEN)
    for path, text in texts.items():
        place = files / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    found = dict(variables)
    if "TRAINSPEC_CONFIG" in found:
        found["TRAINSPEC_CONFIG"] = ",".join(f"{files}{path}" for path in found["TRAINSPEC_CONFIG"].split(","))
    return found | ({"TRAINSPEC_HUB_TOKEN_FILE": str(token)} if "TRAINSPEC_HUB_TOKEN_FILE" in found else {})


def settings_in(environment: dict[str, str]) -> TrainingArguments:
    """The settings that a process with this environment has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SettingsWarning)
        return load(TrainingArguments, environ=environment)


def settings_of(document: dict[str, Any]) -> TrainingArguments:
    """The settings that a document says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SettingsWarning)
        return TrainingArguments.from_dict(document)
