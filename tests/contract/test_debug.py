"""Looking into a run: where numbers break, and how much memory it takes."""

import itertools
import mmap
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, entries, weights
from torch import Tensor

from trainspec.training.model.debugging import NonFiniteNumbersError
from trainspec.training.preflight.preflight import PreflightError

MIB = 2**20


class Breaking(Line):
    """Computes an infinity in its layer at the third training batch."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = itertools.count(1)
        self.layer.register_forward_hook(lambda module, inputs, output: output / (next(self.calls) != 3))


def test_debug_underflow_overflow_stops_at_the_module_that_broke(make_trainer: Make) -> None:
    trainer = make_trainer(model=Breaking(), debug="underflow_overflow", stop_on_nonfinite=False)
    with pytest.raises(NonFiniteNumbersError) as caught:
        trainer.train()
    text = str(caught.value)
    assert text.startswith("inf or nan in layer, in batch 2 (from 0)")
    assert "layer  Linear" in text and "abs min" in text and "dropout  Dropout" in text
    assert trainer.state.global_step == 2
    assert len(trainer.model.layer._forward_hooks) == 1, "the model's own hook alone"
    plain = make_trainer(model=Breaking(), stop_on_nonfinite=False)
    plain.train()
    assert plain.state.global_step == 6


def test_debug_underflow_overflow_changes_no_number(make_trainer: Make) -> None:
    runs = [make_trainer(model=Line(dropout=0.5), logging_steps=1, debug=debug) for debug in ("", "underflow_overflow")]
    for trainer in runs:
        trainer.train()
    assert [entry["loss"] for entry in entries(runs[0], "loss")] == [
        entry["loss"] for entry in entries(runs[1], "loss")
    ]
    assert all(torch.equal(*pair) for pair in zip(weights(runs[0]).values(), weights(runs[1]).values(), strict=True))
    assert not runs[1].model.layer._forward_hooks


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_debug_tpu_metrics_needs_a_tpu(make_trainer: Make) -> None:
    with pytest.raises(PreflightError, match="torch_xla"):
        make_trainer(debug=["tpu_metrics_debug"]).train()


def _block(mebibytes: int) -> Tensor:
    return torch.frombuffer(mmap.mmap(-1, mebibytes * MIB), dtype=torch.float32)


class Hungry(Line):
    """Takes 64 MiB for a moment while it trains, and keeps 48 MiB from its first evaluation on.

    From the system itself: what the C library hands out may be memory that earlier tests freed, which shows nowhere.
    """

    held: Tensor | None = None

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> dict[str, Tensor]:
        if self.training:
            _block(64).exp_()
        elif self.held is None:
            self.held = _block(48).fill_(1.0)
        return super().forward(inputs, labels, number)


def test_skip_memory_metrics_false_puts_figures_into_metrics(make_trainer: Make) -> None:
    trainer = make_trainer(model=Hungry(), skip_memory_metrics=False)
    train = trainer.train().metrics
    assert {"init_mem_cpu_alloc_delta", "init_mem_cpu_peaked_delta", "before_init_mem_cpu"} <= set(train)
    assert train["before_init_mem_cpu"] > 50 * MIB
    assert train["train_mem_cpu_peaked_delta"] > 50 * MIB
    first, second = trainer.evaluate(), trainer.evaluate()
    assert 44 * MIB < first["eval_mem_cpu_alloc_delta"] < 76 * MIB
    assert abs(second["eval_mem_cpu_alloc_delta"]) < 16 * MIB
    assert "init_mem_cpu_alloc_delta" not in first
    test = trainer.predict(trainer.eval_dataset).metrics
    assert {"test_mem_cpu_alloc_delta", "test_mem_cpu_peaked_delta"} <= set(test)
    assert entries(trainer, "train_mem_cpu_alloc_delta") and entries(trainer, "eval_mem_cpu_alloc_delta")


def test_skip_memory_metrics_counts_evaluation_within_training_as_training(make_trainer: Make) -> None:
    trainer = make_trainer(model=Hungry(), skip_memory_metrics=False, eval_strategy="epoch")
    train = trainer.train().metrics
    assert train["train_mem_cpu_alloc_delta"] > 44 * MIB
    assert not entries(trainer, "eval_mem_cpu_alloc_delta")


def test_skip_memory_metrics_leaves_them_out(make_trainer: Make) -> None:
    trainer = make_trainer()
    found: dict[str, Any] = trainer.train().metrics | trainer.evaluate()
    assert not [name for name in found if "_mem_" in name]
