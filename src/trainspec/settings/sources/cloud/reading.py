"""TRAINSPEC_SECRETS_FROM: the layer of what secret managers say, below secret files and above config files."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from trainspec.settings.diagnostics import Diagnostic
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.cloud.address import Address, addresses_in, known_fields
from trainspec.settings.sources.layer import Layer
from trainspec.settings.sources.reading import Reading
from trainspec.settings.values.coercion import Manner
from trainspec.settings.values.shape import shape_of

if TYPE_CHECKING:
    from trainspec.settings.base import Settings
    from trainspec.settings.sources.cloud.gathering import Gathered, Wanted


def read_secret_managers(
    model: type[Settings], text: str, place: Source, said: frozenset[str]
) -> tuple[Layer, list[Diagnostic]]:
    """What the addresses of `text` say of a model; `said` names what stronger sources give, which is not asked for.

    Where all that is wanted was said, nothing is imported and nobody asked. Later addresses are over earlier ones.
    """
    addresses, wrong = addresses_in(text, place)
    fields = shape_of(model).fields
    secrets = model.secret_fields()
    wanted: list[Wanted] = []
    for address in reversed(addresses):
        named, more = known_fields(address, fields.__contains__, list(fields), place)
        wrong += more
        left = tuple(name for name in (named if address.fields else sorted(secrets)) if name not in said)
        if left:
            from trainspec.settings.sources.cloud.gathering import Wanted

            wanted.append(Wanted(address, left, bool(address.fields)))
    if not wanted:
        return Layer(SourceKind.FOREIGN, {}, lambda path: place), wrong
    gathered = _gather(model, wanted, must_find=secrets.isdisjoint(said))
    places = gathered.places

    def locate(path: tuple[str, ...]) -> Source:
        return Source(SourceKind.FOREIGN, places[path[0]]) if path[0] in places else place

    reading = Reading(model, SourceKind.FOREIGN, Manner.STRINGS, locate)
    layer = reading.read(gathered.values)
    return layer, [*wrong, *gathered.found, *reading.diagnostics]


def _gather(model: type[Settings], wanted: list[Wanted], *, must_find: bool) -> Gathered:
    from trainspec.settings.sources.cloud.gathering import gather
    from trainspec.settings.sources.cloud.hand_over import once_a_node

    asked = [[_written(one.address), one.fields] for one in wanted]
    request = hashlib.sha256(json.dumps([model.env_prefix, must_find, asked]).encode()).hexdigest()
    return once_a_node(request, lambda: gather(model, wanted, must_find=must_find))


def _written(address: Address) -> list[object]:
    return [address.shown, sorted(address.parameters.items())]
