"""One script run twice: as it stands, and with every name that trainspec has imported from trainspec."""

from __future__ import annotations

import ast
import contextlib
import json
import math
import runpy
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch.utils.data import SequentialSampler
from transformers import AutoConfig

import trainspec

SCRIPTS = Path(__file__).parent / "scripts"
# What a person compares two runs by.
CLOSE = 1e-3
_TIMES = ("runtime", "per_second", "flos")


def replaced(source: str) -> str:
    """The script with the imports replaced, and nothing else."""
    tree = ast.parse(source)
    body: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "transformers":
            ours = [alias for alias in node.names if alias.name in trainspec.__all__]
            theirs = [alias for alias in node.names if alias not in ours]
            body += [ast.ImportFrom("trainspec", ours, 0)] if ours else []
            body += [ast.ImportFrom(node.module, theirs, 0)] if theirs else []
        else:
            body.append(node)
    tree.body = body
    return ast.unparse(ast.fix_missing_locations(tree))


@dataclass(frozen=True)
class Results:
    """What a run left in its folder."""

    folder: Path

    @property
    def metrics(self) -> dict[str, float]:
        found = json.loads((self.folder / "all_results.json").read_text())
        return {name: value for name, value in found.items() if not any(part in name for part in _TIMES)}

    @property
    def losses(self) -> list[float]:
        history = json.loads((self.folder / "trainer_state.json").read_text())["log_history"]
        return [entry["loss"] for entry in history if "loss" in entry]

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """Of the model that whoever reads the folder gets."""
        config = AutoConfig.from_pretrained(self.folder)
        model: Any = getattr(transformers, config.architectures[0])
        return dict(model.from_pretrained(self.folder, config=config).state_dict())

    def checkpoints(self) -> list[Path]:
        return sorted(self.folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))


def run_script(name: str, words: Sequence[str], folder: Path, *, ours: bool, sources: Path) -> Results:
    """Run the script's file in this process, with the rows in their own order."""
    script = _copied(name, sources, ours=ours)
    with pytest.MonkeyPatch.context() as patch, _own_modules(sources):
        trainer = trainspec.Trainer if ours else transformers.Trainer
        # Each library draws the order of rows in its own way from the same seed.
        patch.setattr(trainer, "_get_train_sampler", in_order)
        patch.setattr(sys, "argv", [script.name, *words, "--output_dir", str(folder)])
        patch.syspath_prepend(str(script.parent))
        runpy.run_path(str(script), run_name="__main__")
    return Results(folder)


def in_order(self: Any, train_dataset: Any = None) -> Any:
    return SequentialSampler(self.train_dataset if train_dataset is None else train_dataset)


def _copied(name: str, sources: Path, *, ours: bool) -> Path:
    target = sources / ("ours" if ours else "theirs")
    if not target.exists():
        target.mkdir(parents=True)
        for path in SCRIPTS.glob("*.py"):
            text = path.read_text()
            (target / path.name).write_text(replaced(text) if ours else text)
    return target / f"{name}.py"


@contextlib.contextmanager
def _own_modules(sources: Path) -> Iterator[None]:
    """What a script imports from beside itself is of that run alone."""
    try:
        yield
    finally:
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(str(sources)):
                del sys.modules[name]


def interrupted(results: Results) -> None:
    """As if the run had been killed after its first checkpoint."""
    for checkpoint in results.checkpoints()[1:]:
        shutil.rmtree(checkpoint)
    for name in ("model.safetensors", "all_results.json", "trainer_state.json"):
        (results.folder / name).unlink()


def assert_same_numbers(one: dict[str, float], other: dict[str, float], close: float = CLOSE) -> None:
    assert one.keys() == other.keys()
    wrong = {
        name: (one[name], other[name])
        for name in one
        if not math.isclose(one[name], other[name], rel_tol=close, abs_tol=close)
    }
    assert wrong == {}


def assert_same_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], close: float = CLOSE) -> None:
    assert one.keys() == other.keys()
    furthest = max(float((one[name] - other[name]).abs().max()) for name in one)
    assert furthest <= close
