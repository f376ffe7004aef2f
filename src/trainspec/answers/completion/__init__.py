"""What fits at a place of a document that is being typed, and what stands there: for editors, over any wire."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from trainspec.answers.completion.known import Known
from trainspec.answers.completion.offers import Facts, Item, Offers, as_value, values_in_quotes
from trainspec.answers.completion.positions import Lines, Range
from trainspec.answers.completion.spots import Scan, Spot, unquoted
from trainspec.settings.sources.files import source_error
from trainspec.settings.sources.formats.limits import Fault, check_size

if TYPE_CHECKING:
    from trainspec.text.languages import Words

Format = Literal["yaml", "json", "toml", "env"]


@dataclass(frozen=True, slots=True)
class Completion:
    """What stands at a place, with its range; what an item is written in place of; the items."""

    at: Facts | None
    range: Range | None
    replace: Range
    items: tuple[Item, ...]

    def to_dict(self) -> dict[str, Any]:
        at = {**asdict(self.at), "path": list(self.at.path), "range": self.range} if self.at is not None else None
        return {"at": at, "replace": self.replace, "items": [asdict(item) for item in self.items]}


def complete(text: str, format: Format, line: int, character: int, model: type[Any], words: Words = str) -> Completion:
    """What fits at a place, counted from 0 in lines and UTF-16 units, whatever is still missing around it.

    Items are all that fit, not only those that begin with what is typed. Raises SourceError for a text that is larger
    than any document may be.
    """
    lines = Lines(text)
    cursor = lines.offset(line, character)
    prefix = getattr(model, "env_prefix", None) or ""
    try:
        check_size(text, "\n,[{")
        scan = _scanned(text, format, cursor, prefix)
    except Fault as fault:
        raise source_error(fault.code, fault.message, "document", fault.place) from None
    spot = scan.spot
    if spot is None:
        return Completion(None, None, lines.range(cursor, cursor), ())
    known = Known(model, lambda name: _said(text, scan, name))
    if spot.kind == "key" and spot.may_be_value and known.keys(known.today(spot.path)) is None:
        spot = as_value(spot)
    spot = _outside_quotes(spot, known)
    offers = Offers(scan, known, prefix, words)
    shown = spot.shown or spot.span
    return Completion(offers.at(spot), lines.range(*shown), lines.range(*spot.span), tuple(offers.items(spot)))


def _scanned(text: str, format: Format, cursor: int, prefix: str) -> Scan:
    if format == "json":
        from trainspec.answers.completion.flow import read_json

        return read_json(text, cursor)
    if format == "toml":
        from trainspec.answers.completion.toml_lines import read_toml

        return read_toml(text, cursor)
    if format == "env":
        from trainspec.answers.completion.dotenv_lines import read_dotenv

        return read_dotenv(text, cursor, prefix)
    from trainspec.answers.completion.block_yaml import read_yaml

    return read_yaml(text, cursor)


def _said(text: str, scan: Scan, name: str) -> str | None:
    """What the text says of a setting, as it is written."""
    for entry in scan.entries:
        if entry.path == (name,) and entry.value is not None:
            return unquoted(text[slice(*entry.value)].strip())
    return None


def _outside_quotes(spot: Spot, known: Known) -> Spot:
    """A place in quotes, for a value that is no text: the value goes where the quotes are."""
    if spot.kind == "key" or not spot.quote or values_in_quotes(known.key(spot.path)):
        return spot
    return replace(spot, quote="", span=spot.shown or spot.span)
