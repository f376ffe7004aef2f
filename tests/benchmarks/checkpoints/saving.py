"""A process of its own, or one of several that torchrun has started: saves of one run, and yardsticks between them.

saving.py KIND ROUNDS FILE [plain|copy]    FILE-RANK gets, for every save, seconds of it and of the yardsticks beside it
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch

from benchmarks.checkpoints.job import (
    SETTINGS,
    OneRow,
    Peak,
    Wide,
    seconds_of_copy,
    seconds_of_plain_save,
    sync,
    tensors_of,
    until,
)
from benchmarks.training.loops import quiet

RANK = int(os.environ.get("RANK", "0"))
SHARED = int(os.environ.get("WORLD_SIZE", "1")) > 1
YARDSTICKS = {"plain", "copy"} & set(sys.argv[4:])


class Saves:
    """What an update with a save takes longer than one without, from its end to the begin of the next."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._buffers: list[torch.Tensor] = []
        self.rounds: list[dict[str, Any]] = []
        self._peak: Peak | None = None
        self._began = 0.0

    def begins(self, step: int) -> None:
        if step % SETTINGS["save_steps"] == 0:
            os.sync()
            self._peak = Peak()
        self._began = time.perf_counter()

    def ended(self, step: int, model: Any, optimizer: Any) -> None:
        seconds = time.perf_counter() - self._began
        if step % SETTINGS["save_steps"] or not step:
            return
        assert self._peak is not None
        raised, checkpoint = self._peak(), self._folder / f"checkpoint-{step}"
        until(lambda: any((checkpoint / name).exists() for name in ("manifest.json", "trainer_state.json", "whole")))
        files = [path for path in checkpoint.rglob("*") if path.is_file()]
        written = {str(path.relative_to(checkpoint)): path.stat().st_size for path in files}
        found = {"save": seconds, "raised": raised, "files": written, "sync": _seconds_of_sync(files)}
        if "plain" in YARDSTICKS:
            found["plain"] = seconds_of_plain_save(self._folder / "plain", tensors_of(model, optimizer))
        if "copy" in YARDSTICKS:
            found["copy"] = seconds_of_copy(tensors_of(model, optimizer), self._buffers)
        self.rounds.append(found)
        if SHARED:
            torch.distributed.barrier()
        # What is kept holds memory of the disk's cache, and the next save then pays for memory that is new.
        if RANK == 0:
            shutil.rmtree(checkpoint)


def _seconds_of_sync(files: Iterable[Path]) -> float:
    """What is left to do for them to be on the disk."""
    start = time.perf_counter()
    for file in files:
        sync(file)
    return time.perf_counter() - start


def trainspec(folder: str, saves: Saves, rounds: int, **more: Any) -> None:
    from trainspec import Trainer, TrainerCallback, TrainingArguments

    model, callback = Wide(), _callback(TrainerCallback, saves)
    steps = rounds * SETTINGS["save_steps"] + 1
    args = TrainingArguments(output_dir=folder, max_steps=steps, **SETTINGS, **more)
    trainer = Trainer(model, args, train_dataset=OneRow(), callbacks=[callback])
    callback.trainer = trainer
    trainer.train()


def sharded(folder: str, saves: Saves, rounds: int) -> None:
    config = {"transformer_layer_cls_to_wrap": ["Block"]}
    trainspec(folder, saves, rounds, fsdp="full_shard auto_wrap", fsdp_config=config)


def background(folder: str, saves: Saves, rounds: int) -> None:
    trainspec(folder, saves, rounds, save_in_background=True)


def transformers(folder: str, saves: Saves, rounds: int) -> None:
    import transformers as library

    model, callback = Wide(), _callback(library.TrainerCallback, saves)
    steps = rounds * SETTINGS["save_steps"] + 1
    args = library.TrainingArguments(output_dir=folder, max_steps=steps, **SETTINGS)
    trainer = library.Trainer(model, args, train_dataset=OneRow(), callbacks=[callback])
    callback.trainer = trainer
    trainer.remove_callback(library.PrinterCallback)
    trainer.train()


def fabric(folder: str, saves: Saves, rounds: int) -> None:
    """Lightning's save, of the same state, from a loop of one's own."""
    from lightning_fabric import Fabric

    fabric, plain = Fabric(accelerator="cpu", devices=1), Wide()
    model, optimizer = fabric.setup(plain, torch.optim.AdamW(plain.parameters(), lr=1e-4, fused=True))
    row = {name: value[None] for name, value in OneRow()[0].items()}
    for step in range(1, rounds * SETTINGS["save_steps"] + 1):
        fabric.backward(model(**row)["loss"])
        optimizer.step()
        optimizer.zero_grad()
        saves.begins(step)
        if step % SETTINGS["save_steps"] == 0:
            checkpoint = Path(folder, f"checkpoint-{step}")
            fabric.save(checkpoint / "state.ckpt", {"model": model, "optimizer": optimizer, "step": step})
            (checkpoint / "whole").touch()
        saves.ended(step, plain, optimizer.optimizer)


def _callback(base: type, saves: Saves) -> Any:
    class Clock(base):  # type: ignore[misc]
        trainer: Any = None

        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            saves.begins(state.global_step)

        def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            optimizer = self.trainer.optimizer
            saves.ended(state.global_step, self.trainer.model, getattr(optimizer, "optimizer", optimizer))

    return Clock()


KINDS = {
    "trainspec": trainspec,
    "sharded": sharded,
    "background": background,
    "transformers": transformers,
    "Fabric": fabric,
}


def main(kind: str, rounds: str, file: str, _: str = "") -> None:
    quiet()
    torch.manual_seed(0)
    folder = Path(file).parent / f"{kind}-output"
    saves = Saves(str(folder))
    KINDS[kind](str(folder), saves, int(rounds))
    Path(f"{file}-{RANK}").write_text(json.dumps(saves.rounds))


if __name__ == "__main__":
    main(*sys.argv[1:])
