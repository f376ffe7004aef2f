"""What preflight found in every process: one of them may lack what the others have, and then none may begin."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from trainspec.settings.diagnostics import Diagnostic, Evidence, errors_of
from trainspec.settings.diagnostics.source import Source, SourceKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.training.parallel.processes import Processes


def together(found: list[Diagnostic], processes: Processes) -> list[Diagnostic]:
    """What this process found, and the errors that only others did, with their ranks. All processes ask at once."""
    told = processes.each([asdict(item) for item in errors_of(found)])
    known = {(item.code, item.message) for item in found}
    return [*found, *_others(told, known, processes.rank)]


def _others(told: list[list[dict[str, Any]]], known: set[tuple[str, str]], own: int) -> Iterator[Diagnostic]:
    for rank, items in enumerate(told):
        for item in map(_read, items if rank != own else ()):
            if (item.code, item.message) not in known:
                known.add((item.code, item.message))
                yield replace(item, message=f"rank {rank}: {item.message}")


def _read(told: dict[str, Any]) -> Diagnostic:
    evidence = tuple(
        Evidence(one["field"], one["value"], None if one["source"] is None else _source(one["source"]))
        for one in told["evidence"]
    )
    return Diagnostic(**{**told, "evidence": evidence})


def _source(told: dict[str, Any]) -> Source:
    return Source(**{**told, "kind": SourceKind(told["kind"])})
