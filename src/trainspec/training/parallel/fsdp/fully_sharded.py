"""The strategy of `fsdp`: each process holds a part of each parameter, and gathers the rest as long as it needs it."""

from __future__ import annotations

import weakref
from contextlib import contextmanager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar

import torch.distributed as dist
from torch import Tensor

from trainspec.settings.arguments.launch import Launch
from trainspec.training.model.names import bare, plain_parameters, plain_state
from trainspec.training.optimizers import behaviour
from trainspec.training.parallel.flat import added_up
from trainspec.training.parallel.fsdp import gradients, states
from trainspec.training.parallel.fsdp.dealing import dealt_model
from trainspec.training.parallel.fsdp.evaluation import evaluating_in
from trainspec.training.parallel.fsdp.loading import Handing, even_out
from trainspec.training.parallel.fsdp.pieces import pieces_of, sharded_as
from trainspec.training.parallel.fsdp.sharding import mesh_of, shard_model
from trainspec.training.parallel.fsdp.stepping import take_shards
from trainspec.training.parallel.fsdp.ways import details_of, way_of
from trainspec.training.parallel.processes import ProcessesError
from trainspec.training.parallel.strategy import Kind, Policy, State, Strategy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    import torch
    from torch import nn
    from torch.distributed.device_mesh import DeviceMesh
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel.dealing import DealtWeights
    from trainspec.training.parallel.fsdp.sharding import Sharded
    from trainspec.training.parallel.fsdp.ways import Way
    from trainspec.training.parallel.processes import Processes

Part = TypeVar("Part")


class FullySharded(Strategy):
    """Every forward pass gathers parameters, so that all processes make as many, evaluation included.

    A model is shared out when it is to train or to be evaluated for the first time. Its parameters are other objects
    from then on; an optimizer that was made before gets them in place of its own.
    """

    loads_from_main = True

    def __init__(self, processes: Processes | None = None, args: TrainingArguments | None = None) -> None:
        super().__init__(processes, args)
        if args is None:
            raise ValueError("FSDP is set up by settings: give them")
        self._settings = args
        self._mesh: DeviceMesh | None = None
        self._model: nn.Module | None = None
        self._sharded: Sharded | None = None
        self._successors: dict[int, tuple[Any, nn.Parameter]] = {}
        self._policy: Policy | None = None
        self._optimizer: Optimizer | None = None
        self._pass = _Pass(self)
        self._exchanges = True
        self._unscaled = False

    # Preparing

    @cached_property
    def way(self) -> Way:
        """Raises WayError where so many processes cannot be laid out as the settings ask."""
        return way_of(self._settings, self.processes.world_size, Launch.of_this_process().local_world_size)

    def place(self, model: nn.Module, device: torch.device) -> nn.Module:
        # Part by part, when it is shared out: whole, it may be too large for the device.
        return model

    def shard(self, model: nn.Module, policy: Policy) -> nn.Module:
        self._model, self._policy = bare(model), policy
        if policy.trains:
            self._share()
        return model

    def evaluated(self, model: nn.Module) -> nn.Module:
        self._share()
        return model

    def _share(self) -> None:
        model, policy, details = self._model, self._prepared, details_of(self._settings)
        assert model is not None, "it was given with its policy"
        if self._sharded is not None and self._sharded.model is model:
            self._sharded.reshard()
            return
        if not dist.is_initialized():
            raise ProcessesError("FSDP shares a model out over processes, and none are joined")
        self._optimizer, self._exchanges = None, True
        before = [(name, weakref.ref(value), id(value)) for name, value in model.named_parameters()]
        handing = Handing(model, self.processes) if details.cpu_ram_efficient_loading else None
        if handing is None and details.sync_module_states:
            even_out(model, self.processes)
        self._mesh = self._mesh or mesh_of(self.way, policy.device)
        self._sharded = shard_model(model, self.way, self._mesh, policy.device, self._settings)
        if handing is not None:
            handing.done(model, policy.device, offload=self.way.offload)
        after = dict(model.named_parameters())
        self._successors = {number: (known, after[name]) for name, known, number in before}

    def attach(self, optimizer: Optimizer, schedule: LRScheduler | None) -> tuple[Optimizer, LRScheduler | None]:
        for group in optimizer.param_groups:
            group["params"] = [self._now(value, optimizer) for value in group["params"]]
        take_shards(optimizer, self._there.whole)
        self._optimizer = optimizer
        return optimizer, schedule

    def _now(self, value: Any, optimizer: Optimizer) -> Any:
        """What a parameter of before the model was shared out has become, with what the optimizer knows of it."""
        known, successor = self._successors.get(id(value), (None, value))
        if known is None or known() is not value or successor is value:
            return value
        if value in optimizer.state:
            optimizer.state[successor] = {
                name: sharded_as(entry, successor, name) if isinstance(entry, Tensor) else entry
                for name, entry in optimizer.state.pop(value).items()
            }
        return successor

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

    def evaluating_in(self, model: nn.Module, dtype: torch.dtype | None) -> AbstractContextManager[Any]:
        self._share()
        return nullcontext() if dtype is None else evaluating_in(self._there, dtype)

    @property
    def forward_is_shared(self) -> bool:
        return True

    @contextmanager
    def gathered(self) -> Iterator[None]:
        self._share()
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
        if self._sharded is None or self._sharded.model is not self._model:
            return plain_state(_known(self._model)) if self.processes.is_main else {}
        self._sharded.reshard()
        return states.model_state(self._sharded.model, kind, self.processes)

    def dealt_weights(self) -> DealtWeights | None:
        self._share()
        self._there.reshard()
        return dealt_model(self._there.model, self.processes)

    def state(self, kind: Kind = "full") -> State:
        weights, optimizer = self.weights(kind), self._optimizer
        if optimizer is None:
            return State(weights)
        return State(weights, states.optimizer_state(self._there.model, optimizer, kind, self.processes))

    def load_state(self, state: State) -> None:
        self._share()
        model = self._there.model
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
        self._share()
        self._there.reshard()
        return pieces_of(dict(plain_parameters(self._there.model)))

    @property
    def _there(self) -> Sharded:
        return _known(self._sharded)

    @property
    def _prepared(self) -> Policy:
        return _known(self._policy)

    @property
    def _attached(self) -> Optimizer:
        return _known(self._optimizer)


def _known(part: Part | None) -> Part:
    if part is None:
        raise RuntimeError("a strategy works on what it was given: call prepare(model, policy), then attach(optimizer)")
    return part


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
