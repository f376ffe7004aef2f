"""What a checkpoint will hold, taken at one moment of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from trainspec.training.checkpoint.manifest import FULL_LAYOUT

if TYPE_CHECKING:
    from trainspec.training.checkpoint.payload import Payload
    from trainspec.training.checkpoint.tensor_files import TensorCopies

_MOST_DESCRIBED = 50_000


@dataclass(frozen=True)
class Snapshot:
    """The files that this process writes of the checkpoint after `step` updates, and what its manifest says besides.

    Tensors are referred to: write it before anything changes them, which an optimizer's step does, and so does the
    end of `saving(optimizer)`; or write `copied()` later. `metadata`, `data` (the position in the data), `world_size`
    and `layout` are those of the manifest, for the process that publishes.
    """

    step: int
    files: Mapping[str, Payload]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] | None = None
    world_size: int = 1
    layout: Mapping[str, Any] = field(default_factory=lambda: FULL_LAYOUT)
    # When saving it began, by time.monotonic(); None where nobody times it.
    began: float | None = None

    @property
    def tensors(self) -> dict[str, dict[str, str]]:
        """The dtype and shape of each tensor in the files of safetensors, as "F32[4, 1]"; none where they are many."""
        described = {name: getattr(payload, "described", None) for name, payload in self.files.items()}
        found = {name: tensors for name, tensors in described.items() if tensors is not None}
        # Their own headers say it, too; a manifest is to be read at a glance.
        return found if sum(map(len, found.values())) <= _MOST_DESCRIBED else {}

    def copied(self, copies: TensorCopies | None = None) -> Snapshot:
        """The same of copies of the tensors, in this machine's own memory; training may go on meanwhile.

        `copies`: those of the snapshot before, which nobody reads any more, and whose memory is used again.
        """
        from trainspec.training.checkpoint.tensor_files import TensorCopies

        copy = TensorCopies() if copies is None else copies
        with copy.taking():
            return replace(self, files={name: payload.copied(copy) for name, payload in self.files.items()})
