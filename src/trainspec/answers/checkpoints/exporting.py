"""The model of a checkpoint for other programs: one file of safetensors, and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from trainspec.answers.checkpoints.tensors import write_joined
from trainspec.answers.checkpoints.weights import companions_of, weights_of
from trainspec.text.redaction import redact_whole_url

if TYPE_CHECKING:
    from trainspec.storage import Store
    from trainspec.training.checkpoint.load import Checkpoint


@dataclass(frozen=True)
class Exported:
    """What was written: the files, in the order in which they were, tensors and bytes of weights."""

    source: str
    target: str
    files: tuple[str, ...]
    tensors: int
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "files": list(self.files)}


def export_model(
    checkpoint: Checkpoint, target: Store, *, replace: bool = False, with_optimizer: bool = False
) -> Exported:
    """Write a checkpoint's model into a folder, whatever it was cut into; each file is there whole or not at all.

    Every file is compared with what was written first. Weights come last: where they are, all is. `with_optimizer` adds
    the tensors of the optimizer's state, put together of the parts that processes had. Raises CheckpointError,
    FileExistsError where the folder has weights already (unless `replace`), StorageError, UncutError for an optimizer
    whose parts make up no whole, and ModuleNotFoundError where weights in torch's own files, or the optimizer's state,
    need torch.
    """
    with weights_of(checkpoint) as weights:
        there = next((name for name in weights if target.exists(name)), None)
        if there is not None and not replace:
            raise FileExistsError(f"{redact_whole_url(target.url)} has {there} already")
        target.make_folder()
        others = companions_of(checkpoint)
        for name in others:
            with checkpoint.local_file(name) as path:
                target.upload(path, name)
        if with_optimizer:
            others.append(_export_optimizer(checkpoint, target))
        for name, whole in weights.items():
            target.write(name, partial(write_joined, whole.tensors, whole.texts))
        held = [tensor for whole in weights.values() for tensor in whole.tensors.values()]
        return Exported(
            redact_whole_url(checkpoint.url),
            redact_whole_url(target.url),
            (*others, *weights),
            len(held),
            sum(tensor.size for tensor in held),
        )


def _export_optimizer(checkpoint: Checkpoint, target: Store) -> str:
    from trainspec.training.checkpoint.contents import OPTIMIZER
    from trainspec.training.checkpoint.ranks.whole import consolidated
    from trainspec.training.checkpoint.tensor_files import SafetensorsFile

    target.write(OPTIMIZER, SafetensorsFile(dict(consolidated(checkpoint)), {"format": "pt"}).write)
    return OPTIMIZER
