"""A model split by its plan: parameters become parts of themselves, and forward passes exchange what they must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.distributed.tensor import DTensor
from torch.distributed.tensor.parallel.style import ParallelStyle

from trainspec.training.model.names import bare
from trainspec.training.parallel.mesh.plan import Plan, own_parameters
from trainspec.training.parallel.mesh.randomness import OwnStreams
from trainspec.training.parallel.mesh.styles import Stream, Style, SummedGradients

if TYPE_CHECKING:
    from torch import nn
    from torch.distributed.device_mesh import DeviceMesh


def split(model: nn.Module, plan: Plan, mesh: DeviceMesh) -> None:
    """In place, over a mesh of one dimension. Parameters must be the same in every process; tied ones stay tied."""
    model = bare(model)
    modules = dict(model.named_modules())
    parts: dict[int, nn.Parameter] = {}
    whole: list[nn.Parameter] = []
    stream = Stream()
    for name, style in plan.parameters.items():
        owner, _, own_name = name.rpartition(".")
        # Of transformers: the parameters of a module one by one.
        if name.rpartition(".")[0] not in plan.modules or not isinstance(style, Style | SummedGradients):
            style.shard_param(modules[owner], own_name, mesh)
    for name, style in plan.modules.items():
        module = modules[name]
        if isinstance(style, Style):
            for own_name, value in list(own_parameters(module)):
                if not isinstance(value, DTensor):
                    # Kept alive as long as its identity counts.
                    whole.append(value)
                    part = parts.get(id(value))
                    parts[id(value)] = part = style.split(module, own_name, mesh) if part is None else part
                    module.register_parameter(own_name, part)
            style.hook(module, mesh, stream)
        elif isinstance(style, SummedGradients):
            style.hook(module, mesh, stream)
        elif isinstance(style, ParallelStyle):
            style._apply(module, mesh)
        else:
            _by_transformers(model, module, style, mesh)
    opening, closing = stretches(plan)
    OwnStreams(mesh.get_local_rank(), mesh.device_type).follow(model, opening, closing)


def stretches(plan: Plan) -> tuple[list[str], list[str]]:
    """The modules after which features are split, and those before which they are."""
    plain = {name: style for name, style in plan.modules.items() if isinstance(style, Style)}
    return [name for name, style in plain.items() if style.opens], [
        name for name, style in plain.items() if style.closes
    ]


def _by_transformers(model: nn.Module, module: nn.Module, style: Any, mesh: DeviceMesh) -> None:
    if type(style).__name__ == "MlaKvAProjParallel":
        module.config = model.config.get_text_config()  # type: ignore[union-attr, operator]
    for own_name, value in list(own_parameters(module)):
        if not isinstance(value, DTensor):
            style.shard_param(module, own_name, mesh)
    style.install_forward(module, mesh)
