"""A process of its own: evaluates that many rows with `batch_eval_metrics` and prints its peak memory in KiB."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from trainspec import Trainer, TrainingArguments

FEATURES = 64


class MadeRows(Dataset[dict[str, Tensor]]):
    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        row = torch.full((FEATURES,), float(index % 7))
        return {"inputs": row, "labels": row}


class Copy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(FEATURES, FEATURES)

    def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.layer(inputs)
        return {"loss": nn.functional.mse_loss(logits, labels), "logits": logits}


class MeanError:
    def __init__(self) -> None:
        self._sum, self._rows = 0.0, 0

    def __call__(self, batch: Any, compute_result: bool = False) -> dict[str, float]:
        self._sum += float(abs(batch.predictions - batch.label_ids).mean(axis=-1).sum())
        self._rows += len(batch.predictions)
        return {"mean_error": self._sum / self._rows} if compute_result else {}


def main(rows: int) -> None:
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        args = TrainingArguments(
            output_dir=folder,
            per_device_eval_batch_size=8,
            batch_eval_metrics=True,
            do_eval=True,
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
        )
        trainer = Trainer(Copy(), args, eval_dataset=MadeRows(rows), compute_metrics=MeanError())
        assert "eval_mean_error" in trainer.evaluate()
    print(_peak_kilobytes())


def _peak_kilobytes() -> int:
    """Of this program alone: what getrusage tells goes back to the process that started it."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(int(sys.argv[1]))
