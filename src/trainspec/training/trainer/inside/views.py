"""The attributes that scripts written for transformers read: thin views of the run, made when they are asked for."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from trainspec.training.model.inside import base_of, takes_item_count
from trainspec.training.trainer.attributes import TrainerAttributes

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from torch import nn

    from trainspec.training.trainer.inside.accelerator import AcceleratorView

T = TypeVar("T")


class View(Generic[T]):
    """An attribute that is worked out when it is read; a value that a script assigns stands in its place."""

    def __init__(self, read: Callable[[Any], T]) -> None:
        self._read = read
        self.__doc__ = read.__doc__

    @overload
    def __get__(self, trainer: None, owner: type) -> Self: ...

    @overload
    def __get__(self, trainer: object, owner: type) -> T: ...

    def __get__(self, trainer: object | None, owner: type) -> Self | T:
        return self if trainer is None else self._read(trainer)


class StagesOfMemory:
    """Memory of what calls `start`, by the name of that method."""

    def __init__(self, memory: Any) -> None:
        self._memory = memory
        self._stage = "eval"

    def start(self) -> None:
        caller = sys._getframe(1).f_code.co_name
        self._stage = {"train": "train", "predict": "test", "__init__": "init"}.get(caller, "eval")
        self._memory.start(self._stage)

    def stop_and_update_metrics(self, metrics: dict[str, Any] | None = None) -> None:
        self._memory.stop(self._stage, {} if metrics is None else metrics)


class Views(TrainerAttributes):
    # What a subclass may say of itself; read where it acts.
    _signature_columns: list[str] | None = None
    place_model_on_device: bool = True
    _total_loss_scalar: float = 0.0
    _globalstep_last_logged: int = 0
    model_init: Callable[..., nn.Module] | None
    hp_name: Callable[[Any], str] | None = None
    hp_search_backend: Any = None
    hub_model_id: str | None = None
    # There are none of these here: torch's own ways do what they did, and preflight refuses settings that ask for them.
    deepspeed: Any = None
    use_apex: bool = False
    use_cpu_amp: bool = False
    do_grad_scaling: bool = False
    sharded_ddp: Any = None
    fsdp: Any = None
    is_deepspeed_enabled: bool = False
    is_fsdp_enabled: bool = False
    is_fsdp_xla_enabled: bool = False
    is_fsdp_xla_v1_enabled: bool = False
    is_fsdp_xla_v2_enabled: bool = False
    is_model_parallel: bool = False
    is_tp_enabled: bool = False
    current_flos: float = 0.0
    neftune_hook_handle: Any = None

    @property
    def tokenizer(self) -> Any:
        """The old name of processing_class."""
        return self.processing_class

    @tokenizer.setter
    def tokenizer(self, tokenizer: Any) -> None:
        self.processing_class = tokenizer

    @View
    def accelerator(self) -> AcceleratorView:
        """What of accelerate's Accelerator scripts use, done by this run."""
        from trainspec.training.trainer.inside.accelerator import AcceleratorView

        made = AcceleratorView(self)
        vars(self)["accelerator"] = made
        return made

    @View
    def gather_function(self) -> Callable[..., Any]:
        gather: Callable[..., Any] = self.accelerator.gather_for_metrics
        return gather

    @View
    def model_accepts_loss_kwargs(self) -> bool:
        """Whether the model divides its loss by a count of items that it is given.

        Said by whoever divides by the items of the whole window in compute_loss: then compute_loss is told them, and
        its loss counts as it is.
        """
        return takes_item_count(self.model)

    @property
    def divides_by_window(self) -> bool:
        """Whether a script has said so of its compute_loss."""
        own = vars(self).get("model_accepts_loss_kwargs", type(self).model_accepts_loss_kwargs)
        return not isinstance(own, View) and bool(self.model_accepts_loss_kwargs)

    @View
    def can_return_loss(self) -> bool:
        """Whether forward computes a loss without labels unless it is told not to."""
        taken = inspect.signature(base_of(self.model).forward).parameters.get("return_loss")
        return taken is not None and taken.default is True

    @property
    def label_smoother(self) -> Any:
        return self.parts.losses.smoother

    @label_smoother.setter
    def label_smoother(self, smoother: Any) -> None:
        self.parts.losses.smoother = smoother

    @View
    def _train_batch_size(self) -> int:
        return self.args.train_batch_size

    @View
    def current_gradient_accumulation_steps(self) -> int:
        """The micro-batches of the window that is at work."""
        return self.parts.window_size

    @View
    def neftune_noise_alpha(self) -> float | None:
        return self.args.neftune_noise_alpha

    @View
    def _memory_tracker(self) -> Any:
        return StagesOfMemory(self.parts.memory)

    @View
    def use_cuda_amp(self) -> bool:
        return self.parts.device.type == "cuda" and (self.args.bf16 or self.args.fp16)

    @View
    def amp_dtype(self) -> Any:
        import torch

        return torch.float16 if self.args.fp16 else torch.bfloat16

    def _get_output_dir(self, trial: Any = None) -> str:
        """Where checkpoints of this run, or of this trial, are written to; while one is, a folder of this machine."""
        loop = self.parts.loop
        folder = None if loop is None else loop.folder_for_own_files
        return self.args.output_dir if folder is None else folder

    def store_flos(self) -> None:
        """`state.total_flos` counts all the time."""

    def compare_trainer_and_checkpoint_args(self, training_args: Any, trainer_state: Any) -> None:
        """Nothing has to be the same: steps are planned anew for the settings of now."""

    def _rotate_checkpoints(self, use_mtime: bool = False, output_dir: str | None = None) -> None:
        """Checkpoints beyond save_total_limit go when the next one is whole."""

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        """Weights that do not fit are an error, so there is nothing to warn of."""

    def _nested_gather(self, tensors: Any, name: str | None = None) -> Any:
        return None if tensors is None else self.accelerator.gather(tensors)

    def _pad_across_processes(self, tensor: Any, pad_index: int = -100) -> Any:
        return self.accelerator.pad_across_processes(tensor, pad_index=pad_index)

    def get_total_train_batch_size(self, args: Any) -> int:
        """Rows of an update, of all processes."""
        world = self.parts.strategy.processes.world_size
        return int(args.train_batch_size * args.gradient_accumulation_steps * world)

    def get_tp_size(self) -> int:
        return 1

    def get_cp_size(self) -> int:
        return 1

    def get_sp_size(self) -> int:
        return 1

    def prediction_loop(
        self,
        dataloader: Any,
        description: str = "Prediction",
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> Any:
        """The older name of evaluation_loop."""
        loop: Any = self.evaluation_loop  # type: ignore[attr-defined]
        return loop(dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix)
