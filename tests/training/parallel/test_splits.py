"""Any split of the same rows into processes, micro-batches and accumulation gives the parameters of one process."""

from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.training.parallel.labelled import by_hand, difference, rows, trained, windows_of
from tests.training.parallel.world import run_in
from torch import Tensor


def agrees(out: Path, size: int, batch: int, accumulation: int, count: int, **said: str) -> None:
    wanted = by_hand(windows_of(count, size * batch * accumulation, 3), count)
    more = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": accumulation, **said}
    for found in run_in(size, trained, count, str(out), more):
        assert difference(found["weights"], wanted["weights"]) < 1e-9
        # Every process logs the same numbers, which are those of one.
        assert found["losses"] == pytest.approx(wanted["losses"], abs=1e-12)
        assert found["norms"] == pytest.approx(wanted["norms"], abs=1e-12)


# 13 rows: a last window that is short, in which some processes have a row and others none.
@pytest.mark.parametrize(
    ("size", "batch", "accumulation", "count"),
    [
        (2, 3, 2, 13),
        (3, 4, 1, 13),
        (2, 1, 3, 13),
        (4, 2, 2, 17),
        (3, 1, 4, 14),
    ],
)
def test_a_split(tmp_path: Path, size: int, batch: int, accumulation: int, count: int) -> None:
    agrees(tmp_path, size, batch, accumulation, count)


def test_a_split_of_parameters_too(tmp_path: Path) -> None:
    """Over three processes none of them come out even: no rows, no dimension of a parameter."""
    agrees(tmp_path, 3, 4, 1, 13, fsdp="full_shard")


@pytest.mark.long_distributed
@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 4), st.integers(2, 40))
def test_any_split(tmp_path_factory: pytest.TempPathFactory, size: int, batch: int, steps: int, count: int) -> None:
    every = rows(count)
    # The mean over a window without a label is no number, in one process too, and ends a run.
    assume(all(labels_in(every, window) for window in windows_of(count, size * batch * steps, 3)))
    agrees(tmp_path_factory.mktemp("run"), size, batch, steps, count)


def labels_in(every: list[dict[str, Tensor]], window: list[int]) -> int:
    return sum(int((every[number]["labels"] != -100).sum()) for number in window)
