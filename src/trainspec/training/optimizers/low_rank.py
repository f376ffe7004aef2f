"""GaLore and APOLLO: the state of chosen matrices is kept for a projection of low rank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.training.optimizers.entry import ClassAndKwargs, Recipe, Request, load
from trainspec.training.optimizers.exact_state import keep_state_formats, pack_state
from trainspec.training.optimizers.groups import parameter_groups
from trainspec.training.optimizers.layerwise import Layerwise
from trainspec.training.optimizers.target_modules import target_layers

if TYPE_CHECKING:
    from torch.optim import Optimizer

_GALORE = ("rank", "update_proj_gap", "scale", "proj_type")
_APOLLO = (*_GALORE, "proj", "scale_type")


def galore_adamw(request: Request) -> ClassAndKwargs:
    kwargs = {"params": _groups(request, _GALORE), **request.adam, "no_deprecation_warning": True}
    return load("galore_torch:GaLoreAdamW"), kwargs


def galore_adamw_8bit(request: Request) -> ClassAndKwargs:
    return load("galore_torch:GaLoreAdamW8bit"), {"params": _groups(request, _GALORE), **request.adam}


def galore_adafactor(request: Request) -> ClassAndKwargs:
    kwargs = {"params": _groups(request, _GALORE), **request.rate, **request.own(*_GALORE)}
    return load("galore_torch:GaLoreAdafactor"), {**kwargs, "scale_parameter": False, "relative_step": False}


def apollo_adamw(request: Request) -> ClassAndKwargs:
    kwargs = {"params": _groups(request, _APOLLO), **request.adam, **request.own(*_APOLLO)}
    return load("apollo_torch:APOLLOAdamW"), {**kwargs, "no_deprecation_warning": True}


def layerwise(recipe: Recipe) -> Recipe:
    """The same optimizer, stepping each parameter in the backward pass."""

    def build(request: Request) -> ClassAndKwargs:
        inner, kwargs = recipe(request)
        return Layerwise, {"inner": inner, **kwargs}

    return build


def keep_projectors(optimizer: Optimizer, request: Request) -> None:
    """Projections are saved as their matrices and seeds, and made again from the groups' arguments."""
    keep_state_formats(optimizer)
    pack_state(optimizer, "projector", _pack, _unpack)


def _groups(request: Request, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The decay groups, parted once more into matrices that are projected and parameters that are not."""
    model = request.whole_model()
    wanted = request.args.optim_target_modules
    if not wanted:
        raise ValueError(f"optim {request.args.optim} needs optim_target_modules")
    chosen = {id(layer.weight) for layer in target_layers(model, wanted).values()}
    projection = {name: value for name, value in request.own().items() if name in names}
    groups = []
    for group in parameter_groups(model, request.args.weight_decay):
        for projected in (False, True):
            values = [value for value in group["params"] if (id(value) in chosen) is projected]
            if values:
                groups.append({**group, "params": values, **(projection if projected else {})})
    return groups


def _pack(projector: Any) -> dict[str, Any]:
    names = ("ortho_matrix", "seed", "svd_count")
    return {name: getattr(projector, name) for name in names if hasattr(projector, name)}


def _unpack(packed: dict[str, Any], state: dict[str, Any], group: dict[str, Any]) -> Any:
    same = {"rank": group["rank"], "update_proj_gap": group["update_proj_gap"], "scale": group["scale"]}
    projector = load(_PROJECTORS[group.get("proj", "galore")])(**same, proj_type=group["proj_type"])
    for name, value in packed.items():
        setattr(projector, name, value)
    return projector


_PROJECTORS = {
    "galore": "galore_torch.galore_projector:GaLoreProjector",
    "random": "apollo_torch.random_projector:GradientProjector",
    "svd": "apollo_torch.svd_projector:GaLoreProjector",
}
