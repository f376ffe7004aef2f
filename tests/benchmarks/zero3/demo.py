"""`make demo-zero3`: one epoch on three processes under ZeRO-3, through FSDP2 and through DeepSpeed, measured.

30,000 rows, 8 at a time in each of 3 processes, 2 micro-batches an update: 48 rows an update, 625 updates.

demo.py             both
demo.py fsdp        one of them: fsdp, deepspeed
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.zero3.table import lines, markdown, planned, read
from benchmarks.zero3.task import Settings
from trainspec import TrainingArguments
from trainspec.tasks.lm.shapes import parameter_shapes

RANKS, BATCH, ACCUMULATION = 3, 8, 2
TESTS = Path(__file__).parents[2]
FOLDER = Path("runs/demo-zero3")

SETTINGS: dict[str, Any] = {
    "per_device_train_batch_size": BATCH,
    "gradient_accumulation_steps": ACCUMULATION,
    "num_train_epochs": 1,
    "learning_rate": 3e-3,
    "logging_steps": 125,
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
    "use_cpu": True,
}
WAYS: dict[str, dict[str, Any]] = {
    "fsdp": {"fsdp": "full_shard auto_wrap", "fsdp_config": {"transformer_layer_cls_to_wrap": ["Block"]}},
    "deepspeed": {
        "deepspeed": {
            "zero_optimization": {
                "stage": 3,
                # It would keep a model as small as this: gathered for good, or from the forward to the backward pass.
                "stage3_param_persistence_threshold": 0,
                "stage3_max_reuse_distance": 0,
                "stage3_prefetch_bucket_size": 0,
                # What gradients are packed into is no larger than the model.
                "reduce_bucket_size": 200_000,
            }
        }
    },
}
NAMES = {"fsdp": "FSDP2, full_shard auto_wrap", "deepspeed": "DeepSpeed, stage 3"}
WHY = {
    "fsdp": "Gathered at once is less than planned, which is two blocks: of the next one, torch gathers ahead in the "
    "backward pass alone, into a buffer that is no parameter yet.",
    "deepspeed": "Gathered at once is less than planned, as DeepSpeed gathers layer by layer, not block by block. What "
    "is held does not change: the buffer for gradients stays for the whole run.",
}


def settings_of(way: str) -> TrainingArguments:
    return TrainingArguments.from_dict({**SETTINGS, **WAYS[way]})


def main(names: Sequence[str]) -> int:
    for way in names or WAYS:
        folder = FOLDER / way
        if code := _train(way, folder):
            return code
        print(f"\n## {NAMES[way]}\n\n{report(way, folder)}", flush=True)
    return 0


def _train(way: str, folder: Path) -> int:
    """As anybody would start it: the command, with a file of settings."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "run.json"
    document = {"output_dir": str(folder), "overwrite_output_dir": True, **SETTINGS, **WAYS[way]}
    file.write_text(json.dumps(document))
    command = [str(Path(sys.executable).with_name("trainspec")), "train", "benchmarks.zero3.task:measured"]
    command += ["--nproc", str(RANKS), "--config", str(file)]
    path = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}).returncode


def report(way: str, folder: Path, task: Settings | None = None) -> str:
    """The table of a run that is done, and what its own state says of it."""
    task = task or Settings()
    measured = read(folder, RANKS)
    found = lines(measured, planned(settings_of(way), RANKS, parameter_shapes(task)))
    first, losses = measured[0], [f"{one['losses'][0]:.3f}" for one in measured]
    rows = sum(one["rows"] for one in measured)
    said = (
        f"{first['updates']} updates of {rows / first['updates']:g} rows, {first['updates_per_epoch']} an epoch; "
        f"logged loss {' '.join(f'{loss:.3f}' for loss in first['logged'])}.\n"
        f"Update {task.measured_update}, bytes, of ranks 0 / 1 / 2 where they differ; "
        f"each rank's own loss in forward 1: {' / '.join(losses)}."
    )
    return f"{said}\n\n{markdown(found)}\n\n{WHY[way]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
