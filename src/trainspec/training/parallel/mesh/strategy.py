"""A mesh of processes: some hold parts of each layer, some parts of each parameter, some whole copies of both.

tp            parts of layers, which work on the same rows (splitting.py)
dp_shard      parts of parameters, by torch's `fully_shard`, after layers were split
dp_replicate  copies, whose gradients are added up once a window is over; with dp_shard, by `fully_shard` too
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trainspec.training.model.names import bare, plain_parameters
from trainspec.training.parallel.fsdp import gradients as of_shards
from trainspec.training.parallel.fsdp import states
from trainspec.training.parallel.fsdp.loading import even_out
from trainspec.training.parallel.fsdp.pieces import pieces_of
from trainspec.training.parallel.fsdp.sharding import Sharded, shard_model
from trainspec.training.parallel.fsdp.ways import way_of
from trainspec.training.parallel.mesh.dimensions import DATA, Dimensions
from trainspec.training.parallel.mesh.gradients import add_up, settle, unscale, without_kernels
from trainspec.training.parallel.mesh.plan import is_split, plan_of
from trainspec.training.parallel.mesh.splitting import split
from trainspec.training.parallel.processes import ProcessesError
from trainspec.training.parallel.strategy import Kind, Policy, State, Strategy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel.processes import Processes


class MeshProcesses(Strategy):
    """parallelism_config gives the sizes. Preparing a model raises ProcessesError where they do not make up the world,
    and where the model has no plan to be split by.
    """

    _model: nn.Module
    _policy: Policy

    def __init__(self, processes: Processes | None = None, args: TrainingArguments | None = None) -> None:
        super().__init__(processes, args)
        if args is None or args.parallelism_config is None:
            raise ValueError("a mesh is set up by parallelism_config: give the settings that have it")
        self._settings = args
        self._device_type = args.device.type
        self.dimensions = Dimensions(args.parallelism_config, self.processes)
        self._optimizer: Optimizer | None = None
        self._sharded: Sharded | None = None
        self._evened: nn.Module | None = None

    # Who reads what

    @property
    def data_rank(self) -> int:
        return self.dimensions.data_rank

    @property
    def data_size(self) -> int:
        return self.dimensions.data_size

    @property
    def counts(self) -> bool:
        return self.dimensions.is_first_of_its_rows

    # The model

    def parallelize(self, model: nn.Module) -> nn.Module:
        self.dimensions.check()
        inner = bare(model)
        if self._evened is not inner and not self._is_prepared(inner):
            even_out(inner, self.processes)
            self._evened = inner
        if self.dimensions.sizes["tp"] > 1:
            plan = plan_of(inner)
            if plan is None or not (plan.modules or plan.parameters):
                raise ProcessesError(f"{type(inner).__name__} has no plan by which its layers could be split")
            if not is_split(plan, inner):
                split(inner, plan, self.dimensions.mesh(self._device_type, "tp"))
        return model

    def _is_prepared(self, inner: nn.Module) -> bool:
        return any(hasattr(value, "placements") for value in inner.parameters())

    def shard(self, model: nn.Module, policy: Policy) -> nn.Module:
        self._model, self._policy, self._optimizer = model, policy, None
        if self.dimensions.sizes["dp_shard"] == 1:
            self._sharded = None
        elif self._sharded is None or bare(self._sharded.model) is not bare(model):
            way = way_of(self._settings, self.data_size)
            # dp_shard_size alone asks for what fsdp: full_shard does.
            way = way if self._settings.fsdp else replace(way, frees=True)
            mesh = self.dimensions.mesh(self._device_type, *DATA)
            self._sharded = shard_model(model, way, mesh, policy.device, self._settings)
        return model

    # Updates

    def attach(self, optimizer: Optimizer, schedule: LRScheduler | None) -> tuple[Optimizer, LRScheduler | None]:
        self._optimizer = optimizer
        without_kernels(optimizer)
        return optimizer, schedule

    @contextmanager
    def accumulating(self, model: nn.Module, *, last: bool) -> Iterator[None]:
        sharded = self._sharded
        if sharded is not None:
            # The model itself is the last of the modules, and tells all others.
            sharded.modules[-1].set_requires_gradient_sync(last)
        try:
            yield
        except BaseException:
            if sharded is not None:
                of_shards.forget(sharded)
            raise

    def backward(self, loss: Tensor, *, counts: bool = True) -> None:
        precision = self._policy.precision
        if counts:
            precision.backward(loss)
        elif self._sharded is not None:
            with of_shards.adding_nothing(self._sharded):
                precision.backward(loss)

    def clip(self, parameters: Iterable[Tensor], max_norm: float) -> Tensor:
        parameters = list(parameters)
        settle(parameters)
        # What `fully_shard` has not added up: the rest of a sharded model, or the whole of another.
        rest = parameters if self._sharded is None else [v for v in parameters if _is_one_of(v, self._sharded.whole)]
        mesh = self.dimensions.flat(self._device_type, *DATA)
        if mesh is not None:
            add_up(rest, mesh)
        assert self._optimizer is not None, "call attach(optimizer)"
        unscale(self._policy.precision, self._optimizer, self.processes)
        return of_shards.clip(parameters, max_norm)

    def step(self) -> bool:
        assert self._optimizer is not None, "call attach(optimizer)"
        return self._policy.precision.step(self._optimizer)

    # What is saved

    def layout(self) -> dict[str, Any]:
        return {"strategy": "mesh", "world_size": self.processes.world_size, **self.dimensions.sizes}

    def pieces(self) -> dict[str, Any]:
        self._at_rest()
        return pieces_of(dict(plain_parameters(self._model)))

    def weights(self, kind: Kind = "full") -> Mapping[str, Tensor]:
        self._at_rest()
        return states.model_state(self._model, kind, self.processes)

    def state(self, kind: Kind = "full") -> State:
        weights = self.weights(kind)
        if self._optimizer is None:
            return State(weights)
        return State(weights, states.optimizer_state(self._model, self._optimizer, kind, self.processes))

    def load_state(self, state: State) -> None:
        self._at_rest()
        told = self.processes.each([state.model is not None, state.optimizer is not None])
        if any(entry[0] for entry in told):
            states.load_model(self._model, state.model or {}, self.processes)
        if any(entry[1] for entry in told):
            assert self._optimizer is not None, "call attach(optimizer)"
            states.load_optimizer(self._model, self._optimizer, state.optimizer or {}, self.processes)
            without_kernels(self._optimizer)

    def _at_rest(self) -> None:
        if self._sharded is not None:
            self._sharded.reshard()


def _is_one_of(value: Tensor, others: Iterable[Tensor]) -> bool:
    return any(value is other for other in others)
