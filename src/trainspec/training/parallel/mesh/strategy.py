"""A mesh of processes: some hold parts of each layer, some parts of each parameter, some whole copies of both.

tp            parts of layers, which work on the same rows (splitting.py)
dp_shard      parts of parameters, by torch's `fully_shard`, after layers were split
dp_replicate  copies, whose gradients are added up once a window is over; with dp_shard, by `fully_shard` too
"""

from __future__ import annotations

import weakref
from functools import cached_property
from typing import TYPE_CHECKING, Any

from torch.distributed.tensor import DTensor

from trainspec.settings.values.choices import FSDPOption
from trainspec.training.parallel.fsdp import gradients as of_shards
from trainspec.training.parallel.fsdp.fully_sharded import FullySharded
from trainspec.training.parallel.fsdp.loading import even_out
from trainspec.training.parallel.fsdp.sharding import Sharded, shard_model
from trainspec.training.parallel.fsdp.ways import Way
from trainspec.training.parallel.mesh.dimensions import DATA, Dimensions
from trainspec.training.parallel.mesh.gradients import add_up, settle, unscale, without_kernels
from trainspec.training.parallel.mesh.plan import plan_of
from trainspec.training.parallel.mesh.splitting import split
from trainspec.training.parallel.processes import ProcessesError
from trainspec.training.parallel.strategy import Kind, Strategy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager

    import torch
    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel.processes import Processes


class MeshProcesses(FullySharded):
    """parallelism_config gives the sizes. Where no dimension shards parameters, all of a model counts as kept whole.

    A model that is to train or to be evaluated raises ProcessesError where the sizes do not make up the world, and
    where the model has no plan to be split by.
    """

    def __init__(self, processes: Processes | None = None, args: TrainingArguments | None = None) -> None:
        super().__init__(processes, args)
        if args is None or args.parallelism_config is None:
            raise ValueError("a mesh is set up by parallelism_config: give the settings that have it")
        self._device_type = args.device.type
        self.dimensions = Dimensions(args.parallelism_config, self.processes)

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

    @cached_property
    def way(self) -> Way:
        # Without fsdp there are no units, and what is left to the model stays gathered until its backward pass.
        options: Any = self._settings.fsdp or []
        sizes = self.dimensions.sizes
        frees = FSDPOption.FULL_SHARD in options or FSDPOption.HYBRID_SHARD in options
        return Way(sizes["dp_replicate"], sizes["dp_shard"], frees, FSDPOption.OFFLOAD in options)

    def _share(self) -> None:
        model, policy, sizes = self._model, self._prepared, self.dimensions.sizes
        assert model is not None, "it was given with its policy"
        if self._sharded is not None and self._sharded.model is model:
            self._sharded.reshard()
            return
        self.dimensions.check()
        if any(isinstance(value, DTensor) for value in model.parameters()):
            raise ProcessesError(f"{type(model).__name__} has been split by another Trainer: make the model anew")
        self._optimizer, self._exchanges = None, True
        before = [(name, weakref.ref(value), id(value)) for name, value in model.named_parameters()]
        even_out(model, self.processes)
        if sizes["tp"] > 1:
            plan = plan_of(model)
            if plan is None or not (plan.modules or plan.parameters):
                raise ProcessesError(f"{type(model).__name__} has no plan by which its layers could be split")
            split(model, plan, self.dimensions.mesh(self._device_type, "tp"))
        if self.way.shards > 1:
            self._mesh = self.dimensions.mesh(self._device_type, *DATA)
            self._sharded = shard_model(model, self.way, self._mesh, policy.device, self._settings)
        else:
            self._mesh = self.dimensions.mesh(self._device_type, *sizes)
            model.to(policy.device)
            self._sharded = Sharded(model, self._mesh, (), tuple(model.parameters()))
        after = dict(model.named_parameters())
        self._successors = {number: (known, after[name]) for name, known, number in before}

    def attach(self, optimizer: Optimizer, schedule: LRScheduler | None) -> tuple[Optimizer, LRScheduler | None]:
        super().attach(optimizer, schedule)
        without_kernels(optimizer)
        return optimizer, schedule

    # Updates

    def accumulating(self, model: nn.Module, *, last: bool) -> AbstractContextManager[Any]:
        return super().accumulating(model, last=last) if self._there.modules else self._pass

    def backward(self, loss: Tensor, *, counts: bool = True) -> None:
        # Of whole copies, nobody waits for a backward pass that adds nothing: partners have the same rows.
        if counts or self._there.modules:
            super().backward(loss, counts=counts)

    def end_pass(self, *, broke_off: bool) -> None:
        if broke_off and self._there.modules:
            of_shards.forget(self._there)

    def clip(self, parameters: Iterable[Tensor], max_norm: float) -> Tensor:
        parameters = list(parameters)
        settle(parameters)
        mesh = self.dimensions.flat(self._device_type, *DATA)
        if mesh is not None:
            # What `fully_shard` has not added up.
            add_up([value for value in self._there.whole if value.requires_grad], mesh)
        return super().clip(parameters, max_norm)

    def _unscale(self) -> None:
        if not self._unscaled:
            unscale(self._prepared.precision, self._attached, self.processes)
            self._unscaled = True

    # What else is done with a model

    def evaluating_in(self, model: nn.Module, dtype: torch.dtype | None) -> AbstractContextManager[Any]:
        self._share()
        return (
            super().evaluating_in(model, dtype) if self._there.modules else Strategy.evaluating_in(self, model, dtype)
        )

    @property
    def forward_is_shared(self) -> bool:
        return self.way.shards > 1

    def weights(self, kind: Kind = "full") -> Mapping[str, Tensor]:
        self._share()
        return super().weights(kind)

    def layout(self) -> dict[str, Any]:
        return {"strategy": "mesh", "world_size": self.processes.world_size, **self.dimensions.sizes}
