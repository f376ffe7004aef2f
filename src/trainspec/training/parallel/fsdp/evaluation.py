"""Evaluation of a sharded model in another number format: its parameters are gathered in it, and stay what they are."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from torch.distributed.fsdp import MixedPrecisionPolicy
from torch.distributed.tensor import DTensor

from trainspec.training.parallel.fsdp.gradients import states_of
from trainspec.training.precision.weight_copies import floating_slots, inputs_in, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from trainspec.training.parallel.fsdp.sharding import Sharded


@contextmanager
def evaluating_in(sharded: Sharded, dtype: torch.dtype) -> Iterator[None]:
    """What precision/full_eval.py does for a whole model."""
    sharded.reshard()
    before = [state._mp_policy for state in states_of(sharded.modules)]
    _gather_by(sharded, [MixedPrecisionPolicy(param_dtype=dtype, cast_forward_inputs=False)] * len(before))
    slots = [slot for slot in floating_slots(sharded.model, buffers=True) if not isinstance(slot.tensor, DTensor)]
    with ExitStack() as stack:
        stack.callback(_gather_by, sharded, before)
        stack.callback(sharded.reshard)
        stack.enter_context(replaced(slots, lambda tensor: tensor.detach().to(dtype)))
        stack.enter_context(inputs_in(sharded.model, dtype))
        yield


def _gather_by(sharded: Sharded, policies: list[Any]) -> None:
    for state, policy in zip(states_of(sharded.modules), policies, strict=True):
        state._mp_policy = policy
        for group in state._fsdp_param_groups:
            group.mp_policy = policy
            for part in group.fsdp_params:
                part.mp_policy = policy
                part.init_dtype_attrs(policy)
                # They were made for the other format.
                part.all_gather_outputs = []
                vars(part).pop("_unsharded_param", None)
