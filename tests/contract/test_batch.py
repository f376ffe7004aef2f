"""How many rows a batch has, and how many batches a run."""

import gc
import math
import weakref
from itertools import chain
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows
from torch import Tensor

from trainspec.training.run.batch_size import find_executable_batch_size, is_out_of_memory


@pytest.mark.parametrize("size, seen", [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (8, [7])])
def test_per_device_train_batch_size_is_the_rows_of_a_step(make_trainer: Make, size: int, seen: list[int]) -> None:
    trainer = make_trainer(train_dataset=Rows(7), per_device_train_batch_size=size)
    trainer.train()
    assert [len(rows) for rows in trainer.model.seen] == seen
    assert trainer.state.global_step == len(seen)


class Evaluated(Line):
    """Remembers the rows of each evaluation batch."""

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> dict[str, Tensor]:
        if not self.training:
            assert number is not None
            self.seen.append(number.tolist())
        return super().forward(inputs, labels, number)


def test_per_device_eval_batch_size_cuts_batches_and_changes_no_metric(make_trainer: Make) -> None:
    losses = set()
    for size, cut in [(1, [1] * 10), (3, [3, 3, 3, 1]), (10, [10]), (11, [10])]:
        trainer = make_trainer(model=Evaluated(torch.float64), eval_dataset=Rows(10, torch.float64), **_eval(size))
        losses.add(round(trainer.evaluate()["eval_loss"], 12))
        assert [len(rows) for rows in trainer.model.seen] == cut
        assert list(chain.from_iterable(trainer.model.seen)) == list(range(10)), "every row once, in its order"
    assert len(losses) == 1


def _eval(size: int) -> dict[str, Any]:
    # No part of training says how evaluation is cut.
    return {"per_device_eval_batch_size": size, "dataloader_drop_last": True, "per_device_train_batch_size": 2}


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@pytest.mark.parametrize("steps", [1, 6, 7, 15])
def test_max_steps_is_the_number_of_updates_and_data_is_cycled(make_trainer: Make, steps: int) -> None:
    trainer = make_trainer(max_steps=steps, num_train_epochs=1)
    trainer.train()
    seen = trainer.model.seen
    assert trainer.state.global_step == len(seen) == steps
    for start in range(0, steps - 5, 6):
        assert sorted(chain.from_iterable(seen[start : start + 6])) == list(range(24)), (
            "each time through, every row once"
        )
    assert trainer.state.epoch == pytest.approx(steps / 6)


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@pytest.mark.parametrize("steps", [-1, 0])
def test_max_steps_of_none_leaves_the_length_to_the_epochs(make_trainer: Make, steps: int) -> None:
    trainer = make_trainer(max_steps=steps, num_train_epochs=2)
    trainer.train()
    assert trainer.state.global_step == 12


@pytest.mark.parametrize("epochs", [0.1, 1 / 6, 0.17, 1.0, 1.5, 2.9])
@pytest.mark.parametrize("accumulation", [1, 4])
def test_num_train_epochs_may_end_inside_one(make_trainer: Make, epochs: float, accumulation: int) -> None:
    trainer = make_trainer(num_train_epochs=epochs, gradient_accumulation_steps=accumulation)
    trainer.train()
    updates = {1: 6, 4: 2}[accumulation]
    assert trainer.state.global_step == math.ceil(round(epochs * updates, 9))
    assert len(trainer.model.seen) == _micro_batches(trainer.state.global_step, accumulation)


def _micro_batches(updates: int, accumulation: int) -> int:
    """Of an epoch's 6 micro-batches, the second update of 4 takes the last 2."""
    return updates if accumulation == 1 else updates // 2 * 6 + updates % 2 * 4


OUT_OF_MEMORY: list[BaseException] = [
    torch.OutOfMemoryError("anything"),
    RuntimeError("CUDA error: out of memory\nCompile with TORCH_USE_CUDA_DSA"),
    RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried 8 bytes"),
    RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED."),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
    MemoryError(),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: str(error)[:30] or type(error).__name__)
def test_what_is_out_of_memory(error: BaseException) -> None:
    wrapped = ValueError("in a layer")
    wrapped.__cause__ = error
    assert is_out_of_memory(error) and is_out_of_memory(wrapped)


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes differ"), ValueError("out of memory"), KeyboardInterrupt()], ids=repr
)
def test_what_is_not_out_of_memory(error: BaseException) -> None:
    assert not is_out_of_memory(error)


def test_a_real_refusal_of_the_allocator_is_out_of_memory() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def _fits(limit: int, tried: list[int]) -> Any:
    def work(batch_size: int, word: str, *, tail: str = "") -> str:
        tried.append(batch_size)
        if batch_size > limit:
            raise torch.OutOfMemoryError
        return f"{word}{batch_size}{tail}"

    return work


@pytest.mark.parametrize("start, limit, sizes", [(16, 16, [16]), (16, 5, [16, 8, 4]), (7, 1, [7, 3, 1])])
def test_find_executable_batch_size_halves(start: int, limit: int, sizes: list[int]) -> None:
    tried: list[int] = []
    work = find_executable_batch_size(_fits(limit, tried), starting_batch_size=start, auto_find_batch_size=True)
    assert work("w", tail="t") == f"w{sizes[-1]}t" and tried == sizes
    assert work("w") == f"w{sizes[-1]}" and tried == sizes * 2, "each call starts anew"


def test_find_executable_batch_size_raises_at_one_and_what_is_no_lack_of_memory() -> None:
    tried: list[int] = []
    find = find_executable_batch_size(starting_batch_size=4, auto_find_batch_size=True)
    with pytest.raises(torch.OutOfMemoryError):
        find(_fits(0, tried))("w")
    assert tried == [4, 2, 1]
    with pytest.raises(TypeError, match="word"):
        find(_fits(9, tried))()
    assert tried == [4, 2, 1]


def test_find_executable_batch_size_off_is_a_plain_call() -> None:
    tried: list[int] = []
    with pytest.raises(torch.OutOfMemoryError):
        find_executable_batch_size(_fits(1, tried), starting_batch_size=4)("w")
    assert tried == [4]


@pytest.mark.parametrize("somebody_holds_the_error", [False, True])
def test_find_executable_batch_size_holds_nothing_of_the_failed_attempt(somebody_holds_the_error: bool) -> None:
    class Large:
        pass

    kept: list[Any] = []
    errors: list[Exception] = []

    def work(batch_size: int) -> bool:
        if kept:
            return kept[0]() is None
        large = Large()
        # Held by a cycle, as modules with hooks are, and by the frame that the error came from.
        large.itself = large  # type: ignore[attr-defined]
        kept.append(weakref.ref(large))
        error = torch.OutOfMemoryError()
        if somebody_holds_the_error:
            errors.append(error)
        raise error

    gc.disable()
    try:
        assert find_executable_batch_size(work, 2, auto_find_batch_size=True)()
    finally:
        gc.enable()
