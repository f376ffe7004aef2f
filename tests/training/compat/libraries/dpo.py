"""Direct preference optimization with trl."""

from typing import Any

from tests.training.compat.libraries.begun import COMMON, InOrder, run

from datasets import Dataset  # isort: skip
from trl import DPOConfig, DPOTrainer  # isort: skip
from tests.training.compat import tiny  # isort: skip


class Trainer(InOrder, DPOTrainer):
    pass


def make(folder: str) -> Any:
    rows = [row["sentence"].split() for row in tiny.rows("causal_lm", 48, 0)]
    pairs = {
        "prompt": [" ".join(words[:3]) for words in rows],
        "chosen": [" " + " ".join(words[3:]) for words in rows],
        "rejected": [" " + " ".join(reversed(words[3:])) for words in rows],
    }
    data = Dataset.from_dict(pairs)
    args = DPOConfig(folder, bf16=False, gradient_checkpointing=False, max_length=16, **COMMON)
    return Trainer(
        model=tiny.gpt2(),
        ref_model=tiny.gpt2(),
        args=args,
        train_dataset=data,
        eval_dataset=data.select(range(16)),
        processing_class=tiny.tokenizer(pair=False),
    )


if __name__ == "__main__":
    run(make)
