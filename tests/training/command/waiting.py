"""A run whose store stops answering after its first checkpoint, for `test_waiting.py`: python waiting.py URL PORT."""

import os
import sys
from typing import Any

from tests.storage.servers.faulty import Faulty
from tests.training.small_job import Line, Rows

from trainspec import TrainingArguments
from trainspec.tasks import TaskParts
from trainspec.training.callbacks import TrainerCallback
from trainspec.training.command.train import run_task


def main(url: str, port: str, fault: str, jit: str) -> int:
    faulty = Faulty(int(port))
    os.environ["AWS_ENDPOINT_URL"] = faulty.url

    class Stops(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == 3:
                faulty.fail(fault)
                sys.stdout.write("failing\n")
                sys.stdout.flush()

    args = TrainingArguments(
        output_dir=url,
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        max_steps=9,
        save_steps=2,
        per_device_train_batch_size=4,
        enable_jit_checkpoint=jit == "jit",
    )
    return run_task(args, lambda args: TaskParts(model=Line(), train_dataset=Rows(), callbacks=[Stops()]))


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
