"""What one process sends and holds in each phase of one update, measured while it trains.

Collectives are seen where torch dispatches them, whoever asks for them. What is sent is what a ring sends of their
payloads, which are measured: of an all-gather or a reduce-scatter of n parts n - 1 parts, of an all-reduce 2 (n - 1) / n
of all. What is held are the bytes of tensors that are there at the end of a phase; `gathered` is the most within it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from trainspec import TrainerCallback

# By the name of torch's operator.
_COLLECTIVES = {
    "_allgather_base_": "all-gather",
    "allgather_": "all-gather",
    "allgather_coalesced_": "all-gather",
    "allgather_into_tensor_coalesced_": "all-gather",
    "_reduce_scatter_base_": "reduce-scatter",
    "reduce_scatter_": "reduce-scatter",
    "reduce_scatter_tensor_coalesced_": "reduce-scatter",
    "allreduce_": "all-reduce",
    "allreduce_coalesced_": "all-reduce",
    "reduce_": "reduce",
    "broadcast_": "broadcast",
    "gather_": "gather",
    "scatter_": "scatter",
}


@dataclass
class Held:
    """Bytes: its own parts of parameters, what is gathered, its gradients and whole ones, the optimizer's state (with a
    copy of the parameters, where there is one), and what collectives are packed into.
    """

    parameters: int = 0
    gathered: int = 0
    gradients: int = 0
    unsharded: int = 0
    optimizer: int = 0
    buckets: int = 0

    @property
    def total(self) -> int:
        return sum(asdict(self).values())


@dataclass
class Phase:
    """`sent` in bytes, and `calls`, by the kind of collective."""

    name: str
    micro_batch: int
    sent: dict[str, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    held: Held = field(default_factory=Held)
    gathered_at_once: int = 0


class Measuring(TrainerCallback):
    """Of one update; the phases end where the run comes to its next event."""

    def __init__(self, update: int) -> None:
        self._update = update
        self._phases: list[Phase] = []
        self._watching: _Watching | None = None
        self._loss: list[float] = []
        self._rows = self._micro_batch = 0
        self._memory: Any = None

    def on_train_begin(
        self, args: Any, state: Any, control: Any, *, model: nn.Module, optimizer: Any, **_: Any
    ) -> None:
        engine = getattr(optimizer, "engine", None)
        self._memory = _OfDeepSpeed(engine) if engine is not None else _OfFullySharded(model, optimizer)
        model.register_forward_pre_hook(self._count_rows, with_kwargs=True)
        model.register_forward_hook(self._forward_ends)

    def _count_rows(self, model: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        self._rows += len(named["characters"])

    def _forward_ends(self, model: nn.Module, inputs: Any, outputs: dict[str, Tensor]) -> None:
        if self._watching is not None:
            self._micro_batch += 1
            self._loss.append(float(outputs["loss"].detach()))
            self._end("forward")

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._watching is not None:
            # What came after the update: how processes agree on the next one.
            self._end("agree")
            self._watching.__exit__(None, None, None)
            self._watching = None
        elif state.global_step == self._update - 1:
            self._watching = _Watching(self._memory)
            self._watching.__enter__()

    def on_substep_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._end("backward")

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._end("backward")

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._end("step")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._end("release")

    def _end(self, name: str) -> None:
        if self._watching is not None:
            self._phases.append(self._watching.phase(name, self._micro_batch))

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        found = {
            "phases": [asdict(phase) for phase in self._phases],
            "losses": self._loss,
            "rows": self._rows,
            "updates": state.global_step,
            "updates_per_epoch": state.updates_per_epoch,
            "logged": [entry["loss"] for entry in state.log_history if "loss" in entry],
        }
        folder = Path(args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"measured-{dist.get_rank()}.json").write_text(json.dumps(found))


class _Watching(TorchDispatchMode):
    def __init__(self, memory: Any) -> None:
        super().__init__()
        self._memory = memory
        self._now = Phase("", 0)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        space, _, name = func._schema.name.partition("::")
        if space == "c10d" and name in _COLLECTIVES:
            self._note(_COLLECTIVES[name], args)
        self._most()
        return func(*args, **(kwargs or {}))

    def _note(self, kind: str, args: Any) -> None:
        ranks = dist.get_world_size()
        # The larger side is the whole, where there are two.
        payload = max(sum(map(_bytes, _tensors(argument))) for argument in args)
        share = {"all-reduce": 2 * (ranks - 1) / ranks, "broadcast": 1, "reduce": 1}.get(kind, (ranks - 1) / ranks)
        now = self._now
        now.sent[kind] = now.sent.get(kind, 0) + round(payload * share)
        now.calls[kind] = now.calls.get(kind, 0) + 1

    def _most(self) -> None:
        self._now.gathered_at_once = max(self._now.gathered_at_once, self._memory.gathered())

    def phase(self, name: str, micro_batch: int) -> Phase:
        self._most()
        ended, self._now = self._now, Phase("", 0)
        ended.name, ended.micro_batch, ended.held = name, micro_batch, self._memory.held()
        return ended


def _tensors(argument: Any) -> list[Tensor]:
    return [value for value in tree_leaves(argument) if isinstance(value, Tensor)]


def _bytes(value: Any) -> int:
    here = value.to_local() if hasattr(value, "to_local") else value
    return 0 if here is None else here.numel() * here.element_size()


def _state_bytes(state: Any) -> int:
    """Without the count of updates."""
    values = [value for one in state.values() for name, value in one.items() if name != "step"]
    return sum(_bytes(value) for value in values if isinstance(value, Tensor))


class _OfFullySharded:
    def __init__(self, model: nn.Module, optimizer: Any) -> None:
        self._optimizer = optimizer
        states = {id(found): found for found in map(_fsdp_state, model.modules()) if found is not None}
        self._parts = [
            part for state in states.values() for group in state._fsdp_param_groups for part in group.fsdp_params
        ]

    def gathered(self) -> int:
        """Storages that are let go have no bytes."""
        return sum(
            value.untyped_storage().nbytes()
            for part in self._parts
            for value in getattr(part, "all_gather_outputs", ())
        )

    def held(self) -> Held:
        # The model itself has whole ones in their place while they are gathered.
        parameters = [part.sharded_param for part in self._parts]
        whole = [part.unsharded_accumulated_grad for part in self._parts]
        whole += [getattr(getattr(part, "_unsharded_param", None), "grad", None) for part in self._parts]
        return Held(
            parameters=sum(map(_bytes, parameters)),
            gathered=self.gathered(),
            gradients=sum(_bytes(value.grad) for value in parameters),
            unsharded=sum(map(_bytes, whole)),
            optimizer=_state_bytes(self._optimizer.state),
        )


def _fsdp_state(module: nn.Module) -> Any:
    return module._get_fsdp_state() if hasattr(module, "_get_fsdp_state") else None


class _OfDeepSpeed:
    def __init__(self, engine: Any) -> None:
        self._zero, self._parameters = engine.optimizer, list(engine.module.parameters())

    def gathered(self) -> int:
        """A parameter that is let go is empty."""
        return sum(_bytes(value.data) for value in self._parameters if value.data.numel() == value.ds_numel)

    def held(self) -> Held:
        zero = self._zero
        masters = sum(map(_bytes, zero.fp32_partitioned_groups_flat))
        return Held(
            parameters=sum(_bytes(value.ds_tensor) for value in self._parameters),
            gathered=self.gathered(),
            gradients=_bytes(zero.grad_partitions_flat_buffer),
            unsharded=sum(_bytes(value.grad) for value in self._parameters),
            optimizer=masters + _state_bytes(zero.optimizer.state),
            buckets=sum(_bytes(bucket.buffer) for bucket in zero.ipg_buckets.values()),
        )
