"""Checkpoints: a folder is one exactly when its manifest, written last, matches the files in it.

On this machine it gets its name after that, so that a folder of that name without a manifest is of somebody else.

`contents`, `weights`, `tensor_files` and `ranks` import torch; the names here do not.
"""

from trainspec.training.checkpoint.load import (
    Checkpoint,
    list_checkpoints,
    newest_valid,
    open_checkpoint,
)
from trainspec.training.checkpoint.manifest import CheckpointError, Manifest
from trainspec.training.checkpoint.retention import apply_retention, remove_all_except, remove_set_aside, set_aside
from trainspec.training.checkpoint.save import (
    described,
    make_room,
    publish,
    remove_checkpoint,
    remove_hidden,
    remove_unfinished,
    replaces_whole,
    save_checkpoint,
    write,
)
from trainspec.training.checkpoint.snapshot import Snapshot

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "Manifest",
    "Snapshot",
    "apply_retention",
    "described",
    "list_checkpoints",
    "make_room",
    "newest_valid",
    "open_checkpoint",
    "publish",
    "remove_all_except",
    "remove_checkpoint",
    "remove_hidden",
    "remove_set_aside",
    "remove_unfinished",
    "replaces_whole",
    "save_checkpoint",
    "set_aside",
    "write",
]
