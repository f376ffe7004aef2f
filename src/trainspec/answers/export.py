"""A document of settings in another form, which reads back as the same settings; secrets are never in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trainspec.answers.faults import NoAnswer, mistake
from trainspec.text.redaction import any_secret
from trainspec.text.tokens import hide_tokens

if TYPE_CHECKING:
    from trainspec.answers.documents import Judged
    from trainspec.settings.diagnostics import Diagnostic

# Form -> "module:function". The function takes the document (plain values under today's names, the task's section
# under "task") and the options that were given, by name: render(document, *, options) -> str. One of an orchestrator is
# also given the layers that the document was merged from, where they are to be kept apart.
FORMATS: dict[str, str] = {
    "env": "trainspec.migration.writing:as_env",
    "yaml": "trainspec.migration.writing:as_yaml_file",
    "toml": "trainspec.migration.writing:as_toml_file",
    "json": "trainspec.migration.writing:as_json_file",
    "cli": "trainspec.migration.writing:as_cli",
    "k8s": "trainspec.deployment.k8s:as_k8s",
    "compose": "trainspec.deployment.compose:as_compose",
    "slurm": "trainspec.deployment.slurm:as_slurm",
    "ray": "trainspec.deployment.ray_entry:as_ray",
}
# What runs the service, which no document is asked for.
SERVICE_FORMATS: dict[str, str] = {
    "systemd-service": "trainspec.deployment.service.systemd:as_systemd",
    "compose-service": "trainspec.deployment.service.compose:as_compose_service",
    "k8s-service": "trainspec.deployment.service.k8s:as_k8s_service",
}
Layered = tuple[str, Mapping[str, Any]]
# The forms that are read back here before they are written, so that none of them says something else.
READ_BACK = frozenset(FORMATS) - {"k8s", "compose", "slurm", "ray"}
# Option -> the forms that read it: with another form it would be overlooked.
READ_BY: dict[str, tuple[str, ...]] = {
    "name": ("k8s", "compose", "slurm", "ray", *SERVICE_FORMATS),
    "task": ("k8s", "compose", "slurm", "ray"),
    "image": ("k8s", "compose", "compose-service", "k8s-service"),
    "gpus": ("k8s", "compose", "slurm", "ray"),
    "as": ("k8s", "compose", "slurm"),
    "merge": ("k8s", "compose", "slurm"),
    "nproc": ("k8s", "compose", "slurm", "ray"),
    "nodes": ("k8s", "slurm", "ray"),
    "kind": ("k8s",),
    "grace": ("k8s", "compose", "slurm", *SERVICE_FORMATS),
    "port": (*SERVICE_FORMATS,),
    "workers": (*SERVICE_FORMATS,),
    "drain": (*SERVICE_FORMATS,),
    "admission": ("k8s-service",),
    "max_restarts": ("k8s", "slurm", "ray"),
}


@dataclass(frozen=True, slots=True)
class Exported:
    """The text of a form, or None with why: what is wrong with the document, or the form's refusal.

    `secrets` names the settings that are left out.
    """

    text: str | None
    secrets: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]
    refusal: Diagnostic | None = None

    def to_dict(self) -> dict[str, Any]:
        found = [*self.diagnostics, *([self.refusal] if self.refusal is not None else [])]
        return {
            "text": self.text,
            "secrets": list(self.secrets),
            "diagnostics": [item.to_dict() for item in found],
        }


def export(one: Judged, form: str, options: Mapping[str, str]) -> Exported:
    """What valid documents say together, in one of FORMATS; `options` are those of the form, by name.

    An orchestrator's form keeps several documents apart, unless the option `merge` is among the options. Where they
    say how many processes there are (`nproc` and `nodes`) or a machine (`target`), the settings are judged for those.
    """
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import errors_of
    from trainspec.settings.sources.task_section import without_secret_keys
    from trainspec.settings.sources.variables import TASK

    try:
        _refuse_overlooked(form, options)
        found = tuple(one.diagnostics) if one.settings is None else _judged_there(one, options)
    except NoAnswer as why:
        return Exported(None, (), tuple(one.diagnostics), why.diagnostics[0])
    if one.settings is None or errors_of(found):
        return Exported(None, (), found)
    task, in_task = without_secret_keys(one.task)
    said = frozenset(name for layer in one.layers for name in layer.values)
    secrets = (*sorted(TrainingArguments.secret_fields() & said), *in_task)
    layers: list[Layered] = []
    if form not in READ_BACK:
        # An orchestrator mounts the secrets, and so must be told of them.
        task = one.task
        layers = _apart(one) if "merge" not in options else []
    document = {**one.settings.to_dict(), **({TASK: task} if task else {})}
    try:
        return Exported(written(document, form, options, layers), secrets, found)
    except NoAnswer as why:
        return Exported(None, secrets, found, why.diagnostics[0])


def _refuse_overlooked(form: str, options: Mapping[str, str]) -> None:
    """Raise NoAnswer for an option that says something which the form has no place for."""
    for name in options:
        readers = READ_BY.get(name, (form,))
        if form not in readers:
            message = f"--{name.replace('_', '-')} says nothing to {form}; it is for {', '.join(readers)}"
            raise NoAnswer(mistake("CLI125", message, "leave it out, or choose another form"))


def _judged_there(one: Judged, options: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """What there is to say about the settings, also for the machine and the processes that the options declare."""
    from trainspec.answers.judgement import known_target
    from trainspec.deployment import NotDeployable
    from trainspec.deployment.world import declared
    from trainspec.settings.judging.judgement import Verdict
    from trainspec.settings.loading import against_target

    try:
        world, target = declared(options), known_target(options.get("target"))
    except NotDeployable as why:
        raise NoAnswer(mistake(why.code, str(why), why.remedy)) from None
    if world is None and target is None:
        return tuple(one.diagnostics)
    size, nodes = (world.size, world.nodes) if world is not None else (None, None)
    return tuple(against_target(Verdict(one.settings, one.diagnostics), target, size, nodes).diagnostics)


def _apart(one: Judged) -> list[Layered]:
    """Each of several documents as plain values under today's names, with the name of its file."""
    from trainspec.answers.documents import task_in
    from trainspec.settings.views.dumping import plain

    if len(one.documents) < 2:
        return []
    pairs = zip(one.documents, one.layers, strict=True)
    return [
        (document.name, {**{name: plain(value) for name, value in layer.values.items()}, **task_in(document)})
        for document, layer in pairs
    ]


def written(document: Mapping[str, Any], form: str, options: Mapping[str, str], layers: Sequence[Layered] = ()) -> str:
    """A document in a form; an orchestrator's is given the layers apart that it was merged from.

    Raises NoAnswer where the form cannot say it.
    """
    from trainspec.deployment import NotDeployable
    from trainspec.migration.documents import unequal
    from trainspec.migration.values import NotWritable

    if form in READ_BACK:
        _refuse_credentials(document)
    module, _, function = FORMATS[form].partition(":")
    try:
        apart = {"layers": layers} if layers else {}
        text: str = getattr(import_module(module), function)(document, options=options, **apart)
        lost = unequal(document, text, form) if form in READ_BACK else []
    except NotDeployable as why:
        raise NoAnswer(mistake(why.code, str(why), why.remedy)) from None
    except NotWritable as why:
        raise NoAnswer(mistake("CLI111", f"{form} cannot say {why}", "choose another form")) from None
    if lost:
        message = f"{form} would not give back {', '.join(lost)} as they are"
        raise NoAnswer(mistake("CLI111", message, "choose another form"))
    return text


def _refuse_credentials(document: Mapping[str, Any]) -> None:
    """Raise NoAnswer for a secret in a setting that is none: such a setting is left out, this would be written."""
    found = [hide_tokens(name) for name, value in document.items() if any_secret({name: value})]
    if found:
        holds = "holds" if len(found) == 1 else "hold"
        remedy = "take it out, and give the secret by its own setting, in a variable or a file that is mounted"
        raise NoAnswer(mistake("CLI111", f"{', '.join(found)} {holds} what looks like a credential", remedy))


def export_service(form: str, options: Mapping[str, str]) -> str:
    """What runs the service itself, in one of SERVICE_FORMATS. Raises NoAnswer."""
    from trainspec.deployment import NotDeployable

    said = {name: value for name, value in options.items() if name != "to"}
    if unread := [name for name in said if form not in READ_BY.get(name, ())]:
        message = f"--{unread[0].replace('_', '-')} says nothing to {form}"
        raise NoAnswer(mistake("CLI125", message, "leave it out, or choose another form"))
    module, _, function = SERVICE_FORMATS[form].partition(":")
    try:
        text: str = getattr(import_module(module), function)(said)
    except NotDeployable as why:
        raise NoAnswer(mistake(why.code, str(why), why.remedy)) from None
    return text
