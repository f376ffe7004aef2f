"""A model taken apart: `fully_shard` for each of its units, set so that gradients are added up over processes."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, FSDPModule, MixedPrecisionPolicy, OffloadPolicy, fully_shard

from trainspec.settings.values.choices import ApexOptLevel
from trainspec.training.model.activation_checkpointing import recompute, repeated_blocks
from trainspec.training.parallel.contact.children import kept_from_children
from trainspec.training.parallel.fsdp.units import units_of, wrapping_of
from trainspec.training.parallel.fsdp.ways import details_of
from trainspec.training.precision.weight_copies import cast as in_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel.fsdp.ways import Way

REPLICATE, SHARD = "dp_replicate", "dp_shard"


@dataclass(frozen=True)
class Sharded:
    """A model after `fully_shard`: its units in the order in which they were made, the model itself last."""

    model: nn.Module
    mesh: DeviceMesh
    modules: tuple[FSDPModule, ...]
    # Each process has these whole: they are outside of torch's FSDP.
    whole: tuple[nn.Parameter, ...]

    @property
    def units(self) -> tuple[FSDPModule, ...]:
        return self.modules[:-1]

    def reshard(self) -> None:
        """Free what an evaluation, or a forward pass without a backward pass, has left gathered."""
        for module in self.modules:
            module.reshard()


def mesh_of(way: Way, device: torch.device) -> DeviceMesh:
    """Of one dimension where there are no replicas. Every process asks, for it makes groups."""
    with kept_from_children():
        if way.is_hybrid:
            return init_device_mesh(device.type, (way.replicas, way.shards), mesh_dim_names=(REPLICATE, SHARD))
        return init_device_mesh(device.type, (way.shards,), mesh_dim_names=(SHARD,))


def half_of(args: TrainingArguments) -> torch.dtype | None:
    """What parameters are gathered in; None: in what they are."""
    if args.bf16:
        return torch.bfloat16
    return torch.float16 if args.fp16 and args.fp16_opt_level != ApexOptLevel.O0 else None


def shard_model(model: nn.Module, way: Way, mesh: DeviceMesh, device: torch.device, args: TrainingArguments) -> Sharded:
    """In place: parameters become DTensors, of which each process holds its part."""
    details = details_of(args)
    groups = units_of(model, wrapping_of(args, model))
    if details.activation_checkpointing:
        _recompute(model, groups)
    for value in model.parameters():
        if not value.is_contiguous():
            value.data = value.data.contiguous()
    whole = kept_whole(model, groups)
    for value in whole:
        value.data = value.data.to(device)
    half = half_of(args)
    common: dict[str, Any] = {
        "mesh": mesh,
        "offload_policy": CPUOffloadPolicy(pin_memory=device.type != "cpu") if way.offload else OffloadPolicy(),
        "ignored_params": set(whole),
    }
    for members in groups:
        unit: Any = members if len(members) > 1 else members[0]
        fully_shard(unit, mp_policy=_policy(half), reshard_after_forward=way.frees, **common)
    # What is left to the model is needed again as soon as the backward pass begins, so it stays. Among the model's
    # inputs are labels, which must be what they are.
    fully_shard(model, mp_policy=_policy(half, casts=False), reshard_after_forward=False, **common)
    _without_word_of_views(model)
    if half is not None:
        _cast_inputs(model, args.label_names or ())
    modules = tuple(dict.fromkeys(module for members in [*groups, [model]] for module in members))
    sharded = Sharded(model, mesh, tuple(module for module in modules if isinstance(module, FSDPModule)), whole)
    for module in sharded.modules:
        # torch averages; losses are parts of one sum here. gloo has no other reduction that would not.
        module.set_gradient_divide_factor(1.0)
        module.set_force_sum_reduction_for_comms(True)
    _prefetch(model, groups, bool(details.forward_prefetch), details.backward_prefetch)
    return sharded


def _without_word_of_views(model: nn.Module) -> None:
    """Of units torch's warning stays: a model that changes what a unit returned, in place, loses a hook. What is left
    to the model itself stays gathered until its backward pass, with the hook or without.
    """
    said = rf"FSDP2-wrapped module \({re.escape(type(model).__name__)}\) returned a view tensor"
    warnings.filterwarnings("ignore", message=said, category=UserWarning)


def recomputed(model: nn.Module, groups: list[list[nn.Module]]) -> list[nn.Module]:
    """The modules whose activations activation_checkpointing recomputes: the units, or what repeats where there are
    none.
    """
    return [module for members in groups for module in members] or repeated_blocks(model)


def _recompute(model: nn.Module, groups: list[list[nn.Module]]) -> None:
    for module in recomputed(model, groups):
        recompute(module)
    config: Any = getattr(model, "config", None)
    if getattr(config, "use_cache", None):
        # Keys that are kept of one pass would be kept once more of the other.
        config.use_cache = False


def _policy(half: torch.dtype | None, *, casts: bool = True) -> MixedPrecisionPolicy:
    """Parameters in half precision for as long as they are gathered, gradients added up in single."""
    if half is None:
        return MixedPrecisionPolicy(cast_forward_inputs=False)
    return MixedPrecisionPolicy(param_dtype=half, reduce_dtype=torch.float32, cast_forward_inputs=casts)


def kept_whole(model: nn.Module, groups: list[list[nn.Module]]) -> tuple[nn.Parameter, ...]:
    """What torch cannot shard: parameters without a dimension, and those that train in another number format than most
    of their unit does.
    """
    whole = [value for value in model.parameters() if value.dim() == 0]
    seen = set[nn.Parameter](whole)
    for members in [*groups, [model]]:
        own = [value for module in members for value in module.parameters() if value not in seen]
        own = list(dict.fromkeys(own))
        seen.update(own)
        sizes: dict[torch.dtype, int] = {}
        for value in own:
            if value.requires_grad:
                sizes[value.dtype] = sizes.get(value.dtype, 0) + value.numel()
        usual = max(sizes, key=lambda dtype: sizes[dtype], default=None)
        whole += [value for value in own if value.requires_grad and value.dtype != usual]
    return tuple(whole)


def _cast_inputs(model: nn.Module, labels: Iterable[str]) -> None:
    """All but labels arrive in what parameters are gathered in at the time."""
    named, known = set(labels), cast("Any", model)

    def halved(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        half = known._get_fsdp_state()._mp_policy.param_dtype
        others = {name: value for name, value in kwargs.items() if name not in named and "label" not in name}
        return in_dtype(args, half), {**kwargs, **in_dtype(others, half)}

    model.register_forward_pre_hook(halved, with_kwargs=True)


def _prefetch(model: nn.Module, groups: list[list[nn.Module]], forward: bool, backward: str | None) -> None:
    """torch gathers the parameters of the unit before in the backward pass by itself, which is backward_pre."""
    order = {module: place for place, module in enumerate(model.modules())}
    in_order: Any = [members[0] for members in sorted(groups, key=lambda members: order[members[0]])]
    if forward:
        for before, after in pairwise(in_order):
            before.set_modules_to_forward_prefetch([after])
    if backward in ("backward_post", "no_prefetch"):
        for module in [*in_order, model]:
            # It is there by then: so nothing is gathered ahead of its time.
            module.set_modules_to_backward_prefetch([module])
