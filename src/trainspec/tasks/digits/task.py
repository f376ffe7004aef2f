"""The digits task: settings to model, data and metrics."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
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

    rows = torch.as_tensor(_rows())
    pixels, targets = rows[:, :-1].float() / 16, rows[:, -1].long()
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(settings.split_seed))
    held_out = [round(len(order) * share) for share in (settings.eval_fraction, settings.test_fraction)]
    if sum(held_out) >= len(order):
        raise TaskError("eval_fraction and test_fraction leave no images to train on; make their sum less than 1")
    parts = torch.split(order, [len(order) - sum(held_out), *held_out])
    return [TensorDataset(pixels[part], targets[part]) for part in parts]


def _rows() -> Any:
    """An image a row: its 64 pixels, then its label; float64.

    Out of the file that scikit-learn ships: importing scikit-learn, and with it SciPy, takes longer than training.
    """
    import numpy as np

    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise TaskError("task 'digits' needs scikit-learn: pip install scikit-learn")
    file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if not file.exists():
        raise TaskError(f"task 'digits' finds no images in this scikit-learn: {file}")
    return np.loadtxt(file, delimiter=",")
