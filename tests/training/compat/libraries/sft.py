"""Supervised fine-tuning with trl, on rows of one length: ours divides by the tokens that are targets."""

from typing import Any

from tests.training.compat.libraries.begun import COMMON, InOrder, run

# Behind it, as it decides what the library is made of.
from datasets import Dataset  # isort: skip
from trl import SFTConfig, SFTTrainer  # isort: skip
from tests.training.compat import tiny  # isort: skip
from tests.training.compat.libraries.targets import LENGTH  # isort: skip


class Trainer(InOrder, SFTTrainer):
    pass


def make(folder: str) -> Any:
    sentences = [" ".join((row["sentence"].split() * 3)[: LENGTH - 1]) for row in tiny.rows("causal_lm", 48, 0)]
    rows = Dataset.from_dict({"text": sentences})
    args = SFTConfig(folder, bf16=False, gradient_checkpointing=False, max_length=LENGTH, **COMMON)
    return Trainer(
        model=tiny.gpt2(),
        args=args,
        train_dataset=rows,
        eval_dataset=rows.select(range(16)),
        processing_class=tiny.tokenizer(pair=False),
    )


if __name__ == "__main__":
    run(make)
