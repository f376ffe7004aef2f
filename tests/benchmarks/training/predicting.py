"""`predict`: as quick as a bare loop, and every row as quick as the one before it, however many there are."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from tempfile import TemporaryDirectory

import numpy
import torch
from torch.utils.data import DataLoader, default_collate

from benchmarks.timing import Row
from benchmarks.training.jobs import FEATURES, Job, tiny_job
from benchmarks.training.loops import SETTINGS, quiet
from trainspec import Trainer, TrainingArguments

COUNTS = (25_000, 50_000, 100_000)
# It would take minutes for the others.
TRANSFORMERS_COUNT = COUNTS[0]

Predict = Callable[[Job, int], Callable[[], numpy.ndarray]]


def bare(job: Job, count: int) -> Callable[[], numpy.ndarray]:
    """Logits and labels of all rows as arrays, and the mean loss over the rows."""
    model, rows = job.model().eval(), job.rows(count)

    def predict() -> numpy.ndarray:
        logits, labels, losses, sizes = [], [], [], []
        with torch.no_grad():
            for batch in DataLoader(rows, batch_size=job.batch_size, collate_fn=default_collate):
                returned = model(**batch)
                logits.append(returned["logits"])
                labels.append(batch["labels"])
                losses.append(returned["loss"])
                sizes.append(len(batch["labels"]))
        weights = torch.tensor(sizes, dtype=torch.float64)
        float((torch.stack(losses) * weights).sum() / weights.sum())
        torch.cat(labels).numpy()
        return torch.cat(logits).numpy()

    return predict


def trainspec(job: Job, count: int) -> Callable[[], numpy.ndarray]:
    with TemporaryDirectory() as folder:
        args = TrainingArguments(output_dir=folder, per_device_eval_batch_size=job.batch_size, **SETTINGS)
        trainer = Trainer(job.model(), args, data_collator=default_collate)
    rows = job.rows(count)
    return lambda: trainer.predict(rows).predictions


def transformers(job: Job, count: int) -> Callable[[], numpy.ndarray]:
    import transformers as library

    with TemporaryDirectory() as folder:
        args = library.TrainingArguments(output_dir=folder, per_device_eval_batch_size=job.batch_size, **SETTINGS)
        trainer = library.Trainer(job.model(), args, data_collator=default_collate)
    trainer.remove_callback(library.PrinterCallback)
    rows = job.rows(count)
    return lambda: trainer.predict(rows).predictions


def predict_rows(rounds: int = 4) -> list[Row]:
    quiet()
    job = tiny_job()
    _assert_same_predictions(job)
    cases = [(predict, count) for count in COUNTS for predict in (bare, trainspec)]
    best = dict.fromkeys(cases, float("inf"))
    for _ in range(rounds):
        for predict, count in cases:
            best[predict, count] = min(best[predict, count], _seconds(predict, job, count))
    theirs = _seconds(transformers, job, TRANSFORMERS_COUNT)
    smallest, largest = COUNTS[0], COUNTS[-1]
    ours = ", ".join(f"{count // 1000}k: {best[trainspec, count]:.2f} s" for count in COUNTS)
    yardstick = ", ".join(f"{count // 1000}k: {best[bare, count]:.2f} s" for count in COUNTS)
    growth = best[trainspec, largest] / largest * smallest / best[trainspec, smallest]
    worst = max(best[trainspec, count] / best[bare, count] for count in COUNTS)
    return [
        Row(
            f"`predict`, {FEATURES} numbers a row, batch {job.batch_size}, the worst of three sizes",
            ours,
            f"bare loop: {yardstick}; transformers {TRANSFORMERS_COUNT // 1000}k: {theirs:.1f} s",
            worst,
            1.1,
        ),
        Row("the same, time of a row in 100k over time of a row in 25k", ours, "linear: 1", growth, 1.15),
    ]


def _seconds(predict: Predict, job: Job, count: int) -> float:
    """Of the processor: one thread that never waits takes as long by the clock, unless others use the machine too."""
    call = predict(job, count)
    gc.collect()
    start = time.process_time()
    call()
    return time.process_time() - start


def _assert_same_predictions(job: Job) -> None:
    expected = bare(job, 20)()
    for predict in (trainspec, transformers):
        numpy.testing.assert_allclose(predict(job, 20)(), expected, rtol=1e-6)
