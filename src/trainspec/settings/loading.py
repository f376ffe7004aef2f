"""The functions people call: judge a document, load this process's settings, list what an error says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.base import Settings
from trainspec.settings.diagnostics import Diagnostic
from trainspec.settings.judging.judgement import Verdict
from trainspec.settings.judging.pydantic_errors import diagnostics_of
from trainspec.settings.judging.ways_in import check_document, settings_from_layers
from trainspec.settings.sources.process import process_layers

if TYPE_CHECKING:
    from trainspec.settings.sources.files import Files

S = TypeVar("S", bound=Settings)


def validate(
    document: Mapping[str, Any],
    model: type[Settings] = TrainingArguments,
    *,
    target: str | None = None,
    world_size: int | None = None,
    nodes: int | None = None,
) -> Verdict:
    """Judge a parsed document alone: neither environment nor machine is looked at, nothing is raised or warned.

    `target` (such as `h100x8`) and `world_size` also check it against a declared machine, or `nodes` of them. Raises
    ValueError for an unknown target.
    """
    verdict = check_document(model, document)
    if verdict.settings is not None and (target is not None or world_size is not None):
        verdict = against_target(verdict, target, world_size, nodes)
    return verdict


def against_target(verdict: Verdict, target: str | None, world_size: int | None, nodes: int | None = None) -> Verdict:
    """The verdict with what does not fit a declared machine added. Raises ValueError for an unknown target."""
    from trainspec.settings.targets.machines import check_target, parse_target

    machine = parse_target(target) if target is not None else None
    found = check_target(verdict.settings, machine, world_size, nodes)
    stands = not any(item.severity == "error" for item in found)
    return Verdict(verdict.settings if stands else None, [*verdict.diagnostics, *found])


def load(
    model: type[S] = TrainingArguments,  # type: ignore[assignment]
    argv: Sequence[str] = (),
    *,
    environ: Mapping[str, str] | None = None,
    config: Files | None = None,
    at: str | None = None,
    ignore_unknown: bool = False,
    env_file: str | None = None,
    secrets_dir: str | None = None,
    secrets_from: str | None = None,
    **arguments: Any,
) -> S:
    """Settings of this process.

    From every source: arguments > `argv` > environment > dotenv > secret files > secret managers > config files.
    `config` is a path or URL, or several, each laid over those before it: mappings key by key, anything else as a
    whole; `at` is where in each of them the settings stand. `environ` replaces os.environ; `config`, `env_file`,
    `secrets_dir` and `secrets_from` (addresses of secret managers) come before the variables of those names.
    Raises ValidationError with every fault found, each with its source.
    """
    from trainspec.settings.sources.command_line import command_line_layer
    from trainspec.settings.sources.reading import constructor_layer

    given = [command_line_layer(model, argv), constructor_layer(model, arguments)]
    layers, found = process_layers(
        model,
        environ=environ,
        config=config,
        at=at,
        ignore_unknown=ignore_unknown,
        env_file=env_file,
        secrets_dir=secrets_dir,
        secrets_from=secrets_from,
        given=[layer for layer, _ in given],
    )
    return settings_from_layers(model, layers, [*found, *(item for _, more in given for item in more)])


def diagnostics(error: ValidationError) -> list[Diagnostic]:
    """The diagnostics behind an error that settings raised."""
    return diagnostics_of(error)
