"""What an orchestrator must know of a run: its settings without secrets, which secrets it needs, where it writes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trainspec.deployment import NotDeployable
from trainspec.deployment.variables import as_variables
from trainspec.deployment.yaml_text import write_yaml
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.sources.variables import TASK
from trainspec.text.redaction import is_secret_name, redact_whole_url

# As the Dockerfile has them.
USER = 10001
WORK = "/work"
CONFIG = "/etc/trainspec/run.yaml"
# How long a run gets between SIGTERM and SIGKILL: enough to finish the write of a file and to say goodbye.
GRACE_SECONDS = 60

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,50}[a-z0-9])?")
_COUNT = re.compile(r"[1-9][0-9]{0,3}")


@dataclass(frozen=True, slots=True)
class Run:
    """A run as an orchestrator sees it. Its settings are variables or, where those cannot say them, a file."""

    name: str
    image: str
    command: tuple[str, ...]
    gpus: int
    variables: dict[str, str]
    config: str | None
    secrets: tuple[str, ...]
    output: str | None
    shared_memory: bool
    notes: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that are the same whoever deploys: all but those that name a secret's file."""
        prefix = TrainingArguments.env_prefix
        return {**self.variables, **({f"{prefix}CONFIG": CONFIG} if self.config is not None else {})}

    def secret_files(self, folder: str) -> dict[str, str]:
        """The variables that name the files of secrets mounted in `folder`."""
        prefix = TrainingArguments.env_prefix
        return {f"{prefix}{name.upper()}_FILE": f"{folder}/{name}" for name in self.secrets}


def describe(document: Mapping[str, Any], options: Mapping[str, str]) -> Run:
    """The run that a document of settings, as plain values under today's names, describes. Raises NotDeployable."""
    settings, secrets = _without_secrets(document)
    variables = as_variables(settings) if options.get("as", "variables") == "variables" else None
    config = write_yaml([settings]) if variables is None else None
    task = options.get("task")
    return Run(
        name=_checked(_NAME, "name", options.get("name", "trainspec"), "lower-case letters, digits and dashes"),
        image=options.get("image", "trainspec:latest"),
        command=("train", task) if task else ("train", "digits"),
        gpus=int(_checked(_COUNT, "gpus", options["gpus"], "a whole number >= 1")) if "gpus" in options else 0,
        variables=variables or {},
        config=config,
        secrets=secrets,
        output=_output(settings.get("output_dir")),
        shared_memory=bool(settings.get("dataloader_num_workers")),
        notes=tuple(_notes(settings, task, config)),
    )


def _checked(pattern: re.Pattern[str], option: str, text: str, expected: str) -> str:
    if pattern.fullmatch(text) is None:
        raise NotDeployable(f"--{option} takes {expected}")
    return text


def _without_secrets(document: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The document without its secrets, and the names under which they are mounted."""
    known = TrainingArguments.secret_fields()
    secrets = {name for name in known if document.get(name)}
    if document.get("push_to_hub"):
        secrets.add("hub_token")
    settings = {name: value for name, value in document.items() if name not in known}
    section = settings.get(TASK)
    if isinstance(section, Mapping):
        secrets |= {f"{TASK}__{name}" for name in section if is_secret_name(name)}
        settings[TASK] = {name: value for name, value in section.items() if not is_secret_name(name)}
    for name, value in settings.items():
        if any(is_secret_name(key) or redact_whole_url(text) != text for key, text in _texts(name, value)):
            raise NotDeployable(f"{name} holds what looks like a credential; take it out, and mount it as a secret")
    return settings, tuple(sorted(secrets))


def _texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text in a value, with the key that it stands under."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(str(key), item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(name, item)
    elif isinstance(value, str):
        yield name, value


def _output(output_dir: Any) -> str | None:
    """Where a volume must be mounted so that what the run writes outlives its container; None for a URL."""
    place = str(output_dir or "trainer_output")
    if "://" in place:
        return None
    return place if place.startswith("/") else WORK


def _notes(settings: Mapping[str, Any], task: str | None, config: str | None) -> Iterator[str]:
    """What whoever applies this should know."""
    if task is None:
        yield "It trains the digits task; export --task NAME names another."
    if config is not None:
        yield f"The settings are mounted as {CONFIG}."
    kinds = TrainingArguments.field_kinds()
    for name, value in settings.items():
        if name in kinds and kinds[name].section is not None and isinstance(value, str) and value.endswith(".json"):
            yield f"{name} names the file {value}: it must be in the image or mounted, seen from {WORK}."
