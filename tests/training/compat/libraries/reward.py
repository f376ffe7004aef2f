"""A reward model with trl."""

from typing import Any

from tests.training.compat.libraries.begun import COMMON, InOrder, run

from datasets import Dataset  # isort: skip
from trl import RewardConfig, RewardTrainer  # isort: skip
from tests.training.compat import tiny  # isort: skip


class Trainer(InOrder, RewardTrainer):
    pass


def make(folder: str) -> Any:
    rows = [row["sentence"] for row in tiny.rows("causal_lm", 48, 0)]
    pairs = {"chosen": rows, "rejected": [" ".join(reversed(row.split())) for row in rows]}
    data = Dataset.from_dict(pairs)
    args = RewardConfig(folder, bf16=False, gradient_checkpointing=False, max_length=16, **COMMON)
    return Trainer(
        model=tiny.bert(num_labels=1),
        args=args,
        train_dataset=data,
        eval_dataset=data.select(range(16)),
        processing_class=tiny.tokenizer(),
    )


if __name__ == "__main__":
    run(make)
