"""Resuming in a child process that may take only so much time and memory, from a damaged checkpoint."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import resource
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.training.small_job import Line, Rows

from trainspec import TrainingArguments
from trainspec.storage import StorageError
from trainspec.training.checkpoint import CheckpointError
from trainspec.training.checkpoint.manifest import json_bytes, with_checksum
from trainspec.training.errors import TrainingError
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.trainer import Trainer

# What a command tells in one diagnostic.
FORESEEN = (PreflightError, TrainingError, CheckpointError, StorageError)
RUN: dict[str, Any] = {
    "max_steps": 4,
    "save_steps": 2,
    "save_strategy": "steps",
    "per_device_train_batch_size": 4,
    "logging_steps": 2,
    "disable_tqdm": True,
    "report_to": "none",
    "optim": "adamw_torch_fused",
    "lr_scheduler_type": "cosine",
    # For the state of a loss scaler.
    "fp16": True,
}
# A document of run state may have 60 MB here, which is there twice while it is compared with its checksum.
SECONDS, HANGS, MEGABYTES, SCREEN = 2.0, 20.0, 130, 6000


@dataclass
class Outcome:
    """`kind` is "done", "told" for a diagnostic, "traceback", "killed" or "hangs"."""

    kind: str
    text: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0


def run(folder: Path, wanted: str | None, *, rows: int = 24, **changes: Any) -> Trainer:
    settings = {**RUN, "output_dir": str(folder), **changes}
    trainer = Trainer(Line(dropout=0.3), TrainingArguments(**settings), train_dataset=Rows(rows))
    trainer.train(resume_from_checkpoint=wanted)
    return trainer


def resume(folder: Path, wanted: str, **changes: Any) -> Outcome:
    """What comes of resuming in a child: it is ended when it hangs."""
    return in_child(lambda: run(folder, wanted, **{"max_steps": 6, **changes}))


def in_child(work: Callable[[], object]) -> Outcome:
    reader, writer = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _report(work, writer)
    os.close(writer)
    try:
        if not select.select([reader], [], [], HANGS)[0]:
            return Outcome("hangs", seconds=time.monotonic() - started)
        said = os.read(reader, 1 << 20)
        return Outcome(**json.loads(said)) if said else Outcome("killed")
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _report(work: Callable[[], object], writer: int) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    before, began = _peak(), time.process_time()
    kind, text = "done", ""
    try:
        work()
    except FORESEEN as error:
        kind, text = "told", str(error)
    except BaseException as error:
        kind, text = "traceback", f"{type(error).__name__}: {error}"
    outcome = Outcome(kind, text[:20_000], time.process_time() - began, _peak() - before)
    os.write(writer, json.dumps(vars(outcome)).encode()[: 1 << 16])
    os._exit(0)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def problem(outcome: Outcome) -> str | None:
    """Why that is not how a damaged checkpoint may end; None where it is."""
    if outcome.kind not in ("done", "told"):
        return f"{outcome.kind}: {outcome.text[:300]}"
    if any(not letter.isprintable() and letter != "\n" for letter in outcome.text):
        return f"raw terminal bytes: {outcome.text[:300]!r}"
    if len(outcome.text) > SCREEN:
        return f"{len(outcome.text):,} characters are told"
    if outcome.seconds > SECONDS:
        return f"it took {outcome.seconds:.1f} s"
    return f"it took {outcome.megabytes:.0f} MB" if outcome.megabytes > MEGABYTES else None


def seal(path: Path) -> None:
    """Have a manifest agree with itself, whatever is in it."""
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads(path.read_text())
        if isinstance(document, dict) and "checksum" in document:
            path.write_bytes(json_bytes(with_checksum(document)))


def sign(folder: Path) -> None:
    """Have the manifest agree with the files, as whoever means harm would."""
    path = folder / "manifest.json"
    document = json.loads(path.read_text())
    for file in document["files"]:
        content = folder / file["name"]
        if content.is_file():
            data = content.read_bytes()
            file |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    path.write_text(json.dumps(document))
    seal(path)
