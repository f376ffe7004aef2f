"""How each of these programs begins, trains twice and says what came of it: `python -m ... FOLDER ours|theirs`."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

FOLDER, OURS = Path(sys.argv[1]), sys.argv[2] == "ours"
if OURS:
    # Before the library is imported, which makes its classes from what transformers holds then.
    from trainspec import replace_transformers_trainer

    replace_transformers_trainer()

import torch  # noqa: E402
from torch.utils.data import SequentialSampler  # noqa: E402

torch.set_num_threads(1)
COMMON = {
    "max_steps": 8,
    "per_device_train_batch_size": 8,
    "per_device_eval_batch_size": 8,
    "learning_rate": 3e-3,
    "logging_steps": 1,
    "save_steps": 4,
    "eval_strategy": "steps",
    "eval_steps": 4,
    "report_to": "none",
    "use_cpu": True,
    "disable_tqdm": True,
    "seed": 7,
}
_TIMES = ("runtime", "per_second", "flos")


class InOrder:
    """Each library draws the order of rows in its own way from the same seed, so they come in their own."""

    train_dataset: Any

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return SequentialSampler(self.train_dataset if train_dataset is None else train_dataset)


def run(make: Any) -> None:
    """Train, evaluate and save; then again from the checkpoint in the middle on."""
    trainer = make(str(FOLDER / "run"))
    trainer.train()
    trainer.save_model(str(FOLDER / "model"))
    found = {"history": plain(trainer.state.log_history), "metrics": plain([trainer.evaluate()])[0]}
    for checkpoint in (FOLDER / "run").glob("checkpoint-*"):
        if checkpoint.name != "checkpoint-4":
            shutil.rmtree(checkpoint)
    again = make(str(FOLDER / "run"))
    again.train(resume_from_checkpoint=True)
    again.save_model(str(FOLDER / "resumed"))
    found["resumed"] = plain(again.state.log_history)
    (FOLDER / "results.json").write_text(json.dumps(found))


def plain(entries: list[dict[str, Any]]) -> list[dict[str, float]]:
    return [
        {name: float(value) for name, value in entry.items() if not any(part in name for part in _TIMES)}
        for entry in entries
    ]
