"""What an orchestrator makes of an export: the environment and the files that a container starts with."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import yaml

from trainspec import TrainingArguments
from trainspec.settings.diagnostics import SettingsWarning
from trainspec.settings.loading import load

TOKEN = "hf_canary9b3a"


class Manifests:
    """The objects of an export to Kubernetes, by kind."""

    def __init__(self, text: str) -> None:
        self.all: list[dict[str, Any]] = list(yaml.safe_load_all(text))
        self.by_kind = {item["kind"]: item for item in self.all}
        self.pod = self.by_kind["Job"]["spec"]["template"]["spec"]
        self.container = self.pod["containers"][0]

    def environment(self, files: Path) -> dict[str, str]:
        """The container's variables; files that they name stand in `files`."""
        data = self.by_kind["ConfigMap"]["data"]
        found = dict(data) if "envFrom" in self.container else {}
        found |= {item["name"]: item["value"] for item in self.container.get("env", [])}
        return _with_files(found, files, data.get("run.yaml"))


def of_service(text: str, files: Path) -> dict[str, str]:
    """The variables of the only service of a compose file, as compose hands them over."""
    composed = yaml.safe_load(text)
    (service,) = composed["services"].values()
    found = {name: _interpolated(value) for name, value in service.get("environment", {}).items()}
    config = composed["configs"]["settings"]["content"] if "configs" in composed else None
    return _with_files(found, files, _interpolated(config) if config is not None else None)


def _interpolated(text: str) -> str:
    assert "$" not in text.replace("$$", ""), "compose would take this for a variable"
    return text.replace("$$", "$")


def _with_files(variables: dict[str, str], files: Path, config: str | None) -> dict[str, str]:
    token, document = files / "token", files / "run.yaml"
    token.write_text(TOKEN)
    if config is not None:
        document.write_text(config)
    places = {"TRAINSPEC_CONFIG": document, "TRAINSPEC_HUB_TOKEN_FILE": token}
    return {name: str(places.get(name, value)) for name, value in variables.items()}


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
