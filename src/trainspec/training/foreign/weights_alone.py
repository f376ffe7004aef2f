"""What can be taken over of Accelerate's folders and DeepSpeed's universal checkpoints: the weights.

Their optimizers, schedules and random states are pickles, which nothing here opens.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainspec.training.checkpoint import CheckpointError
from trainspec.training.checkpoint.shards import verify_state, weights_in
from trainspec.training.checkpoint.tensor_files import SafetensorsFile
from trainspec.training.foreign.plain_tensors import StrangeFileError, plain_tensor

if TYPE_CHECKING:
    from collections.abc import Collection

    from trainspec.storage import Store

_OF_ACCELERATE = re.compile(r"random_states_\d+\.pkl|(optimizer|scheduler|sampler)(_\d+)?\.bin")
_UNIVERSAL = re.compile(r"((?:[^/]+/)?)zero/([^/]+)/fp32\.pt")
_STEP = re.compile(r"global_step(\d+)")
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
_LONGEST_NAME, _MOST_SHOWN = 512, 6


@dataclass(frozen=True)
class WeightsAlone:
    """Of a program: the model's files by name, how many updates they are of as far as it says, and what is left."""

    writer: str
    step: int
    copied: tuple[str, ...]
    made: dict[str, Any]
    left: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Why there is no more of it."""
        shown = ", ".join(self.left[:_MOST_SHOWN]) + (" ..." if len(self.left) > _MOST_SHOWN else "")
        return f"{self.writer}; its weights are taken over, and left behind is {shown}"


def weights_alone(store: Store) -> WeightsAlone | None:
    """What can be taken over; None where neither wrote it. Raises CheckpointError for weights that cannot be read."""
    names = [entry.name for entry in store.entries()]
    universal = [match for name in names if (match := _UNIVERSAL.fullmatch(name))]
    if universal:
        return _of_universal(store, names, universal)
    whole = weights_in(names)
    if not any(map(_OF_ACCELERATE.fullmatch, names)) or whole is None or ".safetensors" not in whole:
        return None
    verify_state(whole, store.read_bytes, names, store.url)
    shards = [name for name in names if _SHARD.fullmatch(name)] if whole.endswith(".index.json") else []
    copied = (whole, *shards)
    told = "Accelerate's save_state wrote it, which tells no number of updates, and the rest is pickles"
    return WeightsAlone(told, 0, copied, {}, _rest(names, copied))


def _of_universal(store: Store, names: Collection[str], found: list[re.Match[str]]) -> WeightsAlone:
    folders = sorted({match[1] for match in found})
    if len(folders) > 1:
        raise CheckpointError(store.url, f"it holds several universal checkpoints ({', '.join(folders[:3])}): name one")
    tensors = {}
    for match in found:
        name = match[2]
        if not name.isprintable() or len(name) > _LONGEST_NAME:
            raise CheckpointError(store.url, "a parameter in it has no printable name")
        try:
            tensors[name] = plain_tensor(store.read_bytes(match[0]), "param")
        except StrangeFileError as error:
            raise CheckpointError(
                store.url,
                f"{match[0]} is no plain tensor: {error}; DeepSpeed's zero_to_fp32.py makes one file of weights of the "
                "checkpoint that it was made of",
            ) from None
    step = _STEP.search(f"{folders[0]} {store.url.rstrip('/').rpartition('/')[2]}")
    told = "DeepSpeed's ds_to_universal.py wrote it, without a log and a place in the data"
    file = SafetensorsFile(tensors, {"format": "pt"})
    taken = [match[0] for match in found]
    return WeightsAlone(told, int(step[1]) if step else 0, (), {"model.safetensors": file}, _rest(names, taken))


def _rest(names: Collection[str], taken: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names) - set(taken)))
