"""A mesh of processes: some hold parts of each layer, some parts of each parameter, some whole copies of both.

tp            parts of layers, which work on the same rows (splitting.py)
dp_shard      parts of parameters, by torch's `fully_shard`, after layers were split
ep            experts, each with its own of those of a layer, which work on the same rows (experts.py)
sp            parts of sequences of the same rows, and of parameters as dp_shard; heads in attention (ulysses.py)
cp            the same, with keys and values that go around (sequences.py)
dp_replicate  copies, whose gradients are added up once a window is over; with dp_shard, by `fully_shard` too
"""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch.distributed.tensor import DTensor

from trainspec.settings.values.choices import FSDPOption
from trainspec.training.model.inside import main_input_name
from trainspec.training.parallel.fsdp import gradients as of_shards
from trainspec.training.parallel.fsdp.fully_sharded import FullySharded
from trainspec.training.parallel.fsdp.loading import even_out
from trainspec.training.parallel.fsdp.sharding import Sharded, shard_model
from trainspec.training.parallel.fsdp.ways import Way
from trainspec.training.parallel.mesh.dimensions import DATA, SHARDS, Dimensions
from trainspec.training.parallel.mesh.experts.plan import expert_plan_of
from trainspec.training.parallel.mesh.experts.sharing import share_experts
from trainspec.training.parallel.mesh.gradients import add_up, settle, unscale, without_kernels
from trainspec.training.parallel.mesh.plan import plan_of
from trainspec.training.parallel.mesh.sequences import Sequences, WindowsOfParts, attention_around, without_masks
from trainspec.training.parallel.mesh.splitting import split
from trainspec.training.parallel.mesh.ulysses import Slices, attention_by_heads
from trainspec.training.parallel.processes import ProcessesError
from trainspec.training.parallel.strategy import Kind, Strategy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel.processes import Processes
    from trainspec.training.parallel.windows import Counting, Windows


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
        self._sequences: Sequences | None = None
        self._in_parts = False

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

    # Parts of sequences

    @property
    def random_rank(self) -> int:
        return self.data_rank * self.dimensions.parts + self.dimensions.part

    def total_loss(self, parts: Tensor) -> Tensor:
        return self.processes.sum(parts if self.dimensions.is_first_of_its_tokens else parts.new_zeros(parts.shape))

    def windows(self, counting: Counting, size: int) -> Windows:
        there, model = self.dimensions, self._model
        if there.parts == 1:
            return super().windows(counting, size)
        assert model is not None, "windows are of a model that trains"
        self._sequences = (Slices if there.sizes["sp"] > 1 else Sequences)(
            there.part,
            there.parts,
            main=main_input_name(model) or "input_ids",
            label_names=counting.label_names,
            shifted=counting.shifted,
        )
        return WindowsOfParts(counting, self, size, self._sequences, uneven=self._settings.uneven_inputs)

    def part_of(self, batch: Any) -> Any:
        return self._sequences.part(batch) if self._sequences is not None and self._in_parts else batch

    @contextmanager
    def _passing_parts(self, around: AbstractContextManager[Any]) -> Iterator[None]:
        self._in_parts = True
        try:
            with around, self._attention():
                yield
        finally:
            self._in_parts = False

    def _attention(self) -> AbstractContextManager[Any]:
        if isinstance(self._sequences, Slices):
            return attention_by_heads(self._sequences, self.dimensions.mesh(self._device_type, "sp").get_group())
        return attention_around(self.dimensions.mesh(self._device_type, "cp"), self._prepared.device)

    # The model

    @cached_property
    def way(self) -> Way:
        # Without fsdp there are no units, and what is left to the model stays gathered until its backward pass.
        options: Any = self._settings.fsdp or []
        sizes = self.dimensions.sizes
        frees = FSDPOption.FULL_SHARD in options or FSDPOption.HYBRID_SHARD in options
        return Way(
            sizes["dp_replicate"], sizes["dp_shard"] * self.dimensions.parts, frees, FSDPOption.OFFLOAD in options
        )

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
        self._split(model)
        if self.dimensions.parts > 1:
            without_masks(model, lambda: self._in_parts)
        if self.way.shards > 1:
            self._mesh = self.dimensions.sharing(self._device_type)
            self._sharded = shard_model(model, self.way, self._mesh, policy.device, self._settings)
        else:
            self._mesh = self.dimensions.mesh(self._device_type, *sizes)
            model.to(policy.device)
            self._sharded = Sharded(model, self._mesh, (), tuple(model.parameters()))
        after = dict(model.named_parameters())
        self._successors = {number: (known, after[name]) for name, known, number in before}

    def _split(self, model: nn.Module) -> None:
        """Layers and experts, before parameters are shared out as they are left."""
        sizes, experts = self.dimensions.sizes, None
        if sizes["ep"] > 1:
            experts = expert_plan_of(model)
            if experts is None or not experts.modules:
                raise ProcessesError(f"{type(model).__name__} has no plan that names its experts")
        if sizes["tp"] > 1:
            plan = plan_of(model)
            if plan is not None and experts is not None:
                plan = plan.without(experts.blocks(model))
            if plan is None or not (plan.modules or plan.parameters):
                raise ProcessesError(f"{type(model).__name__} has no plan by which its layers could be split")
            split(model, plan, self.dimensions.mesh(self._device_type, "tp"))
        if experts is not None:
            mesh = self.dimensions.mesh(self._device_type, "ep")
            share_experts(model, experts, mesh, sharded=self.way.shards > 1)

    def attach(self, optimizer: Optimizer, schedule: LRScheduler | None) -> tuple[Optimizer, LRScheduler | None]:
        super().attach(optimizer, schedule)
        without_kernels(optimizer)
        return optimizer, schedule

    # Updates

    def accumulating(self, model: nn.Module, *, last: bool) -> AbstractContextManager[Any]:
        around = super().accumulating(model, last=last) if self._there.modules else self._pass
        return around if self.dimensions.parts == 1 else self._passing_parts(around)

    def backward(self, loss: Tensor, *, counts: bool = True) -> None:
        if not counts and self._in_parts:
            # No label is here, but others attend to what is: those gradients are all that this pass brings.
            super().backward(torch.where(torch.zeros_like(loss, dtype=torch.bool), loss, 0.0))
            return
        # Of whole copies, nobody waits for a backward pass that adds nothing: partners have the same rows.
        if counts or self._there.modules:
            super().backward(loss, counts=counts)

    def end_pass(self, *, broke_off: bool) -> None:
        if broke_off and self._there.modules:
            of_shards.forget(self._there)

    def clip(self, parameters: Iterable[Tensor], max_norm: float) -> Tensor:
        parameters = list(parameters)
        settle(parameters)
        mesh = self.dimensions.flat(self._device_type, *DATA, *SHARDS[1:])
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
