"""The same training in five loops. Each takes a job, trains one epoch of it and returns the model.

Work of each update, in all of them: a shuffled batch of dict rows from a DataLoader without workers, stacked by
`default_collate` of torch; forward, loss, backward; `clip_grad_norm_` to 1.0; fused AdamW over a group with and one
without decay; one step of a LambdaLR that falls linearly; gradients to None; the loss added up on the device for a mean
every 500 updates.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, default_collate

from benchmarks.training.jobs import Job, Stamped
from trainspec import Trainer, TrainingArguments

LEARNING_RATE, MAX_NORM, LOGGING_STEPS = 1e-3, 1.0, 500

# What both Trainers are told beyond their defaults: to be quiet, and what the bare loop has as constants.
SETTINGS: dict[str, Any] = {
    "learning_rate": LEARNING_RATE,
    "max_grad_norm": MAX_NORM,
    "num_train_epochs": 1,
    "logging_steps": LOGGING_STEPS,
    "optim": "adamw_torch_fused",
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
    "log_level": "error",
    "use_cpu": True,
    "dataloader_pin_memory": False,
}


def _loader(job: Job) -> DataLoader[Any]:
    return DataLoader(job.rows(), batch_size=job.batch_size, shuffle=True, collate_fn=default_collate)


def _optimizer(model: nn.Module) -> AdamW:
    decayed = [value for value in model.parameters() if value.dim() > 1]
    others = [value for value in model.parameters() if value.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": 0.0}, {"params": others, "weight_decay": 0.0}]
    return AdamW(groups, lr=LEARNING_RATE, fused=True)


def _schedule(optimizer: Any, job: Job) -> LambdaLR:
    return LambdaLR(optimizer, lambda step: max(0.0, (job.steps - step) / job.steps))


def bare(job: Job) -> Stamped:
    model = job.model().train()
    optimizer = _optimizer(model)
    schedule = _schedule(optimizer, job)
    total = torch.zeros(())
    for step, batch in enumerate(_loader(job), start=1):
        loss = model(**batch)["loss"]
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        total += loss.detach()
        if step % LOGGING_STEPS == 0:
            logging.debug("mean loss %s", total.item() / LOGGING_STEPS)
            total.zero_()
    return model


def trainspec(job: Job) -> Stamped:
    model = job.model()
    with TemporaryDirectory() as folder:
        args = TrainingArguments(output_dir=folder, per_device_train_batch_size=job.batch_size, **SETTINGS)
        Trainer(model, args, train_dataset=job.rows(), data_collator=default_collate).train()
    return model


def fabric(job: Job) -> Stamped:
    from lightning_fabric import Fabric

    fabric = Fabric(accelerator="cpu", devices=1)
    plain = job.model().train()
    model, optimizer = fabric.setup(plain, _optimizer(plain))
    loader = fabric.setup_dataloaders(_loader(job))
    schedule = _schedule(optimizer, job)
    total = torch.zeros(())
    for step, batch in enumerate(loader, start=1):
        loss = model(**batch)["loss"]
        fabric.backward(loss)
        fabric.clip_gradients(model, optimizer, max_norm=MAX_NORM)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        total += loss.detach()
        if step % LOGGING_STEPS == 0:
            logging.debug("mean loss %s", total.item() / LOGGING_STEPS)
            total.zero_()
    return plain


def accelerate(job: Job) -> Stamped:
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    plain = job.model().train()
    optimizer = _optimizer(plain)
    model, optimizer, loader, schedule = accelerator.prepare(plain, optimizer, _loader(job), _schedule(optimizer, job))
    total = torch.zeros(())
    for step, batch in enumerate(loader, start=1):
        with accelerator.accumulate(model):
            loss = model(**batch)["loss"]
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), MAX_NORM)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        total += loss.detach()
        if step % LOGGING_STEPS == 0:
            logging.debug("mean loss %s", total.item() / LOGGING_STEPS)
            total.zero_()
    return plain


def transformers(job: Job) -> Stamped:
    import transformers as library

    model = job.model()
    with TemporaryDirectory() as folder:
        args = library.TrainingArguments(output_dir=folder, per_device_train_batch_size=job.batch_size, **SETTINGS)
        trainer = library.Trainer(model, args, train_dataset=job.rows(), data_collator=default_collate)
        trainer.remove_callback(library.PrinterCallback)
        trainer.train()
    return model


LOOPS: dict[str, Callable[[Job], Stamped]] = {
    "bare": bare,
    "trainspec": trainspec,
    "Fabric": fabric,
    "Accelerate": accelerate,
    "transformers": transformers,
}


def quiet() -> None:
    """One thread each, and no talk between the rows of the table."""
    torch.set_num_threads(1)
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    warnings.simplefilter("ignore")
    for name in ("lightning_fabric", "trainspec", "accelerate"):
        logging.getLogger(name).setLevel(logging.ERROR)


def assert_same_work() -> None:
    """All loops end with the same weights, so none of them left anything out."""
    from benchmarks.training.jobs import tiny_job

    weights = {name: loop(tiny_job(20)).state_dict() for name, loop in LOOPS.items()}
    for name, found in weights.items():
        for key, value in weights["bare"].items():
            torch.testing.assert_close(found[key], value, msg=lambda text, name=name: f"{name}: {text}")
