"""What an orchestrator must know of a run: its settings without secrets, which secrets it needs, where it writes."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainspec.deployment import NotDeployable
from trainspec.deployment.variables import as_variables
from trainspec.deployment.world import World, count, declared
from trainspec.deployment.yaml_text import write_yaml
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.sources.variables import TASK
from trainspec.text.redaction import is_secret_name, printable, redact_whole_url

# As the Dockerfile has them.
USER = 10001
WORK = "/work"
CONFIG_FOLDER = "/etc/trainspec"
# How long a run gets between SIGTERM and SIGKILL: enough to finish the write of a file and to say goodbye.
GRACE_SECONDS = 60
# How much longer what started the processes of a node lives, to end those that did not end by themselves.
LAUNCHER_SECONDS = 15
# How often a run that failed is started again: storage that could not be reached, or a lost node, may be back.
RESTARTS = 3

Layers = Sequence[tuple[str, Mapping[str, Any]]]

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,50}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file of settings to mount: what it is called in its folder, what tells it from the others, its text."""

    name: str
    suffix: str
    text: str

    @property
    def path(self) -> str:
        return f"{CONFIG_FOLDER}/{self.name}"


@dataclass(frozen=True, slots=True)
class Run:
    """A run as an orchestrator sees it. Its settings, without secrets, are variables or, where those cannot say them, a
    file, or several of which each is laid over those before it.
    """

    name: str
    image: str
    # None: one process, and nobody says how many there are.
    world: World | None
    command: tuple[str, ...]
    # On each node.
    gpus: int
    grace: int
    restarts: int
    settings: dict[str, Any]
    variables: dict[str, str]
    configs: tuple[ConfigFile, ...]
    secrets: tuple[str, ...]
    output: str | None
    shared_memory: bool
    notes: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that are the same whoever deploys: all but those that name a secret's file."""
        prefix = TrainingArguments.env_prefix
        named = ",".join(config.path for config in self.configs)
        return {**self.variables, **({f"{prefix}CONFIG": named} if named else {})}

    @property
    def nodes(self) -> int:
        return self.world.nodes if self.world is not None else 1

    @property
    def patience(self) -> int:
        """Seconds from SIGTERM to SIGKILL for a container: a launcher in it must outlive its processes."""
        return self.grace + (LAUNCHER_SECONDS if self.world is not None else 0)

    def secret_files(self, folder: str) -> dict[str, str]:
        """The variables that name the files of secrets mounted in `folder`."""
        prefix = TrainingArguments.env_prefix
        return {f"{prefix}{name.upper()}_FILE": f"{folder}/{name}" for name in self.secrets}


def describe(document: Mapping[str, Any], options: Mapping[str, str], layers: Layers = ()) -> Run:
    """The run that a document of settings, as plain values under today's names, describes; `layers` are the files, by
    name, that it was merged from and that are to be kept apart. Raises NotDeployable.
    """
    world = declared(options)
    settings, secrets = _without_secrets(document)
    variables = _variables(settings, options, layers)
    configs = _config_files(settings, layers) if variables is None else ()
    task = options.get("task")
    gpus = _gpus(settings, options, world)
    return Run(
        name=named(options),
        image=options.get("image", "trainspec:latest"),
        world=world,
        command=("train", task or "digits", *_launching(world)),
        gpus=gpus,
        grace=count(options, "grace", "seconds from SIGTERM to SIGKILL", _grace(settings)),
        restarts=count(options, "max_restarts", "how often it is started again", RESTARTS, 0),
        settings=settings,
        variables=variables or {},
        configs=configs,
        secrets=secrets,
        output=_output(settings.get("output_dir")),
        # Data workers hand batches over in it, and NCCL what the processes of a node say to each other.
        shared_memory=bool(settings.get("dataloader_num_workers")) or (world is not None and world.nproc > 1),
        notes=tuple(_notes(settings, task, world, gpus)),
    )


def _launching(world: World | None) -> tuple[str, ...]:
    """How a node's processes are started. What is started again goes on from where the first came to."""
    return (*(() if world is None else ("--nproc", str(world.nproc))), "--resume-if-any")


def named(options: Mapping[str, str]) -> str:
    """What the run is called: a label as RFC 1123 and 1035 have it, with room for what orchestrators put behind it."""
    text = options.get("name", "trainspec")
    if _NAME.fullmatch(text) is None:
        raise NotDeployable(
            "--name takes lower-case letters, digits and dashes: at most 52, the first a letter, the last no dash",
            "CLI124",
        )
    return text


def _gpus(settings: Mapping[str, Any], options: Mapping[str, str], world: World | None) -> int:
    """How many GPUs each node has."""
    said = count(options, "gpus", "how many GPUs each node has", 0)
    if world is None:
        return said
    if settings.get("use_cpu"):
        if said:
            raise NotDeployable(f"the settings say use_cpu: true, and --gpus {said} asks for GPUs", "CLI125")
        return 0
    if said not in (0, world.nproc):
        message = f"--gpus {said} and --nproc {world.nproc} contradict each other: every process has one GPU"
        raise NotDeployable(message, "CLI125", "leave --gpus out")
    return world.nproc


def _variables(settings: Mapping[str, Any], options: Mapping[str, str], layers: Layers) -> dict[str, str] | None:
    """The settings as variables; None where they are to be files, or no variable can say one of them."""
    form = options.get("as", "file" if layers else "variables")
    if form == "variables" and layers:
        raise NotDeployable("variables cannot keep several files apart; add --merge, or leave --as variables out")
    return as_variables(settings) if form == "variables" else None


def _grace(settings: Mapping[str, Any]) -> int:
    """A run that ends itself does so before it is killed."""
    said = settings.get("preemption_grace_seconds")
    return GRACE_SECONDS if said is None else math.ceil(said) + LAUNCHER_SECONDS


def _config_files(settings: Mapping[str, Any], layers: Layers) -> tuple[ConfigFile, ...]:
    if not layers:
        return (ConfigFile("run.yaml", "", write_yaml([settings])),)
    return tuple(_config_file(number, name, values) for number, (name, values) in enumerate(layers, start=1))


def _config_file(number: int, name: str, values: Mapping[str, Any]) -> ConfigFile:
    """One layer. Its number comes first: files of one name may come from several folders, and their order counts."""
    bare = os.path.splitext(redact_whole_url(name).partition("?")[0].rpartition("/")[2])[0]
    word = re.sub(r"[^a-z0-9]+", "-", bare.lower()).strip("-")[:30].strip("-")
    called = f"{number}-{word}" if word else str(number)
    return ConfigFile(f"{called}.yaml", f"-{called}", write_yaml([_without_secrets(values)[0]]))


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


def _notes(settings: Mapping[str, Any], task: str | None, world: World | None, gpus: int) -> Iterator[str]:
    """What whoever runs this should know, wherever it runs."""
    if world is not None:
        devices = "each with a GPU of its own" if gpus else "without GPUs, as use_cpu says"
        yield f"{world.in_words}, {devices}."
    if task is None:
        yield "It trains the digits task; export --task NAME names another."
    for name, value in _named_files(settings):
        place = f"must be in the image or mounted, seen from {WORK}" if world is None else "must be there on all nodes"
        yield f"{name} names the file {value}: it {place}."


def _named_files(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kinds = TrainingArguments.field_kinds()
    for name, value in settings.items():
        if name in kinds and kinds[name].section is not None and isinstance(value, str) and value.endswith(".json"):
            # Where notes stand, a line's end would end them.
            yield name, printable(value)


def mounted_notes(configs: tuple[ConfigFile, ...]) -> Iterator[str]:
    """What whoever looks for the settings in a container should know."""
    if len(configs) == 1:
        yield f"The settings are mounted as {configs[0].path}."
    if len(configs) > 1:
        mounted = ", ".join(one.path for one in configs)
        yield f"The settings are mounted as {mounted}: each is laid over those before it."
