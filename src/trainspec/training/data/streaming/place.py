"""The place of a run in a stream: where each of its readers is, once what it handed on is used."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from trainspec.text.bounded_json import parse_json
from trainspec.training.checkpoint.ranks.rng import checked_draws, draws_document
from trainspec.training.data.position import DataPositionError
from trainspec.training.data.streaming.marks import are_others, marks_of_batch
from trainspec.training.data.streaming.states import state_of
from trainspec.training.data.streaming.watched import FIRST, Begin

if TYPE_CHECKING:
    from trainspec.training.data.draws import Draws
    from trainspec.training.data.streaming.watched import Note, Passed

logger = logging.getLogger(__name__)

_MOST, _MOST_READERS, _MOST_MARKS = 2**53, 4096, 1024


class OtherDataError(DataPositionError):
    """The data is not what it was. `reason` says in what."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class Reader:
    """One that has handed on so many `rows`. `state`: of the stream, as the text of a JSON document, where it tells
    one; `draws`: where its generators are, None at its beginning; `first`: the marks of its first rows.
    """

    rows: int = 0
    ended: bool = False
    state: str | None = None
    draws: Draws | None = None
    first: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """After `batches` of an epoch, the last one by reader `last`, of `size` rows each where rows are collated here.

    `whole`: whether the loader itself tells where it is, and not what it reads. `following`: marks of the next batch.
    """

    batches: int
    last: int
    size: int | None
    whole: bool
    readers: tuple[Reader, ...]
    following: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_states(self) -> bool:
        """Whether nothing needs to be taken again."""
        return all(reader.state is not None or not reader.rows for reader in self.readers)

    @property
    def is_in_turns(self) -> bool:
        """Whether the readers have taken strict turns so far, so that it is known whose the batches before it are."""
        count, size = len(self.readers), self.size or 1
        turns = (-(-(self.batches - number) // count) for number in range(count))
        return count == 1 or all(reader.rows == size * each for reader, each in zip(self.readers, turns, strict=True))

    def own(self, batches: int) -> list[int]:
        """Whose each of the last so many batches is, the latest first."""
        return [(self.last - back) % len(self.readers) for back in range(min(batches, self.batches))]

    def begins(self, kept: int = 1) -> list[Begin | None]:
        """What each reader begins with, None for one that begins with its first row.

        The last `kept` batches before the place are made again, where that needs more than states.
        """
        own = self.own(kept)
        # Whoever has had no turn yet in the round under way has none to hand one on with.
        more = int(max(own, default=0) > self.last and not self.has_states)
        return [
            None
            if reader.draws is None
            else Begin(
                reader.rows,
                reader.ended,
                (state_of(json.loads(reader.state)),) if self.has_states and reader.state is not None else (),
                reader.draws,
                (number <= self.last) + more,
                own.count(number),
            )
            for number, reader in enumerate(self.readers)
        ]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "batches": self.batches,
            "last": self.last,
            "size": self.size,
            "whole": self.whole,
            "following": dict(self.following),
            "readers": [
                {
                    "rows": reader.rows,
                    "ended": reader.ended,
                    "state": [] if reader.state is None else [json.loads(reader.state)],
                    "draws": draws_document(*reader.draws) if reader.draws is not None else None,
                    "first": dict(reader.first),
                }
                for reader in self.readers
            ],
        }

    @classmethod
    def from_dict(cls, document: Any) -> Place:
        """Raises ValueError for what is none."""
        if not isinstance(document, Mapping):
            raise ValueError("it is no object")
        readers = document.get("readers")
        if not isinstance(readers, list) or not 0 < len(readers) <= _MOST_READERS:
            raise ValueError("its readers are missing")
        size = document.get("size")
        return cls(
            batches=_count(document, "batches"),
            last=_count(document, "last", most=len(readers) - 1),
            size=None if size is None else max(1, _count(document, "size")),
            whole=_flag(document, "whole"),
            readers=tuple(map(_reader, readers)),
            following=_marks(document, "following"),
        )


def place_bytes(place: Place) -> bytes:
    """The place as the text of a JSON document."""
    return json.dumps(place.to_dict(), allow_nan=False, separators=(",", ":")).encode() + b"\n"


def place_of(data: bytes) -> Place:
    """The place in such a text. Raises ValueError for a damaged one."""
    document = parse_json(data, of_a_run=True)
    try:
        return Place.from_dict(document)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _reader(document: Any) -> Reader:
    if not isinstance(document, Mapping):
        raise ValueError("a reader is no object")
    state, draws = document.get("state"), document.get("draws")
    if not isinstance(state, list) or len(state) > 1:
        raise ValueError("the state of a reader is missing")
    # What cannot be read later is told now.
    tuple(map(state_of, state))
    return Reader(
        rows=_count(document, "rows"),
        ended=_flag(document, "ended"),
        state=json.dumps(state[0]) if state else None,
        draws=None if draws is None else checked_draws(draws),
        first=_marks(document, "first"),
    )


def _count(document: Mapping[str, Any], name: str, most: int = _MOST) -> int:
    value = document.get(name)
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{name} is {value!r:.60}, it is a count of at most {most:,}")
    return value


def _flag(document: Mapping[str, Any], name: str) -> bool:
    value = document.get(name)
    if type(value) is not bool:
        raise ValueError(f"{name} is {value!r:.60}, it is true or false")
    return value


def _marks(document: Mapping[str, Any], name: str) -> dict[str, str]:
    value = document.get(name)
    if not isinstance(value, Mapping) or len(value) > _MOST_MARKS:
        raise ValueError(f"{name} is no mapping of marks")
    if not all(isinstance(entry, str) and len(entry) <= 64 for entry in value.values()):
        raise ValueError(f"{name} is no mapping of marks")
    return dict(value)


class _Handed(NamedTuple):
    """A batch that is not used yet."""

    batch: Any
    note: Note
    draws: Draws | None


class Readers:
    """Where the readers are, from what they send along."""

    def __init__(self, size: int | None, *, whole: bool, begun: Place | None = None, passed: int = 0) -> None:
        """`begun`: where they began after so many batches; else at the beginning."""
        self._place = replace(begun, batches=passed, size=size) if begun else Place(passed, 0, size, whole, (Reader(),))
        self._readers = dict(enumerate(self._place.readers))
        self._waiting: deque[_Handed] = deque()
        self._draws: dict[int, Draws] = {n: r.draws for n, r in self._readers.items() if r.draws is not None}
        self._expected = begun
        # Of each, the batches before the place that it had handed on.
        self._before: dict[int, list[Any]] = {}

    def handed(self, batch: Any, note: Note, draws: Draws | None) -> None:
        """A batch comes; `draws`: where the generators of this process's own reader are."""
        now = note.draws if draws is None else draws
        if now is None:
            now = self._draws.get(note.reader)
        else:
            self._draws[note.reader] = now
        self._waiting.append(_Handed(batch, note, now))

    def passed(self, passed: Passed) -> None:
        """A reader is where it was. Raises OtherDataError where that is in other data."""
        if passed.reader in self._before:
            return
        self._before[passed.reader] = [*passed.last]
        expected = self._readers[passed.reader]
        if passed.rows < expected.rows:
            logger.warning("the training data has ended after %d rows; %d were used before", passed.rows, expected.rows)
        if passed.first is not None and are_others(expected.first, passed.first):
            raise OtherDataError(f"not one of the first {FIRST} rows of the stream holds what it held")

    def before(self, batches: int) -> list[Any]:
        """The last so many batches before the place where they began, as far as they were made again."""
        whose = [] if self._expected is None else self._expected.own(batches)
        found = [self._before[reader].pop() for reader in whose if self._before.get(reader)]
        return found[::-1]

    def used(self, batches: int) -> None:
        """So many batches of the epoch are used."""
        count, last = self._place.batches, self._place.last
        while count < batches and self._waiting:
            _, note, draws = self._waiting.popleft()
            known = self._readers.get(note.reader, Reader())
            self._readers[note.reader] = Reader(
                known.rows + note.rows,
                note.ended,
                note.state,
                draws,
                known.first or note.first or {},
            )
            count, last = count + 1, note.reader
        self._place = replace(self._place, batches=max(count, batches), last=last)

    def place(self, readers: int) -> Place | None:
        """Of so many readers; None where it is not known of all that have handed something on."""
        known = [self._readers.get(number, Reader()) for number in range(readers)]
        if any(reader.rows and reader.draws is None for reader in known):
            return None
        following = marks_of_batch(self._waiting[0].batch) if self._waiting else {}
        return replace(self._place, readers=tuple(known), following=following)

    def is_as_expected(self) -> bool:
        """Whether the next batch, which has come, is what it was."""
        if self._expected is None or self._expected.size != self._place.size or not self._waiting:
            return True
        saved, here = self._expected.following, marks_of_batch(self._waiting[0].batch)
        return all(saved[name] == here[name] for name in saved.keys() & here.keys())
