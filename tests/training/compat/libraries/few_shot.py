"""Few-shot classification with setfit."""

from functools import partial
from typing import Any

from tests.training.compat.libraries.begun import run

import numpy as np  # isort: skip
from datasets import Dataset  # isort: skip
from setfit import SetFitModel, Trainer, TrainingArguments  # isort: skip
from sklearn.linear_model import LogisticRegression  # isort: skip
from tests.training.compat import tiny  # isort: skip
from tests.training.compat.libraries.sentence_embeddings import in_order, model  # isort: skip


def make(folder: str) -> Any:
    rows = tiny.rows("text_classification", 80, 0)
    groups = [[row for row in rows if row["label"] == label][:8] for label in ("even", "odd")]
    data = Dataset.from_dict(
        {
            "text": [row["sentence"] for group in groups for row in group],
            "label": [number for number, group in enumerate(groups) for _ in group],
        }
    )
    args = TrainingArguments(
        folder,
        batch_size=8,
        max_steps=8,
        body_learning_rate=3e-3,
        logging_steps=1,
        save_steps=4,
        save_total_limit=3,
        eval_strategy="steps",
        eval_steps=4,
        report_to="none",
        seed=7,
        show_progress_bar=False,
    )
    trainer = Trainer(
        model=SetFitModel(model_body=model(), model_head=LogisticRegression()),
        args=args,
        train_dataset=data,
        eval_dataset=data,
        metric=lambda found, wanted: {"accuracy": float(np.mean(np.array(found) == np.array(wanted)))},
    )
    trainer.st_trainer.args.batch_sampler = in_order
    return Whole(trainer)


class Whole:
    """setfit's Trainer holds one of sentence-transformers, and trains a head on what that one's model says."""

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer
        self.state = trainer.st_trainer.state

    def train(self, resume_from_checkpoint: bool = False) -> None:
        inner = self._trainer.st_trainer
        if resume_from_checkpoint:
            # setfit's own train() starts from the beginning always.
            inner.train = partial(inner.train, resume_from_checkpoint=True)
        self._trainer.train()
        self.state = inner.state

    def evaluate(self) -> dict[str, float]:
        found: dict[str, float] = self._trainer.evaluate()
        return found

    def save_model(self, folder: str) -> None:
        self._trainer.model.save_pretrained(folder)


if __name__ == "__main__":
    run(make)
