"""What one process alone meets in its second or third update: a loss that is no number, or a callback that ends it."""

import math
from typing import Any

from tests.training.parallel.labelled import settings
from tests.training.parallel.matrix.overflowing import rows
from tests.training.parallel.mesh.crossings.crossing import Both

from trainspec import Trainer, TrainerCallback
from trainspec.training.errors import NonFiniteError

SPOILT, STOPPED = 3, 2


class Spoilt(Both):
    spoilt = False

    def forward(self, *args: Any, **given: Any) -> Any:
        loss, logits = super().forward(*args, **given)
        return loss * math.inf if self.spoilt else loss, logits


class InTheLast(TrainerCallback):
    """Spoils a loss, or wants the end, in the last process alone."""

    def __init__(self, what: str) -> None:
        self._what = what

    def on_step_begin(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        model.spoilt = self._what == "spoil" and state.global_step == SPOILT - 1 and self._is_it(args)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._what == "stop" and state.global_step == STOPPED and self._is_it(args):
            control.should_training_stop = True

    def _is_it(self, args: Any) -> bool:
        return bool(args.process_index == args.world_size - 1)


def several(cases: list[tuple[int, dict[str, Any]]], what: str, out: str) -> list[tuple[int, str]]:
    """Of each run the updates that were made, and the error that ended it."""
    found = []
    for share, changes in cases:
        args = settings(output_dir=out, use_cpu=True, max_steps=4, per_device_train_batch_size=share, **changes)
        model = Spoilt().float() if "deepspeed" in changes else Spoilt()
        trainer = Trainer(model, args, train_dataset=rows(), callbacks=[InTheLast(what)])
        said = ""
        try:
            trainer.train()
        except NonFiniteError as error:
            said = str(error)
        found.append((trainer.state.global_step, said))
    return found
