"""The same training in two processes and several loops, one after the other inside of them.

Work of each update is that of training/loops.py, and what two processes exchange: gradients through torch's
DistributedDataParallel, or parameters and gradients through its fully_shard, which every loop is told alike.
"""

from __future__ import annotations

from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, default_collate

from benchmarks.training.jobs import Job, Stamped
from benchmarks.training.loops import LOGGING_STEPS, MAX_NORM, SETTINGS, _optimizer, _schedule
from trainspec import Trainer, TrainingArguments

# The bare loop does not look for parameters without a gradient, so nobody does.
OURS: dict[str, Any] = {**SETTINGS, "ddp_find_unused_parameters": False}
LAYER = "TransformerEncoderLayer"


def _loader(job: Job) -> DataLoader[Any]:
    rows = job.rows(job.steps * job.batch_size * dist.get_world_size())
    sampler: Any = DistributedSampler(rows)
    return DataLoader(rows, batch_size=job.batch_size, sampler=sampler, collate_fn=default_collate)


def _train(job: Job, model: Any, optimizer: Any, loader: Any, backward: Any, clip: Callable[[], Any]) -> None:
    schedule = _schedule(optimizer, job)
    total = torch.zeros(())
    for step, batch in enumerate(loader, start=1):
        loss = model(**batch)["loss"]
        backward(loss)
        clip()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        total += loss.detach()
        if step % LOGGING_STEPS == 0:
            total.zero_()


def bare_ddp(job: Job) -> Stamped:
    plain = job.model().train()
    model = DistributedDataParallel(plain)
    clip = lambda: nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)  # noqa: E731
    _train(job, model, _optimizer(model), _loader(job), torch.Tensor.backward, clip)
    return plain


def bare_fsdp(job: Job) -> Stamped:
    model = job.model().train()
    for module in model.modules():
        if type(module).__name__ == LAYER:
            fully_shard(module)
    fully_shard(model, reshard_after_forward=False)
    clip = lambda: nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)  # noqa: E731
    _train(job, model, _optimizer(model), _loader(job), torch.Tensor.backward, clip)
    return model


def trainspec_ddp(job: Job) -> Stamped:
    return _trainspec(job)


def trainspec_fsdp(job: Job) -> Stamped:
    return _trainspec(job, fsdp="full_shard auto_wrap", fsdp_config={"transformer_layer_cls_to_wrap": [LAYER]})


def _trainspec(job: Job, **more: Any) -> Stamped:
    model = job.model()
    with TemporaryDirectory() as folder:
        args = TrainingArguments(output_dir=folder, per_device_train_batch_size=job.batch_size, **{**OURS, **more})
        rows = job.rows(job.steps * job.batch_size * dist.get_world_size())
        Trainer(model, args, train_dataset=rows, data_collator=default_collate).train()
    return model


def transformers_ddp(job: Job) -> Stamped:
    import transformers as library

    model = job.model()
    rows = job.rows(job.steps * job.batch_size * dist.get_world_size())
    with TemporaryDirectory() as folder:
        args = library.TrainingArguments(
            output_dir=folder, per_device_train_batch_size=job.batch_size, ddp_backend="gloo", **OURS
        )
        trainer = library.Trainer(model, args, train_dataset=rows, data_collator=default_collate)
        trainer.remove_callback(library.PrinterCallback)
        trainer.train()
    return model


def fabric_ddp(job: Job) -> Stamped:
    from lightning_fabric import Fabric
    from lightning_fabric.strategies import DDPStrategy

    fabric = Fabric(
        accelerator="cpu", devices=dist.get_world_size(), strategy=DDPStrategy(process_group_backend="gloo")
    )
    fabric.launch()
    plain = job.model().train()
    model, optimizer = fabric.setup(plain, _optimizer(plain))
    loader = fabric.setup_dataloaders(_loader(job), use_distributed_sampler=False)
    clip = lambda: fabric.clip_gradients(model, optimizer, max_norm=MAX_NORM)  # noqa: E731
    _train(job, model, optimizer, loader, fabric.backward, clip)
    return plain


LOOPS: dict[str, Callable[[Job], Stamped]] = {
    "bare DDP": bare_ddp,
    "trainspec DDP": trainspec_ddp,
    "Fabric": fabric_ddp,
    "transformers": transformers_ddp,
    "bare FSDP2": bare_fsdp,
    "trainspec FSDP2": trainspec_fsdp,
}


def whole_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """Of a sharded model, too: every process asks."""
    return {
        name: value.full_tensor() if hasattr(value, "full_tensor") else value.detach()
        for name, value in model.named_parameters()
    }


def assert_same_work(names: list[str]) -> None:
    """All loops end with the same weights, so none of them left anything out."""
    from benchmarks.training.jobs import tiny_job

    found = {name: whole_weights(LOOPS[name](tiny_job(20))) for name in names}
    for name, weights in found.items():
        for key, value in found[names[0]].items():
            torch.testing.assert_close(weights[key], value, msg=lambda text, name=name: f"{name}: {text}")
