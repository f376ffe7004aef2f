"""Sentence embeddings with sentence-transformers: two data sets with a loss each."""

from typing import Any

from tests.training.compat.libraries.begun import COMMON, FOLDER, run

from datasets import Dataset  # isort: skip
from sentence_transformers import (  # isort: skip
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
    losses,
)
from sentence_transformers.models import Pooling, Transformer  # isort: skip
from transformers import BertModel  # isort: skip
from tests.training.compat import tiny  # isort: skip


class Trainer(SentenceTransformerTrainer):
    pass


def model() -> Any:
    folder = str(FOLDER / "made")
    tiny.bert(BertModel).save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    words = Transformer(folder, max_seq_length=16)
    return SentenceTransformer(modules=[words, Pooling(words.get_word_embedding_dimension())], device="cpu")


def make(folder: str) -> Any:
    rows = [row["sentence"] for row in tiny.rows("causal_lm", 48, 0)]
    data = Dataset.from_dict(
        {
            "sentence1": rows,
            "sentence2": rows[1:] + rows[:1],
            "score": [
                float(len(set(a.split()) & set(b.split())) > 2) for a, b in zip(rows, rows[1:] + rows[:1], strict=True)
            ],
        }
    )
    args = SentenceTransformerTrainingArguments(folder, batch_sampler=in_order, **COMMON)
    made = model()
    return Trainer(
        model=made,
        args=args,
        train_dataset=data,
        eval_dataset=data.select(range(16)),
        loss=losses.CosineSimilarityLoss(made),
    )


def in_order(dataset: Any, batch_size: int, drop_last: bool, **more: Any) -> Any:
    from sentence_transformers.base.sampler import DefaultBatchSampler
    from torch.utils.data import SequentialSampler

    return DefaultBatchSampler(SequentialSampler(dataset), batch_size=batch_size, drop_last=drop_last)


if __name__ == "__main__":
    run(make)
