"""The methods that scripts written for transformers override, called where transformers calls them.

Each does here what our run does at that place, so that `super()` works in an override; signatures are those of the
releases 4.57 and 5.x, and an override with an older one is given what it takes. `names.py` beside this file lists them,
`file_hooks.py` has those that read and write checkpoints.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from trainspec.training import data
from trainspec.training.checkpoint import Checkpoint
from trainspec.training.loss.items import items_of
from trainspec.training.model.inside import main_input_name, shifts_labels
from trainspec.training.model.nests import to_device
from trainspec.training.optimizers.behaviour import learning_rate
from trainspec.training.run.session import train_once
from trainspec.training.trainer.inside.file_hooks import FileHooks
from trainspec.training.trainer.inside.overrides import call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn
    from torch.utils.data import Sampler

    from trainspec.training.evaluation.results import TrainOutput
    from trainspec.training.run.running_loss import RunningLoss


class Hooks(FileHooks):
    # The run

    def train_once(self, checkpoint: Checkpoint | None, ignored: list[str] | None) -> TrainOutput:
        if not self.overrides("_inner_training_loop"):
            return train_once(self, checkpoint, ignored)  # type: ignore[arg-type]
        with self._folder_of(checkpoint) as folder:
            output: TrainOutput = self._inner_training_loop(
                batch_size=self._train_batch_size,
                args=self.args,
                resume_from_checkpoint=folder,
                trial=self.parts.trial,
                ignore_keys_for_eval=ignored,
            )
        return output

    def _inner_training_loop(
        self,
        batch_size: int | None = None,
        args: Any = None,
        resume_from_checkpoint: str | None = None,
        trial: Any = None,
        ignore_keys_for_eval: list[str] | None = None,
    ) -> TrainOutput:
        """Train from the beginning or from a checkpoint on; `batch_size` is that of the settings."""
        self.args = self.args if args is None else args
        checkpoint = None if resume_from_checkpoint is None else self._opened(resume_from_checkpoint)
        return train_once(self, checkpoint, ignore_keys_for_eval)  # type: ignore[arg-type]

    def create_accelerator_and_postprocess(self) -> None:
        """Have `accelerator`: here it is what answers for one."""
        vars(self).pop("accelerator", None)

    def _validate_args(self) -> None:
        """Settings have been judged when they were made; what they need here is preflight's."""

    def call_model_init(self, trial: Any = None) -> nn.Module:
        """A new model by model_init, which may take the trial of a search."""
        from trainspec.training.search import takes_trial

        assert self.model_init is not None, "whoever calls this has looked"
        return self.model_init(trial) if takes_trial(self.model_init) else self.model_init()

    def _move_model_to_device(self, model: nn.Module, device: Any) -> None:
        model.to(device)

    def _wrap_model(self, model: nn.Module, training: bool = True, dataloader: Any = None) -> nn.Module:
        """What is called in the model's place; ours is wrapped already where it has to be."""
        return model

    def _maybe_log_save_evaluate(
        self,
        tr_loss: Tensor | None = None,
        grad_norm: Any = None,
        model: Any = None,
        trial: Any = None,
        epoch: float | None = None,
        ignore_keys_for_eval: list[str] | None = None,
        start_time: float | None = None,
        learning_rate: float | None = None,
    ) -> None:
        """Log, evaluate and save, each where a callback asked for it."""
        self._loop().log_evaluate_save()

    def _evaluate(
        self, trial: Any = None, ignore_keys_for_eval: list[str] | None = None, skip_scheduler: bool = False
    ) -> dict[str, float]:
        return self._loop().evaluate(ignore_keys_for_eval, skip_scheduler=skip_scheduler)

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any = None) -> bool:
        return self._loop().is_best(metrics)

    def _report_to_hp_search(self, trial: Any, step: int, metrics: dict[str, float]) -> None:
        searching: Any = self
        searching.report_to_search(metrics)

    def _get_learning_rate(self) -> float:
        return learning_rate(self.parts.stepping()[0])

    def _get_grad_norm(self, model: nn.Module | None = None, grad_norm: Any = None) -> Any:
        """What is logged of the gradient's norm."""
        return grad_norm

    def _clip_grad_norm(self, model: nn.Module | None = None) -> Tensor:
        parameters = [value for value in self.parts.model_wrapped.parameters() if value.requires_grad]
        return self.parts.strategy.clip(parameters, self.args.max_grad_norm)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: Any = None
    ) -> tuple[list[Any], Tensor | int | None]:
        """The micro-batches of the next window, and how many items are in them where that is counted."""
        batches = list(islice(epoch_iterator, num_batches))
        return batches, self.call_hook("_get_num_items_in_batch", batches, device)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: Any = None) -> Tensor | int | None:
        if not batch_samples:
            return None
        items = items_of(batch_samples, self.label_names, shifted=shifts_labels(self.model))
        return items[0].total if device is None else items[0].total.to(device)

    def _prepare_input(self, data: Any) -> Any:
        """One part of a batch on the device."""
        if not self.overrides("_prepare_input"):
            return to_device(data, self.parts.device, non_blocking=self._copies_ahead())
        # An override is asked for every part, as the one of transformers is.
        if isinstance(data, dict):
            return {name: self._prepare_input(part) for name, part in data.items()}
        if isinstance(data, list | tuple) and not hasattr(data, "_fields"):
            return type(data)(self._prepare_input(part) for part in data)
        return to_device(data, self.parts.device, non_blocking=self._copies_ahead())

    def _copies_ahead(self) -> bool:
        """Whether copies to the device need not be waited for: out of pinned memory, where nobody says otherwise."""
        config: Any = self.args.accelerator_config
        return self.args.dataloader_pin_memory if config is None else bool(getattr(config, "non_blocking", False))

    def _prepare_inputs(self, inputs: Any) -> Any:
        """What of the batch is this process's, on the device, with the model's last memory under past_index."""
        return self.parts.losses.remembering(self._prepare_input(self.parts.strategy.part_of(inputs)))

    def autocast_smart_context_manager(self, cache_enabled: bool | None = True) -> Any:
        """Autocast, as bf16 and fp16 ask for it."""
        return self.parts.precision.autocast()

    # Data

    def _set_signature_columns_if_needed(self) -> None:
        """Have `_signature_columns` name what of a row is kept: what forward takes, and the labels."""
        if self._signature_columns is None:
            self._signature_columns = self._columns_of_forward()

    def _columns_of_forward(self) -> list[str]:
        taken = data.accepted_names(self.model) or set()
        return [*sorted(taken), *sorted({"label", "label_ids", *self.label_names} - taken)]

    def _accepted_columns(self) -> set[str] | None:
        if not self.args.remove_unused_columns:
            return None
        if self.overrides("_set_signature_columns_if_needed"):
            self._set_signature_columns_if_needed()
        said = self._signature_columns
        if said is None or list(said) == self._columns_of_forward():
            return data.accepted_names(self.model)
        return set(said)

    def _remove_unused_columns(self, dataset: Any, description: str | None = None) -> Any:
        """A table without the columns that the model does not take."""
        accepted = self._accepted_columns()
        if accepted is None:
            return dataset
        return data.ColumnFilter(self.data_collator, accepted, self.label_names).narrowed(dataset)

    def _get_collator_with_removed_columns(self, data_collator: Any, description: str | None = None) -> Any:
        accepted = self._accepted_columns()
        return data_collator if accepted is None else data.ColumnFilter(data_collator, accepted, self.label_names)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int] | None:
        """The order of the training rows; None where they come one after the other."""
        chosen = self.train_dataset if train_dataset is None else train_dataset
        name = main_input_name(self.model)
        size = data.own_batch_size(self.args, self._train_batch_size, self.parts.strategy.data_size)
        sharing = data.sharing_of(self.args, self.parts.strategy)
        return data.train_sampler(chosen, self.args, batch_size=size, model_input_name=name, sharing=sharing)

    def _get_eval_sampler(self, eval_dataset: Any) -> Sampler[int] | None:
        return data.eval_sampler(eval_dataset)

    def _get_dataloader(
        self,
        dataset: Any,
        description: str,
        batch_size: int,
        sampler_fn: Callable[[Any], Any] | None = None,
        is_training: bool = False,
        dataloader_key: str | None = None,
    ) -> Any:
        """A loader as the settings describe it, with rows in the order of the sampler that `sampler_fn` makes."""
        if data.is_table(dataset) and self.overrides("_remove_unused_columns"):
            dataset, collator = self.call_hook("_remove_unused_columns", dataset, description), self.data_collator
        else:
            collator = self.call_hook("_get_collator_with_removed_columns", self.data_collator, description)
        sampler = None if sampler_fn is None or data.is_iterable(dataset) else call(sampler_fn, dataset)
        size = data.own_batch_size(self.args, batch_size, self.parts.strategy.data_size)
        known: Any = {"batch_size": size, "sampler": sampler}
        if is_training:
            known["sharing"] = data.sharing_of(self.args, self.parts.strategy)
            return data.train_loader(dataset, self.args, collator, self.parts.device, **known)
        return data.eval_loader(dataset, self.args, collator, self.parts.device, **known)

    # What a run adds up

    def begin_counting(self, running: RunningLoss) -> None:
        """Training begins: what scripts know of its log is that of this run."""
        self._globalstep_last_logged = self.state.global_step - running.unlogged()
        self._total_loss_scalar = running.logged()

    def mean_loss(self, running: RunningLoss) -> float:
        """Of the whole run; who logs by himself has added up what he logged."""
        if not self.overrides("_maybe_log_save_evaluate"):
            return running.overall()
        return running.overall(self._total_loss_scalar)
