"""A document of settings in another form, which reads back as the same settings; secrets are never in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trainspec.answers.faults import NoAnswer, mistake

if TYPE_CHECKING:
    from trainspec.answers.documents import Judged
    from trainspec.settings.diagnostics import Diagnostic

# Form -> "module:function". The function takes the document (plain values under today's names, the task's section
# under "task") and the options that were given, by name: render(document, *, options) -> str.
FORMATS: dict[str, str] = {
    "env": "trainspec.migration.writing:as_env",
    "yaml": "trainspec.migration.writing:as_yaml_file",
    "toml": "trainspec.migration.writing:as_toml_file",
    "json": "trainspec.migration.writing:as_json_file",
    "cli": "trainspec.migration.writing:as_cli",
    "k8s": "trainspec.deployment.k8s:as_k8s",
    "compose": "trainspec.deployment.compose:as_compose",
}
# The forms that are read back here before they are written, so that none of them says something else.
READ_BACK = frozenset(FORMATS) - {"k8s", "compose"}


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
    """What a valid document says, in one of FORMATS; `options` are those of the form, by name."""
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.sources.task_section import without_secret_keys
    from trainspec.settings.sources.variables import TASK

    found = tuple(one.diagnostics)
    if one.settings is None:
        return Exported(None, (), found)
    task, in_task = without_secret_keys(one.document.values.get(TASK))
    secrets = (*sorted(TrainingArguments.secret_fields() & one.layer.values.keys()), *in_task)
    if form not in READ_BACK:
        # An orchestrator mounts the secrets, and so must be told of them.
        task = one.document.values.get(TASK)
    document = {**one.settings.to_dict(), **({TASK: task} if task else {})}
    try:
        return Exported(written(document, form, options), secrets, found)
    except NoAnswer as why:
        return Exported(None, secrets, found, why.diagnostics[0])


def written(document: Mapping[str, Any], form: str, options: Mapping[str, str]) -> str:
    """A document in a form. Raises NoAnswer where the form cannot say it."""
    from trainspec.deployment import NotDeployable
    from trainspec.migration.documents import unequal
    from trainspec.migration.values import NotWritable

    module, _, function = FORMATS[form].partition(":")
    try:
        text: str = getattr(import_module(module), function)(document, options=options)
        lost = unequal(document, text, form) if form in READ_BACK else []
    except NotDeployable as why:
        raise NoAnswer(mistake("CLI111", str(why))) from None
    except NotWritable as why:
        raise NoAnswer(mistake("CLI111", f"{form} cannot say {why}", "choose another form")) from None
    if lost:
        message = f"{form} would not give back {', '.join(lost)} as they are"
        raise NoAnswer(mistake("CLI111", message, "choose another form"))
    return text
