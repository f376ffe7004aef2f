"""What each size of parallelism_config does in runs of real processes, and what it cannot do."""

import copy
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from tests.training.parallel.labelled import CLASSES, CLIP, WIDTH, difference, rows, settings, windows_of
from tests.training.parallel.mesh import attending, mixing
from tests.training.parallel.world import run_in
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from trainspec import Trainer, TrainerCallback
from trainspec.training.parallel.mesh.needs import find_mesh_needs
from trainspec.training.preflight.preflight import Job, Machine, PreflightError

COUNT, ROWS = 13, 8


class Tagger(nn.Module):
    """That of labelled.py, with a norm, whose weights and outputs are tied to nothing and to each other's."""

    tensor_parallel_plan: ClassVar[dict[str, str]] = {
        "layers.0": "colwise",
        "layers.2": "rowwise",
        "layers.3": "sequence",
        "layers.4": "colwise_gather_output",
        "again": "colwise_gather_output",
    }

    def __init__(self, dropout: float = 0.0, *, tied: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        head, self.again = nn.Linear(WIDTH, CLASSES + 1), nn.Linear(WIDTH, CLASSES + 1)
        if tied:
            self.again.weight = head.weight
        layers = (nn.Linear(WIDTH, 8), nn.Tanh(), nn.Linear(8, WIDTH), nn.LayerNorm(WIDTH), head)
        self.layers = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        # The plan says nothing of it: it stays whole, beside parts.
        self.shift = nn.Parameter(torch.zeros(WIDTH))
        self.double()
        self.seen: list[tuple[float, float]] = []

    def forward(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        x = self.dropout(inputs)
        self.seen.append((float(inputs.sum()), float(x.sum())))
        x = self.layers[:4](x + self.shift)
        scores = self.layers[4](x) + self.again(x)
        return nn.functional.cross_entropy(scores.flatten(0, 1), labels.flatten()), scores


class Held(TrainerCallback):
    """How much of the model and of its gradients a process holds, while it trains."""

    def __init__(self) -> None:
        self.parts: dict[str, tuple[int, int]] = {}
        self.kinds: set[str] = set()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        for name, value in kwargs["model"].named_parameters():
            here, grad = (v.to_local() if isinstance(v, DTensor) else v for v in (value, value.grad))
            self.parts[name] = (here.numel(), grad.numel())
            self.kinds |= set(value.device_mesh.mesh_dim_names or ()) if isinstance(value, DTensor) else set()


def run(sizes: dict[str, int] | None, out: str, more: dict[str, Any], dropout: float = 0.0) -> dict[str, Any]:
    held, model = Held(), Tagger(dropout)
    args = settings(output_dir=out, parallelism_config=sizes, **more)
    trainer = Trainer(model, args, train_dataset=rows(COUNT), callbacks=[held])
    seen = model.seen
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    return {
        "weights": {name: value.clone() for name, value in trainer.parts.strategy.weights().items()},
        "losses": [entry["loss"] for entry in logged],
        "norms": [entry["grad_norm"] for entry in logged],
        "steps": trainer.state.max_steps,
        "parts": held.parts,
        "kinds": held.kinds,
        "seen": seen,
    }


def alone() -> dict[str, Any]:
    """By torch, a window of rows as one batch."""
    model, every = Tagger(), rows(COUNT)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    losses, norms = [], []
    for window in windows_of(COUNT, ROWS, 3):
        batch = {key: torch.stack([every[number][key] for number in window]) for key in ("inputs", "labels")}
        _, scores = model(**batch)
        wanted = batch["labels"].flatten()
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), wanted, reduction="sum") / (wanted != -100).sum()
        loss.backward()
        norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), CLIP)))
        losses.append(loss.item())
        optimizer.step()
        optimizer.zero_grad()
    return {"weights": copy.deepcopy(model.state_dict()), "losses": losses, "norms": norms}


LAYOUTS: tuple[dict[str, int], ...] = (
    {"tp_size": 2},
    {"tp_size": 2, "dp_replicate_size": 2},
    {"tp_size": 2, "dp_shard_size": 2},
    {"dp_replicate_size": 2, "dp_shard_size": 2},
)


def sizes_above_one(sizes: dict[str, int]) -> list[str]:
    """Copies that are whole are plain tensors, of no mesh."""
    names = [name.removesuffix("_size") for name in sizes]
    return [name for name in names if name != "dp_replicate" or "dp_shard" in names]


@pytest.mark.parametrize("sizes", LAYOUTS, ids=str)
def test_parallelism_config_trains_as_one_process(sizes: dict[str, int], tmp_path: Path) -> None:
    shares = sizes.get("dp_replicate_size", 1) * sizes.get("dp_shard_size", 1)
    tensor = sizes.get("tp_size", 1)
    every = run_in(shares * tensor, run, sizes, str(tmp_path), {"per_device_train_batch_size": ROWS // shares})
    wanted = alone()
    assert difference(every[0]["weights"], wanted["weights"]) < 1e-9
    assert wanted["norms"][0] > CLIP
    for found in every:
        assert found["losses"] == pytest.approx(wanted["losses"], abs=1e-12)
        assert found["norms"] == pytest.approx(wanted["norms"], abs=1e-10)
    whole = {name: value.numel() for name, value in Tagger().named_parameters()}
    for found in every:
        for name in ("layers.0.weight", "layers.2.weight", "again.weight"):
            share = whole[name] // tensor // sizes.get("dp_shard_size", 1)
            assert found["parts"][name] == (share, share), "parameters and gradients in parts"
        assert found["kinds"] == set(sizes_above_one(sizes)), "named as torch does"
    # Processes that hold parts of one layer read the same rows, others read others.
    read = [[first for first, _ in found["seen"]] for found in every]
    assert all(
        (one == other) is (a // tensor == b // tensor) for a, one in enumerate(read) for b, other in enumerate(read)
    )


def test_parallelism_config_drops_alike_in_a_group_and_otherwise_in_another(tmp_path: Path) -> None:
    # By an optimizer whose fused steps would not take whole parameters beside parts.
    more = {"per_device_train_batch_size": 4, "optim": "adamw_torch_fused"}
    every = run_in(4, run, {"tp_size": 2, "dp_replicate_size": 2}, str(tmp_path), more, 0.4)
    assert every[0]["seen"] == every[1]["seen"] != every[2]["seen"] == every[3]["seen"]
    # Of another share, not only of other rows: what is dropped differs.
    zero, two = (torch.tensor(every[rank]["seen"]) for rank in (0, 2))
    assert not torch.allclose(zero[:, 1] / zero[:, 0], two[:, 1] / two[:, 0])


def test_parallelism_config_counts_updates_by_shares_of_the_rows(tmp_path: Path) -> None:
    more = {"per_device_train_batch_size": 4, "max_steps": -1, "num_train_epochs": 2}
    assert run_in(4, run, {"tp_size": 2, "dp_replicate_size": 2}, str(tmp_path), more)[0]["steps"] == 4
    drops = {**more, "per_device_train_batch_size": COUNT, "dataloader_drop_last": True}
    assert run_in(2, run, {"tp_size": 2}, str(tmp_path), drops)[0]["steps"] == 2


REFUSED: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "sizes": ("TGT108", Tagger, {"parallelism_config": {"tp_size": 3}}),
    "no plan": ("RUN281", lambda: nn.Linear(2, 2), {"parallelism_config": {"tp_size": 2}}),
    "an empty plan": ("RUN282", None, {"parallelism_config": {"tp_size": 2}}),
    "heads": ("RUN283", None, {"parallelism_config": {"tp_size": 2}}),
    "cp": ("RUN285", Tagger, {"parallelism_config": {"cp_size": 2}}),
    "pp": ("RUN287", Tagger, {"parallelism_config": {"pp_size": 2}}),
    "ep": ("RUN288", Tagger, {"parallelism_config": {"ep_size": 2}}),
    "sp": ("RUN299", Tagger, {"parallelism_config": {"sp_size": 2}}),
}


def refused(name: str, out: str) -> list[str]:
    _, make, more = REFUSED[name]
    model = Tagger() if make is None else make()
    if name == "an empty plan":
        model.tensor_parallel_plan = {}
    if name == "heads":
        model.layers.num_heads = 3
    trainer = Trainer(model, settings(output_dir=out, **more), train_dataset=rows(COUNT))
    with pytest.raises(PreflightError) as caught:
        trainer.train()
    return [entry.code for entry in caught.value.diagnostics]


def all_refused(out: str) -> dict[str, list[str]]:
    return {name: refused(name, out) for name in REFUSED}


def test_parallelism_config_tells_what_cannot_be_split(tmp_path: Path) -> None:
    for found in run_in(2, all_refused, str(tmp_path / "out")):
        for name, codes in found.items():
            assert REFUSED[name][0] in codes, name
    assert not (tmp_path / "out").exists()


BY_TWO = {"per_device_train_batch_size": 2}


def test_parallelism_config_cuts_sequences_and_attends_to_whole_ones(tmp_path: Path) -> None:
    every = run_in(2, attending.trained, {"sp_size": 2}, "causal", BY_TWO, str(tmp_path), {})
    wanted = attending.alone("causal", {})
    assert difference(every[0]["weights"], wanted["weights"]) < 1e-9
    for found in every:
        assert found["losses"] == pytest.approx(wanted["losses"], abs=1e-12) and found["lengths"] == {6}
        assert found["norms"] == pytest.approx(wanted["norms"], abs=1e-10)


def test_parallelism_config_shares_out_experts(tmp_path: Path) -> None:
    every, wanted = run_in(2, mixing.run, {"ep_size": 2}, "routed", BY_TWO, str(tmp_path)), mixing.alone("routed")
    assert difference(every[0]["weights"], wanted["weights"]) < 1e-9
    for found in every:
        assert found["losses"] == pytest.approx(wanted["losses"], abs=1e-12)
        assert found["norms"] == pytest.approx(wanted["norms"], abs=1e-10)
        assert found["held"]["blocks.0.experts.up"] == mixing.EXPERTS * mixing.WIDTH * mixing.INNER // 2


def test_parallelism_config_does_not_split_sequences_by_deepspeed() -> None:
    args = settings(parallelism_config={"sp_size": 2}, deepspeed={"steps_per_print": 1}, use_cpu=True)
    machine = Machine(torch.device("cpu"), 2, bf16=True, tf32=False)
    assert [entry.code for entry in find_mesh_needs(args, machine, Job(Tagger(), None, None, None))] == ["RUN286"]
