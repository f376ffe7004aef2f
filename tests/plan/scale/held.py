"""What the processes of a real run hold, in bytes: the storages of all tensors that there are, by what they are for."""

import ctypes
import gc
from pathlib import Path
from typing import Any, ClassVar

import torch
from tests.training.small_job import Rows
from torch import Tensor, nn

from trainspec import TrainerCallback, TrainingArguments
from trainspec.training.parallel.deepspeed_engine.pieces import pieces_of
from trainspec.training.trainer import Trainer

WIDTH, LAYERS, EXPERTS = 96, 4, 4
# Of malloc's options.
_MMAP_THRESHOLD = -3
# What collectives of DeepSpeed's are packed into, in elements.
BUCKET = 40_000
USUAL: dict[str, Any] = {
    "use_cpu": True,
    "report_to": "none",
    "max_steps": 3,
    "save_strategy": "no",
    "disable_tqdm": True,
    "per_device_train_batch_size": 2,
    "gradient_accumulation_steps": 2,
}


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        changed: Tensor = hidden + self.down(self.up(self.norm(hidden)).tanh())
        return changed


class Layers(nn.Module):
    """Nearly all of its parameters are those of its layers' matrices, which a tensor-parallel group splits."""

    tensor_parallel_plan: ClassVar[Any] = {"layers.*.up": "colwise", "layers.*.down": "rowwise"}
    block: ClassVar[Any] = Block

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.enter = nn.Linear(4, width)
        self.layers = nn.ModuleList(self.block(width) for _ in range(LAYERS))
        self.head = nn.Linear(width, 1)

    def forward(self, inputs: Tensor, labels: Tensor, number: Any = None) -> dict[str, Tensor]:
        hidden = self.enter(inputs)
        for layer in self.layers:
            hidden = layer(hidden)
        output = self.head(hidden)
        return {"loss": nn.functional.mse_loss(output.float(), labels.float()), "logits": output}


class Routed(nn.Module):
    """Of each of its parameters, all experts in one tensor."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.num_experts = EXPERTS
        self.up = nn.Parameter(torch.randn(EXPERTS, width, width) / width)
        self.down = nn.Parameter(torch.randn(EXPERTS, width, width) / width)

    def forward(self, x: Tensor, index: Tensor, weights: Tensor) -> Tensor:
        found = torch.zeros_like(x)
        for expert in range(self.num_experts):
            *places, slot = torch.where(index == expert)
            made = (x[*places] @ self.up[expert]).tanh() @ self.down[expert] * weights[*places, slot][:, None]
            found = found.index_put(tuple(places), made, accumulate=True)
        return found


class Mixing(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.router, self.experts = nn.Linear(width, EXPERTS), Routed(width)

    def forward(self, hidden: Tensor) -> Tensor:
        weights, index = self.router(hidden).softmax(-1).topk(2, -1)
        changed: Tensor = hidden + self.experts(hidden, index, weights)
        return changed


class Experts(Layers):
    """Nearly all of its parameters are those of experts."""

    tensor_parallel_plan: ClassVar[Any] = {}
    expert_parallel_plan: ClassVar[Any] = {"layers.*.experts": "experts"}
    block: ClassVar[Any] = Mixing


def local(value: Any) -> Tensor:
    """The part of a parameter, or of a tensor of an optimizer, that is here."""
    found: Tensor = value.to_local() if hasattr(value, "to_local") else getattr(value, "ds_tensor", value)
    return found


def storages(values: Any) -> dict[int, int]:
    """Each once, with its bytes."""
    there = (value.untyped_storage() for value in values)
    return {storage.data_ptr(): storage.nbytes() for storage in there if storage.nbytes()}


def everything() -> dict[int, int]:
    """Of every tensor that this process has, and of their gradients, which python knows of when it asks for them."""
    gc.collect()
    found = [entry for entry in gc.get_objects() if issubclass(type(entry), Tensor) and not entry.is_meta]
    found += [value.grad for value in found if value.is_leaf and value.grad is not None]
    return storages(map(local, found))


class Watching(TrainerCallback):
    """Of the second update, by when an optimizer has its state: what is there, less what was there before."""

    def __init__(self, before: dict[int, int]) -> None:
        self.found: dict[str, int] = {}
        self._before = before

    def on_substep_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self._note("waiting", state.global_step == 1, **given)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self._note("gradients", state.global_step == 1, **given)

    def _note(self, name: str, now: bool, *, model: nn.Module, optimizer: Any, **_: Any) -> None:
        if not now:
            return
        parameters = storages(map(local, model.parameters()))
        states = [value for entry in optimizer.state.values() for value in entry.values() if isinstance(value, Tensor)]
        engine = getattr(optimizer, "engine", None)
        # What it steps, where that is a copy of the model's parameters.
        masters = [] if engine is None else [piece.flat for piece in pieces_of(engine)]
        stepped = storages(map(local, [*states, *masters]))
        kept = {place: size for place, size in stepped.items() if place not in parameters}
        there = {place: size for place, size in everything().items() if place not in self._before}
        others = sum(size for place, size in there.items() if place not in parameters and place not in kept)
        self.found |= {"parameters": sum(parameters.values()), "optimizer": sum(kept.values()), name: others}


def made(changes: dict[str, Any]) -> Layers:
    """The model for these settings: one of experts where these are shared out."""
    return Experts() if changes.get("parallelism_config", {}).get("ep_size") else Layers()


def held(changes: dict[str, Any], output: str) -> dict[str, int]:
    watching = Watching(everything())
    args = TrainingArguments(output_dir=output, **{**USUAL, **changes})
    Trainer(made(changes), args, train_dataset=Rows(48), callbacks=[watching]).train()
    return watching.found


class _Resident(TrainerCallback):
    """Bytes that the process has in memory, by the operating system, when gradients are there and optimizer state."""

    found = 0

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        gc.collect()
        self.found = in_memory()


def give_back_at_once() -> None:
    """Have what is let go leave the process, so that what is counted is in use."""
    ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 1 << 16)


def in_memory() -> int:
    """Without what is of files."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("RssAnon:")[2].split()[0]) * 1024


def resident_more(changes: dict[str, Any], output: str, width: int) -> int:
    """By how much a run with layers of that width takes more than what was there: after a small run of the same kind,
    which has everything loaded.
    """
    give_back_at_once()
    args = TrainingArguments(output_dir=output, **{**USUAL, "gradient_accumulation_steps": 1, **changes})
    Trainer(Layers(8), args, train_dataset=Rows(48)).train()
    gc.collect()
    before, resident = in_memory(), _Resident()
    Trainer(Layers(width), args, train_dataset=Rows(48), callbacks=[resident]).train()
    return resident.found - before
