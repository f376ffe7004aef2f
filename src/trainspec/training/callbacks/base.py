"""Callbacks: code that runs at moments of training. The moments, in order:

init_end                                  the Trainer is built
train_begin
evaluate                                  with eval_on_start
for every epoch:
    epoch_begin
    for every update:
        step_begin
        for every micro-batch but the last:
            substep_end
        pre_optimizer_step                gradients are complete and clipped
        optimizer_step                    weights are new, gradients still there
        step_end                          callbacks ask for log, evaluation, checkpoint here
        log                               where asked for
        evaluate                          where asked for; before it, prediction_step for every batch, and a log
        save                              where asked for; push_begin where the hub is told. Under save_in_background
                                          it comes when the checkpoint is there, after a later step_end: `saved_step`,
                                          which it is told, says of which update it is
    epoch_end                             callbacks ask here too
    log, evaluate, save                   where asked for
train_end                                 after the closing log

`predict` comes at the end of Trainer.predict. At each moment the default callbacks come first, then the user's in the
order given, progress and printing last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.callbacks.control import TrainerControl
    from trainspec.training.state import TrainerState

    Answer = TrainerControl | None

EVENTS = (
    "on_init_end",
    "on_train_begin",
    "on_train_end",
    "on_epoch_begin",
    "on_epoch_end",
    "on_step_begin",
    "on_substep_end",
    "on_pre_optimizer_step",
    "on_optimizer_step",
    "on_step_end",
    "on_log",
    "on_evaluate",
    "on_predict",
    "on_save",
    "on_prediction_step",
    "on_push_begin",
)


class TrainerCallback:
    """Override the moments you need.

    Each gets the settings, the state and the control, and by keyword: model, processing_class (also as tokenizer),
    optimizer, lr_scheduler, train_dataloader, eval_dataloader; `logs` in on_log, `metrics` in on_evaluate and
    on_predict, `loss` and `grad_norm` in on_step_end (tensors on the device: reading them waits for it). What it
    returns, when it is not None, is the control from then on.
    """

    def on_init_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Answer: ...

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Answer: ...

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Answer: ...

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Answer: ...

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Answer: ...

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Answer: ...

    def on_substep_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Answer: ...

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Answer: ...

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Answer: ...

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Answer: ...

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Answer: ...

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Answer: ...

    def on_predict(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Answer: ...

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Answer: ...

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Answer: ...

    def on_push_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Answer: ...


def is_ours(kind: type) -> bool:
    """Whether a class is of this package, and not somebody's own."""
    return kind.__module__.partition(".")[0] == __name__.partition(".")[0]
