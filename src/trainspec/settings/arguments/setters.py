"""The `set_*` methods of scripts: several settings at once, all or nothing.

Only the arguments given are set. (In transformers an argument left out goes back to the method's own default, which
undoes what the script said before.)
"""

from __future__ import annotations

from typing import Any, Self

from trainspec.settings.base import Settings


class _Unset:
    def __repr__(self) -> str:
        return "UNSET"


UNSET: Any = _Unset()


class Setters(Settings):
    """Groups of settings under the names that scripts call."""

    def _take(self, **changes: Any) -> Self:
        self._become({name: value for name, value in changes.items() if value is not UNSET})
        return self

    def set_training(
        self,
        learning_rate: float = UNSET,
        batch_size: int = UNSET,
        weight_decay: float = UNSET,
        num_epochs: float = UNSET,
        max_steps: int = UNSET,
        gradient_accumulation_steps: int = UNSET,
        seed: int = UNSET,
        gradient_checkpointing: bool = UNSET,
    ) -> Self:
        """Train, with these settings. Raises ValidationError and changes nothing where they do not fit."""
        return self._take(
            do_train=True,
            learning_rate=learning_rate,
            per_device_train_batch_size=batch_size,
            weight_decay=weight_decay,
            num_train_epochs=num_epochs,
            max_steps=max_steps,
            gradient_accumulation_steps=gradient_accumulation_steps,
            seed=seed,
            gradient_checkpointing=gradient_checkpointing,
        )

    def set_evaluate(
        self,
        strategy: str = UNSET,
        steps: float = UNSET,
        batch_size: int = UNSET,
        accumulation_steps: int | None = UNSET,
        delay: float | None = UNSET,
        loss_only: bool = UNSET,
        jit_mode: bool = UNSET,
    ) -> Self:
        """When and how to evaluate. Raises ValidationError and changes nothing where that does not fit."""
        return self._take(
            eval_strategy=strategy,
            eval_steps=steps,
            per_device_eval_batch_size=batch_size,
            eval_accumulation_steps=accumulation_steps,
            eval_delay=delay,
            prediction_loss_only=loss_only,
            jit_mode_eval=jit_mode,
        )

    def set_testing(self, batch_size: int = UNSET, loss_only: bool = UNSET, jit_mode: bool = UNSET) -> Self:
        """Predict on the test set. Raises ValidationError and changes nothing where that does not fit."""
        return self._take(
            do_predict=True,
            per_device_eval_batch_size=batch_size,
            prediction_loss_only=loss_only,
            jit_mode_eval=jit_mode,
        )

    def set_save(
        self,
        strategy: str = UNSET,
        steps: float = UNSET,
        total_limit: int | None = UNSET,
        on_each_node: bool = UNSET,
    ) -> Self:
        """When to write checkpoints. Raises ValidationError and changes nothing where that does not fit."""
        return self._take(
            save_strategy=strategy, save_steps=steps, save_total_limit=total_limit, save_on_each_node=on_each_node
        )

    def set_logging(
        self,
        strategy: str = UNSET,
        steps: float = UNSET,
        report_to: str | list[str] = UNSET,
        level: str = UNSET,
        first_step: bool = UNSET,
        nan_inf_filter: bool = UNSET,
        on_each_node: bool = UNSET,
        replica_level: str = UNSET,
    ) -> Self:
        """What to log, when and where. Raises ValidationError and changes nothing where that does not fit."""
        return self._take(
            logging_strategy=strategy,
            logging_steps=steps,
            report_to=report_to,
            log_level=level,
            logging_first_step=first_step,
            logging_nan_inf_filter=nan_inf_filter,
            log_on_each_node=on_each_node,
            log_level_replica=replica_level,
        )

    def set_push_to_hub(
        self,
        model_id: str,
        strategy: str = UNSET,
        token: str | None = UNSET,
        private_repo: bool | None = UNSET,
        always_push: bool = UNSET,
        revision: str | None = UNSET,
    ) -> Self:
        """Push to this repository. Raises ValidationError and changes nothing where that does not fit."""
        return self._take(
            push_to_hub=True,
            hub_model_id=model_id,
            hub_strategy=strategy,
            hub_token=token,
            hub_private_repo=private_repo,
            hub_always_push=always_push,
            hub_revision=revision,
        )

    def set_optimizer(
        self,
        name: str = UNSET,
        learning_rate: float = UNSET,
        weight_decay: float = UNSET,
        beta1: float = UNSET,
        beta2: float = UNSET,
        epsilon: float = UNSET,
        args: str | dict[str, Any] | None = UNSET,
    ) -> Self:
        """The optimizer and its arguments. Raises ValidationError and changes nothing where they do not fit."""
        return self._take(
            optim=name,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            adam_beta1=beta1,
            adam_beta2=beta2,
            adam_epsilon=epsilon,
            optim_args=args,
        )

    def set_lr_scheduler(
        self,
        name: str = UNSET,
        num_epochs: float = UNSET,
        max_steps: int = UNSET,
        warmup_ratio: float = UNSET,
        warmup_steps: int = UNSET,
    ) -> Self:
        """The learning-rate schedule. Raises ValidationError and changes nothing where it does not fit."""
        return self._take(
            lr_scheduler_type=name,
            num_train_epochs=num_epochs,
            max_steps=max_steps,
            warmup_ratio=warmup_ratio,
            warmup_steps=warmup_steps,
        )

    def set_dataloader(
        self,
        train_batch_size: int = UNSET,
        eval_batch_size: int = UNSET,
        drop_last: bool = UNSET,
        num_workers: int = UNSET,
        pin_memory: bool = UNSET,
        persistent_workers: bool = UNSET,
        prefetch_factor: int | None = UNSET,
        auto_find_batch_size: bool = UNSET,
        ignore_data_skip: bool = UNSET,
        sampler_seed: int | None = UNSET,
    ) -> Self:
        """How rows reach the model. Raises ValidationError and changes nothing where that does not fit."""
        return self._take(
            per_device_train_batch_size=train_batch_size,
            per_device_eval_batch_size=eval_batch_size,
            dataloader_drop_last=drop_last,
            dataloader_num_workers=num_workers,
            dataloader_pin_memory=pin_memory,
            dataloader_persistent_workers=persistent_workers,
            dataloader_prefetch_factor=prefetch_factor,
            auto_find_batch_size=auto_find_batch_size,
            ignore_data_skip=ignore_data_skip,
            data_seed=sampler_seed,
        )
