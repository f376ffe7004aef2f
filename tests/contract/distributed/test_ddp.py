"""What the ddp_* settings do among real processes, and average_tokens_across_devices."""

import os
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.parallel.labelled import Tagger, by_hand, difference, rows, settings, trained, windows_of
from tests.training.parallel.world import RankError, run_in
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from trainspec import Trainer, TrainerCallback

TWO = {"per_device_train_batch_size": 2}


class Choosy(nn.Module):
    """Uses one of its two layers, another one in each process; counts its passes in a buffer that is never the same."""

    def __init__(self, rank: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList([nn.Linear(4, 3), nn.Linear(4, 3)])
        self.rank = rank
        self.passes: Tensor
        self.register_buffer("passes", torch.zeros(()))

    def forward(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.layers[self.rank](inputs.float())
        self.passes += 1 + self.rank
        return nn.functional.cross_entropy(scores.flatten(0, 1), labels.flatten()), scores


class Look(TrainerCallback):
    """What torch tells of its wrapper."""

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}
        self.trainer: Any = None

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        wrapped = self.trainer.model_wrapped
        assert isinstance(wrapped, DistributedDataParallel)
        self.told = wrapped._get_ddp_logging_data()


def run(out: str, more: dict[str, Any], choosy: bool = False) -> dict[str, Any]:
    warnings.simplefilter("error", FutureWarning)
    look, model = Look(), Choosy(int(os.environ["RANK"])) if choosy else Tagger()
    trainer = Trainer(model, settings(output_dir=out, **TWO | more), train_dataset=rows(12), callbacks=[look])
    look.trainer = trainer
    trainer.train()
    passes = float(model.passes) if isinstance(model, Choosy) else 0.0
    # As before an evaluation.
    trainer.parts.strategy.share_buffers(trainer.model)
    shared = float(model.passes) if isinstance(model, Choosy) else 0.0
    wanted = ("bucket_sizes", "rebuilt_bucket_sizes", "find_unused_parameters", "static_graph")
    return {name: look.told.get(name) for name in wanted} | {"passes": passes, "shared": shared}


def test_ddp_find_unused_parameters_lets_a_part_of_the_model_rest(tmp_path: Path) -> None:
    one, other = run_in(2, run, str(tmp_path), {"ddp_find_unused_parameters": True}, True)
    assert one["find_unused_parameters"] and other["find_unused_parameters"]
    with pytest.raises(RankError, match="Expected to have finished reduction"):
        run_in(2, run, str(tmp_path), {"ddp_find_unused_parameters": False}, True)
    # Where nothing is said, the first window tells whether a part rests; looking for it takes time in every pass.
    assert run_in(2, run, str(tmp_path), {}, True)[0]["find_unused_parameters"]
    assert not run_in(2, run, str(tmp_path), {})[0]["find_unused_parameters"]


def test_ddp_bucket_cap_mb_is_the_size_of_a_message(tmp_path: Path) -> None:
    # A bucket is full when it holds that much; the first one of torch's holds 1 MB at most.
    whole = run_in(2, buckets, str(tmp_path), 100)[0]
    cut = run_in(2, buckets, str(tmp_path), 1)[0]
    assert len(cut) > len(whole)


class Wide(Tagger):
    def __init__(self) -> None:
        super().__init__()
        self.more = nn.Sequential(*[nn.Linear(WIDE, WIDE) for _ in range(6)])

    def forward(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        loss, scores = super().forward(inputs, labels)
        return loss + self.more(torch.ones(1, WIDE)).mean(), scores


WIDE = 512


def buckets(out: str, cap: int) -> list[int]:
    look = Look()
    args = settings(output_dir=out, ddp_bucket_cap_mb=cap, ddp_find_unused_parameters=False, **TWO)
    trainer = Trainer(Wide(), args, train_dataset=rows(12), callbacks=[look])
    look.trainer = trainer
    trainer.train()
    return [int(size) for size in str(look.told["rebuilt_bucket_sizes"]).split(",")]


def test_ddp_broadcast_buffers_makes_those_of_the_main_process_hold(tmp_path: Path) -> None:
    # Three updates of one micro-batch each. Rank 1 adds 2, to what rank 0 had before the last pass.
    both = {"ddp_find_unused_parameters": True}
    told = run_in(2, run, str(tmp_path), both | {"ddp_broadcast_buffers": True}, True)
    assert [one["passes"] for one in told] == [3.0, 4.0] and [one["shared"] for one in told] == [3.0, 3.0]
    kept = run_in(2, run, str(tmp_path), both | {"ddp_broadcast_buffers": False}, True)
    assert [one["passes"] for one in kept] == [one["shared"] for one in kept] == [3.0, 6.0]


def test_ddp_static_graph_is_told_to_torch_and_goes_with_accumulation(tmp_path: Path) -> None:
    fixed = {"ddp_static_graph": True}
    assert run_in(2, run, str(tmp_path), fixed)[0]["static_graph"] == 1
    assert not run_in(2, run, str(tmp_path), {})[0]["static_graph"]
    # torch itself stops with an internal error where passes of a window are not exchanged.
    more = fixed | {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2}
    wanted = by_hand(windows_of(13, 8, 3), 13)
    for found in run_in(2, trained, 13, str(tmp_path), more):
        assert difference(found["weights"], wanted["weights"]) < 1e-9


def mean_of_means(count: int) -> float:
    """The first loss where each of two processes takes the mean over the labels of its own two rows."""
    every, model = rows(count), Tagger()
    found = []
    for own in (every[0:2], every[2:4]):
        inputs, labels = (torch.stack([row[name] for row in own]) for name in ("inputs", "labels"))
        found.append(model(inputs, labels)[0].item())
    return sum(found) / 2


def test_average_tokens_across_devices_weighs_processes_by_their_labels(tmp_path: Path) -> None:
    across, apart = (
        run_in(2, trained, 12, str(tmp_path), TWO | {"average_tokens_across_devices": value}) for value in (True, False)
    )
    wanted = by_hand(windows_of(12, 4, 3), 12)
    assert across[0]["losses"] == pytest.approx(wanted["losses"], abs=1e-12)
    assert apart[0]["losses"][0] == pytest.approx(mean_of_means(12), abs=1e-12)
    assert abs(apart[0]["losses"][0] - wanted["losses"][0]) > 1e-3
    # Both processes go the same way all the same.
    assert difference(apart[0]["weights"], apart[1]["weights"]) == 0
