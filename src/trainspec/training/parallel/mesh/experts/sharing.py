"""Each module that a plan names, shared out in the way that its form allows."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from trainspec.training.model.names import bare
from trainspec.training.parallel.mesh.experts.lists import block_of, is_list, share_list
from trainspec.training.parallel.mesh.experts.stacked import share_stacked
from trainspec.training.parallel.mesh.randomness import OwnStreams

if TYPE_CHECKING:
    from torch import nn
    from torch.distributed.device_mesh import DeviceMesh

    from trainspec.training.parallel.mesh.experts.plan import ExpertPlan


def share_experts(model: nn.Module, plan: ExpertPlan, mesh: DeviceMesh, *, sharded: bool) -> None:
    """In place, over a mesh of one dimension. Parameters must be the same in every process.

    `sharded`: whether `fully_shard` follows, for which a parameter has a gradient in all processes or in none.
    """
    model = bare(model)
    streams, numbers = OwnStreams(mesh.get_local_rank(), mesh.device_type), count()
    for name in plan.modules:
        module = model.get_submodule(name)
        if is_list(module):
            block = model.get_submodule(block_of(name, module))
            share_list(block, module, mesh, streams, numbers, sharded=sharded)
        else:
            share_stacked(module, mesh, streams, next(numbers))
