"""The strategy of `fsdp`: each process holds a part of each parameter, and gathers the rest as long as it needs it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import torch.distributed as dist

from trainspec.settings.arguments.launch import Launch
from trainspec.training.model.names import bare, plain_parameters
from trainspec.training.optimizers import behaviour
from trainspec.training.parallel.flat import added_up
from trainspec.training.parallel.fsdp import gradients, states
from trainspec.training.parallel.fsdp.loading import Handing, even_out
from trainspec.training.parallel.fsdp.pieces import pieces_of
from trainspec.training.parallel.fsdp.sharding import mesh_of, shard_model
from trainspec.training.parallel.fsdp.ways import details_of, way_of
from trainspec.training.parallel.processes import ProcessesError
from trainspec.training.parallel.strategy import Kind, Policy, State, Strategy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    import torch
    from torch import Tensor, nn
    from torch.distributed.device_mesh import DeviceMesh
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel.fsdp.sharding import Sharded
    from trainspec.training.parallel.processes import Processes

_INCOMPLETE = "a strategy works on what it was given: call prepare(model, policy), then attach(optimizer)"


class FullySharded(Strategy):
    """Every forward pass gathers parameters, so that all processes make as many, evaluation included.

    A model is sharded when it is prepared for the first time: its parameters are other objects from then on.
    """

    # Processes whose numbers of batches differ must make the difference up.
    forward_is_shared = True

    def __init__(self, processes: Processes | None = None, args: TrainingArguments | None = None) -> None:
        super().__init__(processes, args)
        if args is None:
            raise ValueError("FSDP is set up by settings: give them")
        self._settings = args
        self._details = details_of(args)
        self.way = way_of(args, self.processes.world_size, Launch.of_this_process().local_world_size)
        self._mesh: DeviceMesh | None = None
        self._handing: Handing | None = None
        self._sharded: Sharded | None = None
        self._policy: Policy | None = None
        self._optimizer: Optimizer | None = None
        self._pass = _Pass(self)
        self._exchanges = True
        self._unscaled = False

    # Preparing

    def place(self, model: nn.Module, device: torch.device) -> nn.Module:
        if self._sharded is not None and bare(model) is self._sharded.model:
            return model
        if self._details.cpu_ram_efficient_loading:
            self._handing = Handing(bare(model), self.processes)
            return model
        return model.to(device)

    def shard(self, model: nn.Module, policy: Policy) -> nn.Module:
        self._policy = policy
        inner = bare(model)
        if self._sharded is not None and inner is self._sharded.model:
            self._sharded.reshard()
            return model
        if not dist.is_initialized():
            raise ProcessesError("FSDP shares a model out over processes, and none are joined")
        self._optimizer = None
        handing, self._handing = self._handing, None
        if handing is None and self._details.sync_module_states:
            even_out(inner, self.processes)
        self._mesh = self._mesh or mesh_of(self.way, policy.device)
        self._sharded = shard_model(inner, self.way, self._mesh, policy.device, self._settings)
        if handing is not None:
            handing.done(inner, policy.device, offload=self.way.offload)
        return model

    def attach(self, optimizer: Optimizer, schedule: LRScheduler | None) -> tuple[Optimizer, LRScheduler | None]:
        whole = {id(value) for value in self._there.whole}
        for group in optimizer.param_groups:
            held = {id(value) in whole for value in group["params"]}
            if len(held) > 1:
                # An operation on many tensors at once takes whole ones or sharded ones, not both.
                group.update({name: False for name in ("foreach", "fused") if name in group})
        self._optimizer = optimizer
        return optimizer, schedule

    # Training

    def accumulating(self, model: nn.Module, *, last: bool) -> AbstractContextManager[Any]:
        if last is not self._exchanges:
            # The model itself is the last of the modules, and tells all others.
            self._there.modules[-1].set_requires_gradient_sync(last)
            self._exchanges = last
        return self._pass

    def backward(self, loss: Tensor, *, counts: bool = True) -> None:
        precision = self._prepared.precision
        if counts:
            behaviour.backward(self._optimizer, loss, precision.backward)
        else:
            with gradients.adding_nothing(self._there):
                precision.backward(loss)

    def end_pass(self, *, broke_off: bool) -> None:
        """After each micro-batch."""
        sharded = self._there
        if broke_off:
            gradients.forget(sharded)
        elif self._exchanges and sharded.whole:
            added_up(sharded.whole, self.processes)

    def clip(self, parameters: Iterable[Tensor], max_norm: float) -> Tensor:
        self._unscale()
        return gradients.clip(parameters, max_norm)

    def _unscale(self) -> None:
        if not self._unscaled:
            gradients.unscale(self._prepared.precision, self._attached, self._there.whole)
            self._unscaled = True

    def step(self) -> bool:
        self._unscale()
        self._unscaled = False
        return self._prepared.precision.step(self._attached)

    # What else is done with a model

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Every process holds the whole model inside, so that forward passes need no other process."""
        sharded = self._there
        for module in sharded.units:
            module.set_reshard_after_forward(False, recurse=False)
        for module in sharded.modules:
            module.unshard()
        try:
            yield
        finally:
            for module in sharded.units:
                module.set_reshard_after_forward(self.way.frees, recurse=False)
            sharded.reshard()

    def weights(self, kind: Kind = "full") -> Mapping[str, Tensor]:
        self._there.reshard()
        return states.model_state(self._there.model, kind, self.processes)

    def state(self, kind: Kind = "full") -> State:
        weights, optimizer = self.weights(kind), self._optimizer
        if optimizer is None:
            return State(weights)
        return State(weights, states.optimizer_state(self._there.model, optimizer, kind, self.processes))

    def load_state(self, state: State) -> None:
        model = self._there.model
        self._there.reshard()
        told = self.processes.each([state.model is not None, state.optimizer is not None])
        if any(entry[0] for entry in told):
            states.load_model(model, state.model or {}, self.processes)
        if any(entry[1] for entry in told):
            states.load_optimizer(model, self._attached, state.optimizer or {}, self.processes)

    def layout(self) -> dict[str, Any]:
        return {
            "strategy": "fsdp",
            "world_size": self.processes.world_size,
            "dp_replicate_size": self.way.replicas,
            "dp_shard_size": self.way.shards,
        }

    def pieces(self) -> dict[str, Any]:
        self._there.reshard()
        return pieces_of(dict(plain_parameters(self._there.model)))

    @property
    def _there(self) -> Sharded:
        if self._sharded is None:
            raise RuntimeError(_INCOMPLETE)
        return self._sharded

    @property
    def _prepared(self) -> Policy:
        if self._policy is None:
            raise RuntimeError(_INCOMPLETE)
        return self._policy

    @property
    def _attached(self) -> Optimizer:
        if self._optimizer is None:
            raise RuntimeError(_INCOMPLETE)
        return self._optimizer


class _Pass:
    """Around one micro-batch; one object for all."""

    def __init__(self, strategy: FullySharded) -> None:
        self._strategy = strategy

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._strategy.end_pass(broke_off=kind is not None)
