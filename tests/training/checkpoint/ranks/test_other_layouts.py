"""Promise: a run goes on in another layout than wrote its checkpoint, with the same weights and optimizer state, at the
next rows that nobody has seen, and its losses are those of the undisturbed run of the same global batch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from tests.training.parallel.world import RankError, run_in
from tests.training.small_job import Rows
from torch import Tensor, nn

from trainspec import TrainingArguments
from trainspec.plan import shards
from trainspec.training.trainer import Trainer

ZERO = {"zero_allow_untested_optimizer": True, "zero_force_ds_cpu_optimizer": False}
# By the number of processes: whole, cut by FSDP2, by layers, by ZeRO.
WAYS: dict[str, dict[str, Any]] = {
    "whole": {},
    "fsdp": {"fsdp": "full_shard"},
    "tp": {"parallelism_config": {"tp_size": 2}},
    "tp factors": {"parallelism_config": {"tp_size": 2}, "optim": "adafactor"},
    "factors": {"optim": "adafactor"},
    "zero1": {"deepspeed": {"zero_optimization": {"stage": 1}, **ZERO}},
    "zero2": {"deepspeed": {"zero_optimization": {"stage": 2}, **ZERO}},
    "zero3": {"deepspeed": {"zero_optimization": {"stage": 3}, **ZERO}},
}
GLOBAL_ROWS, STEPS = 12, 8


class Net(nn.Module):
    """No dimension of its parameters can be divided evenly among all of 2, 3 and 4 processes."""

    tensor_parallel_plan: ClassVar[Any] = {"up": "colwise", "down": "rowwise"}

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.up = nn.Linear(4, 6)
        self.down = nn.Linear(6, 1)
        self.to(dtype)
        self.seen: list[int] = []

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> dict[str, Tensor]:
        if self.training and number is not None:
            self.seen.extend(number.tolist())
        output = self.down(torch.tanh(self.up(inputs.to(self.up.weight.dtype))))
        return {"loss": nn.functional.mse_loss(output, labels.to(output.dtype)), "logits": output}  # type: ignore[union-attr]


class StopAt:
    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = control.should_training_stop or state.global_step >= self._step


def _train(
    folder: Path, way: str, accumulation: int, shares: int, until: int, resume: bool, *, double: bool = True
) -> dict[str, Any]:
    # Each process writes its tensors, as of a model that is worth a file for each.
    shards.SMALLEST_SHARD = 1
    size = GLOBAL_ROWS // (accumulation * shares)
    args = TrainingArguments(
        output_dir=str(folder),
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        per_device_train_batch_size=size,
        gradient_accumulation_steps=accumulation,
        max_steps=STEPS,
        save_steps=until,
        save_strategy="steps",
        logging_steps=1,
        learning_rate=0.05,
        lr_scheduler_type="cosine",
        log_level="warning",
        **WAYS[way],
    )
    dtype = torch.float64 if double else torch.float32
    model = Net(dtype)
    trainer = Trainer(model, args, train_dataset=Rows(48, torch.float64), callbacks=[StopAt(until)])
    trainer.train(resume_from_checkpoint="latest" if resume else None)
    weights = trainer.parts.strategy.weights()
    return {
        "losses": [entry["loss"] for entry in trainer.state.log_history if "loss" in entry],
        "seen": model.seen,
        "rank": trainer.parts.strategy.data_rank,
        "weights": {name: value.tolist() for name, value in weights.items()},
    }


Stage = tuple[str, int, int, int]


def _train_in_single(*given: Any) -> dict[str, Any]:
    return _train(*given, double=False)


def go(
    folder: Path, stages: list[Stage], function: Any = _train
) -> tuple[list[float], list[list[int]], dict[str, Any]]:
    """Each stage: the way, the processes, the accumulation, and the update at which it ends."""
    seen: list[list[int]] = []
    for number, (way, processes, accumulation, until) in enumerate(stages):
        shares = 1 if way.startswith("tp") else processes
        more = {"DS_ACCELERATOR": "cpu"} if way.startswith("zero") else {}
        answers = run_in(processes, function, folder, way, accumulation, shares, until, number > 0, **more)
        by_share = {answer["rank"]: answer for answer in answers}
        seen.append(sorted(row for answer in by_share.values() for row in answer["seen"]))
    return answers[0]["losses"], seen, answers[0]["weights"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[float], list[list[int]], dict[str, Any]]:
    return go(tmp_path_factory.mktemp("whole"), [("whole", 1, 1, STEPS)])


def check(found: Any, wanted: Any, tolerance: float = 1e-6) -> None:
    losses, seen, weights = found
    assert losses == pytest.approx(wanted[0], abs=tolerance), "the losses of all updates"
    assert sorted(row for part in seen for row in part) == wanted[1][0], "no row twice, and none left out"
    for name, value in wanted[2].items():
        assert torch.allclose(torch.tensor(weights[name]), torch.tensor(value), rtol=0, atol=tolerance), name


def _name(stages: Any) -> str:
    return "-".join(f"{way}{size}" for way, size, *_ in stages)


SHORT = [
    [("whole", 2, 2, 3), ("whole", 1, 1, 8)],
    [("whole", 1, 1, 3), ("whole", 2, 3, 8)],
    [("fsdp", 2, 2, 3), ("whole", 1, 3, 8)],
    [("whole", 1, 1, 3), ("fsdp", 2, 1, 8)],
]


@pytest.mark.parametrize("stages", SHORT, ids=_name)
def test_goes_on(tmp_path: Path, stages: list[Stage], undisturbed: Any) -> None:
    check(go(tmp_path, stages), undisturbed)


LONG = [
    [("whole", 2, 2, 2), ("whole", 4, 1, 4), ("whole", 1, 4, 6), ("whole", 3, 2, 8)],
    [("fsdp", 2, 2, 2), ("fsdp", 4, 1, 4), ("fsdp", 3, 1, 6), ("whole", 2, 2, 8)],
    [("whole", 2, 2, 3), ("tp", 2, 1, 8)],
    [("tp", 2, 1, 3), ("whole", 2, 2, 8)],
    [("fsdp", 2, 1, 3), ("tp", 2, 2, 5), ("fsdp", 3, 1, 8)],
]
# DeepSpeed computes in single precision.
ENGINES = [
    [("whole", 2, 2, 3), ("zero1", 2, 1, 8)],
    [("zero1", 2, 1, 3), ("whole", 1, 2, 8)],
    [("zero2", 2, 1, 2), ("zero3", 2, 1, 4), ("zero1", 3, 1, 6), ("fsdp", 2, 1, 8)],
    [("fsdp", 2, 1, 2), ("zero3", 2, 1, 4), ("zero2", 4, 1, 6), ("tp", 2, 1, 8)],
]


@pytest.mark.long_distributed
@pytest.mark.parametrize("stages", LONG, ids=_name)
def test_goes_on_and_on(tmp_path: Path, stages: list[Stage], undisturbed: Any) -> None:
    check(go(tmp_path, stages), undisturbed)


@pytest.mark.long_distributed
@pytest.mark.parametrize("stages", ENGINES, ids=_name)
@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_goes_on_with_an_engine(tmp_path: Path, stages: list[Stage], undisturbed: Any) -> None:
    check(go(tmp_path, stages, _train_in_single), undisturbed, 1e-4)


@pytest.mark.long_distributed
def test_factors_of_parts_are_refused(tmp_path: Path) -> None:
    run_in(2, _train, tmp_path, "tp factors", 1, 1, 3, False)
    with pytest.raises(RankError, match=r"(?s)RUN247.*Adafactor cannot be dealt out anew.*rows or columns"):
        run_in(1, _train, tmp_path, "factors", 1, 1, 8, True)
