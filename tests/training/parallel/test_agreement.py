"""Agreeing costs one process nothing, and cannot be done twice; contract.py says what several processes agree on."""

import sys
import tracemalloc

import pytest

from trainspec.training.parallel import AfterEpoch, AfterUpdate, Agreement, Alone, BeforeUpdate, Onward
from trainspec.training.parallel.agreement import DisagreementError

NUMBERS = list(range(20_000))


def test_alone_it_allocates_nothing() -> None:
    agree, flags = Agreement(Alone()).agree, AfterUpdate(log=True)
    agree(flags, 0)
    numbers = NUMBERS[1:1000]
    tracemalloc.start()
    blocks = sys.getallocatedblocks()
    for number in numbers:
        agree(flags, number)
    grown, peak = sys.getallocatedblocks() - blocks, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert grown <= 2 and peak < 500
    assert flags == AfterUpdate(log=True)


def test_each_moment_counts_for_itself() -> None:
    agreement = Agreement(Alone())
    for moment in (BeforeUpdate(), AfterUpdate(), AfterEpoch(), Onward()):
        agreement.agree(moment, 5)
        for again in (5, 4):
            with pytest.raises(DisagreementError, match=f"{type(moment).__name__} {again}: "):
                agreement.agree(moment, again)
        agreement.agree(moment, 6)


def test_another_run_begins_anew() -> None:
    for _ in range(2):
        assert Agreement(Alone()).agree(AfterUpdate(save=True), 0).save
