"""Variables with an app's prefix that pydantic-settings passes over, though they are almost the app's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from trainspec.export.apps.template import variables_of
from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.embedding.inside import AppNames, places_in
from trainspec.text.redaction import printable

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

# Other programs' names may begin like an app's: only what is hardly another word counts. APP_PORTS is none of these.
_ALMOST = 0.92


def near_misses(app: type[BaseSettings], variables: Iterable[str]) -> list[Diagnostic]:
    """A warning for each of the variables that has the app's prefix, says nothing to it, and almost would.

    An app without a prefix shares its names with every other program, so nothing is said of these.
    """
    prefix, delimiter = app.model_config.get("env_prefix") or "", app.model_config.get("env_nested_delimiter")
    if not prefix:
        return []
    names, known = AppNames(app), {name.upper(): name for name in variables_of(app)}
    # What goes on below one of these was judged as a part of it.
    around = [*known, *(names.variable(place.path).upper() for place in places_in(app))]
    begun = tuple(f"{name}{delimiter.upper()}" for name in around) if delimiter else ()
    found = []
    for name in sorted(variables):
        plain = name.upper()
        if not plain.startswith(prefix.upper()) or plain in around or plain.startswith(begun):
            continue
        near = _nearest(plain, known, len(prefix))
        if near is not None:
            found.append(_told(name, plain[len(prefix) :].lower(), known[near], app.__name__))
    return found


def _nearest(wrong: str, known: Mapping[str, str], cut: int) -> str | None:
    """The name that differs in underscores, in the order of two letters, or hardly at all."""
    own = wrong[cut:]
    for name in known:
        right = name[cut:]
        if own.replace("_", "") == right.replace("_", "") or _swapped(own, right):
            return name
    close = ((SequenceMatcher(None, own, name[cut:]).ratio(), name) for name in known)
    ratio, name = max(close, default=(0.0, ""))
    return name if ratio >= _ALMOST else None


def _swapped(one: str, other: str) -> bool:
    """Whether two neighbouring letters have changed places."""
    places = [place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]]
    if len(one) != len(other) or len(places) != 2 or places[1] != places[0] + 1:
        return False
    first, second = places
    return one[first] == other[second] and one[second] == other[first]


def _told(name: str, field: str, near: str, app: str) -> Diagnostic:
    code = CODES["SRC126"]
    evidence = (Evidence(printable(field), None, Source(SourceKind.ENVIRONMENT, name)),)
    message = printable(f"{name} matches nothing in {app}")
    return Diagnostic("SRC126", code.name, "warning", message, code.reason, f"did you mean {near}?", evidence)
