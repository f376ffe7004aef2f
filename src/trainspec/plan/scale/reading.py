"""The size of a model from what lies in a folder: its weights' headers, an index of shards, its config.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trainspec.plan.batches import PlanError
from trainspec.plan.scale.model import ModelSize, of_config, of_shapes
from trainspec.storage.regular import open_regular, read_regular
from trainspec.text.redaction import printable

WEIGHTS, INDEX, CONFIG, MANIFEST = "model.safetensors", "model.safetensors.index.json", "config.json", "manifest.json"
# As the library itself limits headers.
_LONGEST_HEADER = 100_000_000


def model_at(place: str) -> ModelSize:
    """The size of the model at a local path: a folder (a checkpoint too), a file of weights, an index, a config.json.

    Weights are counted by their headers alone, so that the largest model takes milliseconds. Raises PlanError.
    """
    path = Path(place)
    try:
        return _in_folder(path) if path.is_dir() else _in_file(path)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, PlanError):
            raise
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is damaged"
        raise PlanError(f"{printable(place)} does not tell the size of a model: {why}") from None


def _in_folder(folder: Path) -> ModelSize:
    config = _config(folder / CONFIG) if (folder / CONFIG).is_file() else None
    for name in (INDEX, WEIGHTS):
        if (folder / name).is_file():
            return _in_file(folder / name)
    if config is None:
        raise PlanError(f"{printable(str(folder))} holds none of {WEIGHTS}, {INDEX} and {CONFIG}")
    return config


def _in_file(path: Path) -> ModelSize:
    if path.name == MANIFEST:
        return _in_folder(path.parent)
    if path.name.endswith(".safetensors"):
        return _counted([path], path.parent, path.name)
    if path.name.endswith(".index.json"):
        shards = sorted({str(name) for name in json.loads(read_regular(path, _LONGEST_HEADER))["weight_map"].values()})
        if any("/" in name or "\\" in name or ".." in name for name in shards):
            raise PlanError(f"{printable(str(path))} names shards that do not lie beside it")
        return _counted([path.parent / name for name in shards], path.parent, path.name)
    found = _config(path)
    if found is None:
        raise PlanError(f"{printable(str(path))} is no config.json of a transformer; give --params instead")
    return found


def _counted(files: list[Path], folder: Path, name: str) -> ModelSize:
    shapes: dict[str, Any] = {}
    for file in files:
        shapes |= _shapes_in(file)
    beside = _config(folder / CONFIG) if (folder / CONFIG).is_file() else None
    return of_shapes(shapes, printable(name), beside.transformer if beside is not None else None)


def _shapes_in(file: Path) -> dict[str, tuple[int, ...]]:
    with open_regular(file) as opened:
        length = int.from_bytes(opened.read(8), "little")
        if not 0 < length <= _LONGEST_HEADER:
            raise ValueError("no header")
        header = json.loads(opened.read(length))
    return {
        name: tuple(int(size) for size in entry["shape"]) for name, entry in header.items() if name != "__metadata__"
    }


def _config(path: Path) -> ModelSize | None:
    config = json.loads(read_regular(path, _LONGEST_HEADER))
    inner = config.get("text_config")
    return of_config(config, printable(path.name)) or (of_config(inner, printable(path.name)) if inner else None)
