"""Checkpoints made by hand, without torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainspec.training.checkpoint import save_checkpoint
from trainspec.training.checkpoint.manifest import Branch

if TYPE_CHECKING:
    from trainspec.storage import Store
    from trainspec.training.checkpoint import Checkpoint


def safetensors(tensors: Mapping[str, Sequence[float]], **texts: str) -> bytes:
    """A file of vectors of F32."""
    header: dict[str, Any] = {"__metadata__": texts} if texts else {}
    content = b""
    for name, values in tensors.items():
        data = struct.pack(f"<{len(values)}f", *values)
        offsets = [len(content), len(content) + len(data)]
        header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": offsets}
        content += data
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content


def state(step: int, best: int | None = None, metric: float | None = None) -> bytes:
    document = {"global_step": step, "epoch": step / 10, "best_global_step": best, "best_metric": metric}
    return json.dumps({"log_history": [], **document}).encode()


def save(
    store: Store, step: int, *, best: int | None = None, branch: Branch | None = None, **files: bytes
) -> Checkpoint:
    """One with a model of two tensors; `files` have __ where their names have a dot."""
    model = safetensors({"a": [1.0, 2.0], "b": [float(step)]})
    named = {name.replace("__", "."): content for name, content in files.items()}
    whole = {"model.safetensors": model, "trainer_state.json": state(step, best, 0.5), "config.json": b"{}\n"}
    return save_checkpoint(store, step, whole | named, {"best": best == step, **(branch or Branch()).described()})
