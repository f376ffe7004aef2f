"""Is it time? When a run logs, evaluates and saves, by the number of finished updates.

    before the first update:  evaluates_on_start
    after each update:        should_log, should_evaluate, should_save at this moment
    after the last update:    the same, then one closing log that no setting switches off

An epoch that the end of the run cuts short ends there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from trainspec.settings.views.derived import exact, interval_updates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainspec.settings.arguments import TrainingArguments


@dataclass(frozen=True)
class Cadence:
    """The settings that say when, with intervals in updates. Without a length `updates_per_epoch` is None."""

    total_updates: int
    updates_per_epoch: int | None
    logging_strategy: str = "steps"
    logging_every: int = 500
    logging_first_step: bool = False
    eval_strategy: str = "no"
    eval_every: int = 500
    eval_delay: float = 0
    eval_on_start: bool = False
    save_strategy: str = "steps"
    save_every: int = 500

    @classmethod
    def of(cls, args: TrainingArguments, total_updates: int, updates_per_epoch: int | None) -> Cadence:
        """The cadence that settings describe for a run of that many updates."""
        return cls(
            total_updates=total_updates,
            updates_per_epoch=updates_per_epoch,
            logging_strategy=args.logging_strategy,
            logging_every=interval_updates(args.logging_steps, total_updates),
            logging_first_step=args.logging_first_step,
            eval_strategy=args.eval_strategy,
            eval_every=interval_updates(args.eval_steps or args.logging_steps, total_updates),
            eval_delay=args.eval_delay or 0,
            eval_on_start=args.eval_on_start,
            save_strategy=args.save_strategy,
            save_every=interval_updates(args.save_steps, total_updates),
        )

    def moment(self, step: int, *, epoch_ended: bool = False, epoch: float = 0.0) -> Moment:
        """The moment after update `step`.

        For data with a length all follows from `step`; without, the loop says whether the data has just run
        out, and how many epochs are through.
        """
        if not self.updates_per_epoch:
            return Moment(step, exact(epoch), epoch_ended or self.is_last(step))
        epoch_ended = step % self.updates_per_epoch == 0
        return Moment(step, Fraction(step, self.updates_per_epoch), epoch_ended or self.is_last(step))

    def next_event_after(self, step: int) -> int:
        """The first update after `step` with anything to do: a log, an evaluation, a save, an epoch's or the run's end.

        A loop that keeps this number compares two integers at every update before it. Only data without a length can
        end an epoch earlier; a save by strategy "best" comes with the evaluation.
        """
        if step >= self.total_updates or (step < 1 and self.logging_first_step):
            return step + 1
        found = self.total_updates
        for every, earliest in self._intervals:
            found = min(found, (max(step, earliest - 1) // every + 1) * every)
        return found

    @cached_property
    def _intervals(self) -> tuple[tuple[int, int], ...]:
        """The updates between two of the same kind, with the first update that may be one."""
        strategies = (
            (self.logging_strategy, self.logging_every, 1),
            (self.eval_strategy, self.eval_every, math.ceil(exact(self.eval_delay))),
            (self.save_strategy, self.save_every, 1),
        )
        by_steps = tuple((every, earliest) for strategy, every, earliest in strategies if strategy == "steps")
        return (*by_steps, (self.updates_per_epoch, 1)) if self.updates_per_epoch else by_steps

    def is_last(self, step: int) -> bool:
        """Whether the run is over after update `step`: then comes the closing log."""
        return step >= self.total_updates


@dataclass(frozen=True)
class Moment:
    """A point of a run: finished updates (from 1), epochs through, whether an epoch or the run ended."""

    step: int
    epoch: Fraction
    epoch_ended: bool


def should_log(cadence: Cadence, now: Moment) -> bool:
    """Whether loss, gradient norm and learning rate are logged now."""
    if now.step == 1 and cadence.logging_first_step:
        return True
    return _due(cadence.logging_strategy, cadence.logging_every, now)


def should_evaluate(cadence: Cadence, now: Moment) -> bool:
    """Whether an evaluation runs now; eval_delay counts epochs under strategy epoch, updates under steps."""
    if not _due(cadence.eval_strategy, cadence.eval_every, now):
        return False
    return exact(cadence.eval_delay) <= (now.epoch if cadence.eval_strategy == "epoch" else now.step)


def should_save(cadence: Cadence, now: Moment, *, improved: bool = False) -> bool:
    """Whether a checkpoint is written now, after the evaluation; `improved`: it gave the best metric so far.

    A run that saves by steps also saves after its last update, so that none of its work is lost.
    """
    if cadence.save_strategy == "best":
        return improved
    if cadence.save_strategy == "steps" and cadence.is_last(now.step):
        return True
    return _due(cadence.save_strategy, cadence.save_every, now)


def evaluates_on_start(cadence: Cadence) -> bool:
    """Whether an evaluation runs before the first update."""
    return cadence.eval_on_start


@dataclass(frozen=True, slots=True)
class Due:
    """The updates after which something is due, however many: those before the regular ones, those, the last."""

    before: tuple[int, ...]
    regular: range
    after: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many; len() has no word for that of the longest runs."""
        between = -(-(self.regular.stop - self.regular.start) // self.regular.step)
        return len(self.before) + max(0, between) + len(self.after)

    def __iter__(self) -> Iterator[int]:
        return chain(self.before, self.regular, self.after)

    def __contains__(self, step: object) -> bool:
        return step in self.before or step in self.regular or step in self.after

    def at(self, place: int) -> int:
        """The update at a place, counted from 0."""
        if place < len(self.before):
            return self.before[place]
        behind = self.count - len(self.after)
        return self.regular[place - len(self.before)] if place < behind else self.after[place - behind]

    def spread(self, most: int) -> tuple[int, ...]:
        """At most so many of them (2 or more), the first and the last included, evenly among all."""
        if self.count <= most:
            return tuple(self)
        return tuple(self.at(place * (self.count - 1) // (most - 1)) for place in range(most))

    def newest(self, most: int) -> tuple[int, ...]:
        """At most so many of them, those of the end."""
        return tuple(self.at(place) for place in range(max(0, self.count - most), self.count))


def log_steps(cadence: Cadence) -> Due:
    """Every update of the run after which `should_log` holds, without the closing log."""
    regular = _regular(cadence, cadence.logging_strategy, cadence.logging_every)
    return _with_ends(cadence, regular, should_log)


def eval_steps(cadence: Cadence) -> Due:
    """Every update of the run after which `should_evaluate` holds; 0 stands for the one on start."""
    of_an_epoch = cadence.updates_per_epoch or 0 if cadence.eval_strategy == "epoch" else 1
    earliest = math.ceil(exact(cadence.eval_delay) * of_an_epoch)
    regular = _regular(cadence, cadence.eval_strategy, cadence.eval_every, earliest)
    due = _with_ends(cadence, regular, should_evaluate)
    return replace(due, before=(0, *due.before)) if evaluates_on_start(cadence) else due


def save_steps(cadence: Cadence) -> Due:
    """Every update of the run after which `should_save` holds; none under strategy best, not known yet."""
    regular = _regular(cadence, cadence.save_strategy, cadence.save_every)
    return _with_ends(cadence, regular, should_save)


def _due(strategy: str, every: int, now: Moment) -> bool:
    if strategy == "steps":
        return now.step % every == 0
    return strategy == "epoch" and now.epoch_ended


def _regular(cadence: Cadence, strategy: str, every: int, earliest: int = 1) -> range:
    """The updates at the strategy's distance, from `earliest` on, however many: nobody walks past those not due."""
    period = {"steps": every, "epoch": cadence.updates_per_epoch or 0}.get(strategy, 0)
    if not period:
        return range(0)
    return range(max(1, -(-earliest // period)) * period, cadence.total_updates + 1, period)


def _with_ends(cadence: Cadence, regular: range, is_due: Callable[[Cadence, Moment], bool]) -> Due:
    """The first and the last update may be due as well, for reasons of their own."""
    total = cadence.total_updates
    ends = [step for step in sorted({1, total}) if 1 <= step <= total and step not in regular]
    due = [step for step in ends if is_due(cadence, cadence.moment(step))]
    return Due(tuple(step for step in due if step < total), regular, tuple(step for step in due if step == total))
