"""The weights of a checkpoint as files of safetensors on this machine, whatever they lie in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from trainspec.answers.checkpoints.tensors import DamagedTensors, Stored, tensors_in
from trainspec.training.checkpoint.manifest import CheckpointError

if TYPE_CHECKING:
    from trainspec.training.checkpoint.load import Checkpoint

MODEL = "model.safetensors"
_INDEX = ".index.json"
_SHARD = re.compile(r"(.+)-[0-9]{5}-of-[0-9]{5}(\.safetensors|\.bin)")
_TORCH = {"pytorch_model.bin": MODEL, "adapter_model.bin": "adapter_model.safetensors"}
# What belongs to training and not to the model.
_OF_TRAINING = re.compile(
    r"manifest\.json|training_args\.(json|bin)|resolved_args\.json|trainer_state\.json|trainspec_state\.json"
    r"|optimizer([-_.].*)?|scheduler\..*|scaler\..*|rng_state.*"
)


@dataclass
class Weights:
    """The tensors of one model by name, and the texts beside them: which names stand for the same tensor, say."""

    tensors: dict[str, Stored] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


@contextmanager
def weights_of(checkpoint: Checkpoint) -> Iterator[dict[str, Weights]]:
    """The weights by the name of the file that holds all of them; shards count as the whole.

    torch is needed only where the weights are in files of torch's own. Raises CheckpointError, ModuleNotFoundError.
    """
    found: dict[str, Weights] = {}
    with ExitStack() as open_files:
        for name in weight_files(checkpoint):
            shard = _SHARD.fullmatch(name)
            whole = shard.group(1) + shard.group(2) if shard else name
            path = open_files.enter_context(_as_safetensors(checkpoint, name))
            try:
                tensors, texts = tensors_in(path)
            except DamagedTensors as error:
                raise CheckpointError(checkpoint.url, f"{name} is damaged: {error}") from None
            whole = _TORCH.get(whole, whole)
            parts = found.setdefault(whole, Weights())
            twice = next(iter(parts.tensors.keys() & tensors.keys()), None)
            if twice is not None:
                raise CheckpointError(checkpoint.url, f"{name} holds {twice}, which another shard holds too")
            parts.tensors |= tensors
            parts.texts |= texts
        if not found:
            raise CheckpointError(checkpoint.url, "it holds no weights of a model")
        yield found


def companions_of(checkpoint: Checkpoint) -> list[str]:
    """The model's other files: its configuration, a tokenizer's, a model card."""
    taken = {*weight_files(checkpoint)}
    names = (file.name for file in checkpoint.manifest.files)
    return [
        name for name in names if name not in taken and not _OF_TRAINING.fullmatch(name) and not name.endswith(_INDEX)
    ]


def weight_files(checkpoint: Checkpoint) -> list[str]:
    """The names of the files that hold the model's weights."""
    names = [file.name for file in checkpoint.manifest.files if not _OF_TRAINING.fullmatch(file.name)]
    safe = [name for name in names if name.endswith(".safetensors")]
    return safe or [name for name in names if name in _TORCH or (name.endswith(".bin") and _SHARD.fullmatch(name))]


@contextmanager
def _as_safetensors(checkpoint: Checkpoint, name: str) -> Iterator[Path]:
    if name.endswith(".safetensors"):
        with checkpoint.local_file(name) as path:
            yield path
        return
    from trainspec.training.checkpoint.states.comparing import write_safetensors

    with TemporaryDirectory(prefix="trainspec-") as folder:
        path = Path(folder) / "weights.safetensors"
        write_safetensors(checkpoint, name, path)
        yield path
