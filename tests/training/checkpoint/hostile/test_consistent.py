"""Promise: a checkpoint that says odd things in documents whose checksums are right is told of, or gone on from.

The short form is always run. TEST_SURVIVAL=1 runs the long one.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.training.checkpoint.hostile.test_survival import LONG, SEED
from tests.training.small_job import Line, Make, Rows
from torch.optim import AdamW

from trainspec.training.callbacks import EarlyStoppingCallback
from trainspec.training.checkpoint import CheckpointError
from trainspec.training.checkpoint.manifest import with_checksum
from trainspec.training.checkpoint.states.fitting import MisfitError, refuse_other_optimizer
from trainspec.training.errors import NonFiniteError
from trainspec.training.preflight.preflight import PreflightError

RUN: dict[str, Any] = {
    "save_strategy": "steps",
    "save_steps": 3,
    "eval_strategy": "steps",
    "eval_steps": 3,
    "load_best_model_at_end": True,
    "metric_for_best_model": "loss",
    "optim": "adamw_torch",
}
FILES = ("trainer_state.json", "trainspec_state.json", "optimizer.json", "scheduler.json", "rng_state.json")
VALUES: tuple[Any, ...] = (None, -1, 10**30, 1e308, True, "x", [], {}, [[]], "\x1b[31m")
COUNTER = ("stateful_callbacks", "EarlyStoppingCallback", "attributes", "early_stopping_patience_counter")
FOUND: list[tuple[str, tuple[Any, ...], Any]] = [
    ("scheduler.json", ("nest", "base_lrs"), [0.01, 0.01, 0.01]),
    ("scheduler.json", ("nest", "_last_lr"), []),
    ("trainspec_state.json", ("uneven_rows",), None),
    ("trainspec_state.json", ("last_update", "grad_norm"), 10**30),
    ("trainer_state.json", COUNTER, "x"),
    ("optimizer.json", ("nest", "param_groups", 0, "eps"), None),
    ("optimizer.json", ("nest", "param_groups", 0, "amsgrad"), True),
    ("optimizer.json", ("nest", "param_groups", 0, "amsgrad"), None),
    ("optimizer.json", ("nest", "param_groups", 0, "differentiable"), True),
    ("optimizer.json", ("nest", "param_groups"), None),
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("consistent") / "out"


def _train(make_trainer: Make, out: Path, steps: int, resumes: bool) -> Any:
    trainer = make_trainer(
        output_dir=str(out),
        max_steps=steps,
        train_dataset=Rows(),
        eval_dataset=Rows(8),
        callbacks=[EarlyStoppingCallback(3)],
        **RUN,
    )
    trainer.train(resume_from_checkpoint=str(out / "checkpoint-3") if resumes else None)
    return trainer


def _edited(folder: Path, name: str, path: tuple[Any, ...], value: Any) -> None:
    """With a manifest that agrees."""
    document = json.loads((folder / name).read_text())
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    data = json.dumps(document).encode()
    (folder / name).write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    record = next(entry for entry in manifest["files"] if entry["name"] == name)
    record |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(with_checksum(manifest)))


def _paths(document: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = document.items() if isinstance(document, dict) else enumerate(document[:2])
    for key, value in entries:
        yield (*before, key)
        if isinstance(value, dict | list):
            yield from _paths(value, (*before, key))


def _is_survived(make_trainer: Make, written: Path, copy: Path, edit: tuple[str, tuple[Any, ...], Any]) -> str | None:
    if not written.exists():
        _train(make_trainer, written, 3, resumes=False)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(written, copy)
    _edited(copy / "checkpoint-3", *edit)
    try:
        trainer = _train(make_trainer, copy, 6, resumes=True)
    except (PreflightError, CheckpointError, NonFiniteError) as told:
        return None if "\x1b" not in str(told) else "raw escapes"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None if trainer.state.global_step == 6 or trainer.state.epoch > 0 else "it did nothing"


@pytest.mark.parametrize("edit", FOUND, ids=lambda edit: f"{edit[0]} {edit[1][-1]}")
def test_what_was_found_is_survived(make_trainer: Make, written: Path, tmp_path: Path, edit: Any) -> None:
    assert _is_survived(make_trainer, written, tmp_path / "copy", edit) is None


@pytest.mark.timeout(3600 if LONG else 300)
@pytest.mark.parametrize("name", FILES)
def test_any_value_in_any_place_is_survived(make_trainer: Make, written: Path, tmp_path: Path, name: str) -> None:
    assert _is_survived(make_trainer, written, tmp_path / "copy", FOUND[3]) is None
    document = json.loads((written / "checkpoint-3" / name).read_text())
    chance, paths = random.Random(f"{SEED} {name}"), list(_paths(document))
    edits = [(name, chance.choice(paths), chance.choice(VALUES)) for _ in range(400 if LONG else 15)]
    failed = [(edit, why) for edit in edits if (why := _is_survived(make_trainer, written, tmp_path / "copy", edit))]
    assert not failed, "\n".join(map(str, failed))


@pytest.mark.parametrize(
    "option, fused, refused",
    [
        ("differentiable", True, True),
        ("differentiable", False, False),
        ("capturable", False, True),
        ("amsgrad", False, False),
    ],
)
def test_only_what_kernels_cannot_do_is_refused(option: str, fused: bool, refused: bool) -> None:
    """Valid checkpoints of others have options on that are off here."""
    model = Line()

    def optimizer(**more: Any) -> AdamW:
        return AdamW(model.parameters(), fused=fused, foreach=False, **more)

    # It was never stepped, so no tensor of it is missing.
    state = optimizer().state_dict()
    state["param_groups"][0][option] = True
    try:
        refuse_other_optimizer(state, optimizer(), model, whole=True)
        assert not refused
    except MisfitError as error:
        assert refused and option in str(error)
