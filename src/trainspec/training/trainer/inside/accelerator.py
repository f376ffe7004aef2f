"""What of accelerate's Accelerator scripts use of a Trainer, done by its run: there is no second one beside it."""

from __future__ import annotations

import gc
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from trainspec.training.model.inside import unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


class DistributedType(StrEnum):
    """In the words of accelerate, with whose members these compare equal."""

    NO = "NO"
    MULTI_CPU = "MULTI_CPU"
    MULTI_GPU = "MULTI_GPU"


class GradientState:
    """Every micro-batch that trains is the last one of its window for whoever asks."""

    sync_gradients = True
    num_steps = 1
    end_of_dataloader = False
    remainder = -1

    def __init__(self) -> None:
        self.plugin_kwargs: dict[str, Any] = {}

    def _set_sync_gradients(self, sync_gradients: bool) -> None:
        self.sync_gradients = sync_gradients


class AcceleratorView:
    """`prepare` gives back what it gets, for the run has prepared it; so `unwrap_model` gives the user's own model."""

    # Not accelerate's own.
    answers_for = "accelerate.Accelerator"
    deepspeed_plugin = None
    fsdp_plugin = None
    deepspeed_engine_wrapped = None
    is_fsdp2 = False
    parallelism_config = None
    optimizer_step_was_skipped = False
    split_batches = False
    gradient_accumulation_steps = 1

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer
        self.gradient_state = GradientState()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"trainer.accelerator of trainspec has no {name!r}: it answers for what scripts ask of accelerate's "
            "Accelerator, and there is none behind it"
        )

    def __repr__(self) -> str:
        return f"<the part of trainspec's Trainer that answers for an Accelerator, on {self.device}>"

    # Which process this is

    @property
    def _processes(self) -> Any:
        return self._trainer.parts.strategy.processes

    @property
    def state(self) -> AcceleratorView:
        """What an AcceleratorState tells is told here."""
        return self

    @property
    def is_main_process(self) -> bool:
        return bool(self._processes.is_main)

    @property
    def is_local_main_process(self) -> bool:
        return bool(self._processes.is_local_main)

    @property
    def is_last_process(self) -> bool:
        return self.process_index == self.num_processes - 1

    @property
    def process_index(self) -> int:
        return int(self._processes.rank)

    @property
    def local_process_index(self) -> int:
        return int(self._processes.local_rank)

    @property
    def num_processes(self) -> int:
        return int(self._processes.world_size)

    @property
    def use_distributed(self) -> bool:
        return self.num_processes > 1

    @property
    def distributed_type(self) -> DistributedType:
        if self.num_processes == 1:
            return DistributedType.NO
        return DistributedType.MULTI_CPU if self.device.type == "cpu" else DistributedType.MULTI_GPU

    @property
    def device(self) -> torch.device:
        device: torch.device = self._trainer.parts.device
        return device

    @property
    def sync_gradients(self) -> bool:
        return self.gradient_state.sync_gradients

    @property
    def mixed_precision(self) -> str:
        args = self._trainer.args
        return "fp16" if args.fp16 else "bf16" if args.bf16 else "no"

    @property
    def native_amp(self) -> bool:
        return self.mixed_precision != "no"

    @property
    def scaler(self) -> Any:
        return self._trainer.parts.precision.scaler

    # Together with the other processes

    def wait_for_everyone(self) -> None:
        self._processes.barrier()

    @contextmanager
    def main_process_first(self) -> Iterator[None]:
        with self._trainer.args.main_process_first(local=False):
            yield

    @contextmanager
    def local_main_process_first(self) -> Iterator[None]:
        with self._trainer.args.main_process_first(local=True):
            yield

    def on_main_process(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function if self.is_main_process else lambda *values, **named: None

    def on_local_main_process(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function if self.is_local_main_process else lambda *values, **named: None

    def gather(self, tensor: Any) -> Any:
        """The rows of every process; a number becomes a row."""
        return _each(tensor, lambda value: self._gathered(value[None] if value.ndim == 0 else value))

    def gather_for_metrics(self, input_data: Any, use_gather_object: bool = False) -> Any:
        """As `gather`; no row is there twice, so none has to be dropped. What is no tensor stays as it is."""
        return self.gather(input_data)

    def reduce(self, tensor: Any, reduction: str = "sum", scale: float = 1.0) -> Any:
        def reduced(value: Tensor) -> Tensor:
            if self.num_processes > 1:
                value = torch.stack(self._processes.each(value)).sum(0)
                value = value / self.num_processes if reduction == "mean" else value
            return value if scale == 1 else value * scale

        return _each(tensor, reduced)

    def pad_across_processes(self, tensor: Any, dim: int = 0, pad_index: int = 0, pad_first: bool = False) -> Any:
        """Tensors as long as the longest of any process in that dimension."""
        return (
            tensor if self.num_processes == 1 else _each(tensor, lambda v: self._padded(v, dim, pad_index, pad_first))
        )

    def _gathered(self, value: Tensor) -> Tensor:
        return value if self.num_processes == 1 else torch.cat(self._processes.each(value))

    def _padded(self, value: Tensor, dim: int, pad_index: int, pad_first: bool) -> Tensor:
        if dim >= value.ndim:
            return value
        missing = max(self._processes.each(value.shape[dim])) - value.shape[dim]
        shape = [missing if number == dim else length for number, length in enumerate(value.shape)]
        padding = value.new_full(shape, pad_index)
        return torch.cat([padding, value] if pad_first else [value, padding], dim)

    # Training

    def prepare(self, *objects: Any, **named: Any) -> Any:
        return objects[0] if len(objects) == 1 else objects

    def prepare_model(
        self, model: nn.Module, device_placement: bool | None = None, evaluation_mode: bool = False
    ) -> Any:
        return model.to(self.device) if device_placement is not False else model

    def prepare_data_loader(self, data_loader: Any, *values: Any, **named: Any) -> Any:
        return data_loader

    def prepare_optimizer(self, optimizer: Any, *values: Any, **named: Any) -> Any:
        return optimizer

    def prepare_scheduler(self, scheduler: Any) -> Any:
        return scheduler

    def unwrap_model(self, model: nn.Module, keep_fp32_wrapper: bool = True, keep_torch_compile: bool = False) -> Any:
        return unwrap(model)

    def backward(self, loss: Tensor, **named: Any) -> None:
        self._trainer.backward(loss)

    def autocast(self, autocast_handler: Any = None) -> AbstractContextManager[Any]:
        context: AbstractContextManager[Any] = self._trainer.parts.precision.autocast()
        return context

    def no_sync(self, model: nn.Module | None = None) -> AbstractContextManager[Any]:
        return nullcontext()

    def accumulate(self, *models: nn.Module) -> AbstractContextManager[Any]:
        return nullcontext()

    def clip_grad_norm_(self, parameters: Iterable[Tensor], max_norm: float, norm_type: float = 2.0) -> Tensor:
        self._unscale()
        return nn.utils.clip_grad_norm_(parameters, max_norm, norm_type=norm_type)

    def clip_grad_value_(self, parameters: Iterable[Tensor], clip_value: float) -> None:
        self._unscale()
        nn.utils.clip_grad_value_(parameters, clip_value)

    def unscale_gradients(self, optimizer: Any = None) -> None:
        self._unscale()

    def _unscale(self) -> None:
        parts = self._trainer.parts
        if parts.optimizer is not None:
            parts.precision.unscale(parts.optimizer)

    def get_state_dict(self, model: nn.Module, unwrap: bool = True) -> Any:
        """Of the trainer's model whole tensors, of which every process asks and the main one gets all."""
        inner, trainer = self.unwrap_model(model), self._trainer
        return trainer.parts.strategy.weights() if inner is self.unwrap_model(trainer.model) else inner.state_dict()

    # Files, words and memory

    def save(self, obj: Any, f: str | Path, safe_serialization: bool = False) -> None:
        """By the main process alone, as torch.save or as safetensors."""
        if not self.is_main_process:
            return
        if safe_serialization:
            from safetensors.torch import save_file

            save_file(obj, f)
            return
        torch.save(obj, f)

    def print(self, *values: Any, **named: Any) -> None:
        if self.is_local_main_process:
            print(*values, **named)  # noqa: T201 - a script asks for it

    def free_memory(self, *objects: Any) -> Any:
        gc.collect()
        return [None for _ in objects]

    clear = free_memory

    def init_trackers(self, *values: Any, **named: Any) -> None:
        """report_to has set up the run's own."""

    def end_training(self) -> None:
        """The run ends them."""


def _each(nest: Any, change: Callable[[Tensor], Any]) -> Any:
    if isinstance(nest, Tensor):
        return change(nest)
    if isinstance(nest, dict):
        return type(nest)({name: _each(value, change) for name, value in nest.items()})
    if isinstance(nest, list | tuple):
        found = [_each(value, change) for value in nest]
        return type(nest)(*found) if hasattr(nest, "_fields") else type(nest)(found)
    return nest
