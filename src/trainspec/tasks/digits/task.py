"""The digits task: settings to model, data and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.tasks.digits.settings import DigitsSettings
from trainspec.tasks.digits.shapes import parameter_shapes
from trainspec.tasks.protocol import TaskError, TaskParts

if TYPE_CHECKING:
    from torch.utils.data import TensorDataset

    from trainspec.settings.arguments import TrainingArguments


def digits(args: TrainingArguments, settings: DigitsSettings) -> TaskParts:
    from trainspec.tasks.digits.network import build_network

    train, evaluation, test = _split(settings)
    return TaskParts(
        model=build_network(settings),
        train_dataset=train,
        eval_dataset=evaluation,
        test_dataset=test,
        compute_metrics=accuracy,
    )


digits.parameter_shapes = parameter_shapes  # type: ignore[attr-defined]


def accuracy(prediction: Any) -> dict[str, float]:
    hits = prediction.predictions.argmax(axis=-1) == prediction.label_ids
    return {"accuracy": float(hits.mean())}


def _split(settings: DigitsSettings) -> list[TensorDataset]:
    import torch
    from torch.utils.data import TensorDataset

    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise TaskError("task 'digits' needs scikit-learn: pip install scikit-learn") from error
    images, labels = load_digits(return_X_y=True)
    pixels = torch.as_tensor(images, dtype=torch.float32) / 16
    targets = torch.as_tensor(labels, dtype=torch.int64)
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(settings.split_seed))
    held_out = [round(len(order) * share) for share in (settings.eval_fraction, settings.test_fraction)]
    if sum(held_out) >= len(order):
        raise TaskError("eval_fraction and test_fraction leave no images to train on; make their sum less than 1")
    parts = torch.split(order, [len(order) - sum(held_out), *held_out])
    return [TensorDataset(pixels[part], targets[part]) for part in parts]
