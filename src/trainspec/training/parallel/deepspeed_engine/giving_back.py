"""A user's model as it was before an engine took it: whole parameters in memory and formats of their own, no hooks."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from trainspec.training.parallel.deepspeed_engine.library import part
from trainspec.training.parallel.deepspeed_engine.weights import gathered

if TYPE_CHECKING:
    from trainspec.training.parallel.deepspeed_engine.pieces import Piece
    from trainspec.training.parallel.processes import Processes


class Before:
    """What a model was like. Made before the engine is; the model is in use by it until `restore`."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._linear = functional.linear
        self.formats = {id(value): value.dtype for value in model.parameters()}
        self._undone = ExitStack()
        self._known = {id(entry): set(vars(entry)) for entry in (*model.modules(), *model.parameters())}

    def also_undo(self, stack: ExitStack) -> None:
        self._undone.enter_context(stack)

    def restore(self, engine: Any, pieces: list[Piece], processes: Processes) -> None:
        """Every process asks, at the same time: parameters that are shared out come back to all."""
        masters = {id(piece.parameter): piece for piece in pieces if piece.has_master}
        whole = {id(value): self._whole(value, masters.get(id(value)), processes) for value in self._model.parameters()}
        self._undone.close()
        engine.module_forward_pre_hook.remove()
        engine.module_forward_post_hook.remove()
        engine.destroy()
        stack = part("runtime.zero.parameter_offload").FWD_MODULE_STACK
        stack[:] = [module for module in stack if module is not self._model]
        for module in self._model.modules():
            # Stage 3 has put a table of its own into their place.
            module._parameters = dict(module._parameters)
            self._forget(module)
        for value in self._model.parameters():
            self._forget(value)
            value.data, value.grad = whole[id(value)], None
        functional.linear = self._linear

    def _whole(self, value: nn.Parameter, master: Piece | None, processes: Processes) -> torch.Tensor:
        dtype = self.formats[id(value)]
        if master is not None:
            flat = master.flat.detach()
            found = flat if master.is_whole else processes.sum(master.into_whole(master.of(flat)))
            if value.shape == found.shape:
                # What somebody has loaded into the model since is no longer what the master was rounded to.
                found = torch.where(found.to(value.dtype) == value, found, value.to(found.dtype)).detach()
            return found.to(value.device, dtype, copy=True)
        if not hasattr(value, "ds_id"):
            return value.detach().to(dtype, copy=True)
        with gathered([value]):
            return value.detach().to(dtype, copy=True)

    def _forget(self, entry: Any) -> None:
        known = self._known.get(id(entry))
        for name in [name for name in vars(entry) if known is not None and name not in known]:
            delattr(entry, name)
