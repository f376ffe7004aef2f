"""The language model task: settings to model, data and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.tasks.lm.reading import text_at
from trainspec.tasks.lm.settings import LanguageModelSettings
from trainspec.tasks.lm.shapes import parameter_shapes
from trainspec.tasks.protocol import TaskError, TaskParts

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments


def lm(args: TrainingArguments, settings: LanguageModelSettings) -> TaskParts:
    import torch

    from trainspec.tasks.lm.network import CharacterModel
    from trainspec.tasks.lm.text import Alphabet, Windows

    text = text_at(settings.text)
    alphabet = Alphabet(text)
    held_out = [int(len(text) * share) for share in (settings.eval_fraction, settings.test_fraction)]
    pieces = torch.split(alphabet.encode(text), [len(text) - sum(held_out), *held_out])
    train, evaluation, test = (Windows(piece, settings.context) for piece in pieces)
    if min(len(train), len(evaluation), len(test)) == 0:
        raise TaskError(
            f"task 'lm': {len(text)} characters are too few for rows of {settings.context} in all three parts; "
            "use a longer text, a smaller context or larger fractions"
        )
    return TaskParts(
        model=CharacterModel(len(alphabet), settings),
        train_dataset=train,
        eval_dataset=evaluation,
        test_dataset=test,
        compute_metrics=accuracy,
        preprocess_logits_for_metrics=most_likely,
    )


lm.parameter_shapes = parameter_shapes  # type: ignore[attr-defined]


def most_likely(logits: Any, labels: Any) -> Any:
    """Only the chosen characters are kept: a hundredth of what the logits would take."""
    return logits.argmax(dim=-1)


def accuracy(prediction: Any) -> dict[str, float]:
    return {"accuracy": float((prediction.predictions == prediction.label_ids).mean())}
