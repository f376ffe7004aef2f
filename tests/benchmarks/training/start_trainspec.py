"""A process of its own: the digits task as a script would run it, from nothing to the end of the first step."""

from __future__ import annotations

import sys

import torch

from trainspec import Trainer, TrainingArguments
from trainspec.tasks.digits import DigitsSettings, digits


def main(output_dir: str) -> None:
    torch.set_num_threads(1)
    args = TrainingArguments(
        output_dir=output_dir, max_steps=1, save_strategy="no", report_to="none", disable_tqdm=True, use_cpu=True
    )
    parts = digits(args, DigitsSettings())
    trainer = Trainer(parts.model, args, train_dataset=parts.train_dataset, eval_dataset=parts.eval_dataset)
    assert trainer.train().global_step == 1


if __name__ == "__main__":
    main(sys.argv[1])
