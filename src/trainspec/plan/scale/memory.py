"""Bytes that a rank holds while it trains, by what they are for."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from math import prod
from typing import TYPE_CHECKING, Any

from trainspec.plan.scale.activations import activation_bytes
from trainspec.plan.scale.optimizer_state import bytes_per_parameter, state_bytes
from trainspec.plan.scale.pieces import PERSISTS, layers_of
from trainspec.plan.scale.widths import widths_of
from trainspec.settings.values.choices import FSDPOption

if TYPE_CHECKING:
    from trainspec.plan.scale.model import ModelSize
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.views.layout import Layout


@dataclass(frozen=True, slots=True)
class Memory:
    """The most of each that one rank holds; None where it is not known. `on_host` names what lies in the host's memory.

    `gathered` are parameters of others while they are used (of listed experts: a rank's own), `unsharded_gradients`
    whole gradients while micro-batches are accumulated, `buckets` what gradients are copied into to be sent.
    """

    parameters: int
    gradients: int
    optimizer: int
    unsharded_gradients: int
    buckets: int
    gathered: int | None
    activations: int | None
    on_host: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, int | None]:
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "on_host"}

    @property
    def device(self) -> int:
        """Of all that is known and lies on the device."""
        return sum(size or 0 for name, size in self.parts.items() if name not in self.on_host)

    @property
    def host(self) -> int:
        return sum(size or 0 for name, size in self.parts.items() if name in self.on_host)

    @property
    def unknown(self) -> tuple[str, ...]:
        return tuple(name for name, size in self.parts.items() if size is None)

    def to_dict(self) -> dict[str, Any]:
        return {**self.parts, "device": self.device, "host": self.host, "on_host": list(self.on_host)}


@dataclass(frozen=True, slots=True)
class Elements:
    """`own`: of a rank's part of everything; `whole`: of all that it would hold alone; `state`: optimizer, in bytes.

    `at_once` are those gathered at the same time, `again` those of its part that are gathered a second time, in the
    backward pass, since they were freed.
    """

    own: int
    whole: int
    state: int
    at_once: int | None
    again: int


def elements_of(args: TrainingArguments, layout: Layout, model: ModelSize) -> Elements:
    """By shapes where they are known, as the first rank has them, which has the most; else by equal parts."""
    widths, ranks = widths_of(args, layout), layout.partners
    wraps = FSDPOption.AUTO_WRAP in args.fsdp
    if model.shapes is None:
        # Experts that are shared out are not split as well.
        experts = model.experts if layout.expert > 1 else 0
        whole = -(-(model.parameters - experts) // layout.tensor) + -(-experts // layout.expert)
        own = -(-whole // ranks)
        state = round(own * (bytes_per_parameter(args) + widths.master))
        frees = layout.stage == 3 and (wraps or layout.engine == "deepspeed")
        return Elements(own, whole, state, _at_once(args, layout, model, whole), own if frees else 0)
    from trainspec.plan.scale.phases import sizes_of

    shapes = {name: _part(name, shape, layout) for name, shape in model.shapes.items()}
    units = layers_of(shapes) if wraps or layout.engine == "deepspeed" else []
    sizes = sizes_of(
        shapes,
        units,
        layout,
        state=lambda shape: state_bytes(args, shape),
        master=widths.master,
        persists=persistence(args),
    )
    at_once = sizes.kept + (sum(sizes.parts) if layout.stage < 3 else sum(sorted(sizes.parts)[-2:]))
    again = sizes.sends - sizes.kept_sends if layout.stage == 3 else 0
    return Elements(sizes.own, sizes.whole, sizes.optimizer, at_once, again)


def _part(name: str, shape: Any, layout: Layout) -> Any:
    if layout.expert > 1 and shape and "experts" in name.split(".")[:-1]:
        # Stacked ones are divided by expert, those of a list of experts by rows: into as many parts.
        return (-(-shape[0] // layout.expert), *shape[1:])
    return _tensor_part(shape, layout.tensor)


def _listed_experts(layout: Layout, model: ModelSize) -> int:
    """Elements of a rank's own experts where each is a module: their rows are gathered, and stay for the backward
    pass.
    """
    if layout.expert == 1 or model.shapes is None:
        return 0
    listed = (prod(shape) for name, shape in model.shapes.items() if shape and _IN_LIST.search(name))
    return sum(-(-size // layout.expert) for size in listed)


_IN_LIST = re.compile(r"(^|\.)experts\.\d+\.")


def _tensor_part(shape: Any, tensor: int) -> Any:
    """Matrices are divided, vectors are not."""
    return (-(-shape[0] // tensor), *shape[1:]) if tensor > 1 and len(shape) > 1 else shape


def _at_once(args: TrainingArguments, layout: Layout, model: ModelSize, whole: int) -> int | None:
    """Elements of the two largest units where shapes are not known: layers are alike, and embeddings are in none."""
    if layout.stage < 3 or (layout.engine == "fsdp" and FSDPOption.AUTO_WRAP not in args.fsdp):
        return whole
    if layout.engine == "deepspeed":
        zero = getattr(args.deepspeed, "zero_optimization", None)
        most = getattr(zero, "stage3_max_live_parameters", None)
        return min(whole, most) if isinstance(most, int) else None
    known = model.transformer
    if known is None:
        return None
    embeddings = known.vocabulary * known.hidden * (1 if known.tied else 2) // layout.tensor
    return embeddings + 2 * max(0, whole - embeddings) // known.layers


def persistence(args: TrainingArguments) -> int:
    """stage3_param_persistence_threshold, or what DeepSpeed takes for it."""
    zero = getattr(args.deepspeed, "zero_optimization", None)
    said = getattr(zero, "stage3_param_persistence_threshold", PERSISTS)
    return said if isinstance(said, int) else PERSISTS


def memory_of(args: TrainingArguments, layout: Layout, model: ModelSize, rows: int) -> Memory:
    """Of one rank that computes `rows` rows at a time."""
    widths, held = widths_of(args, layout), elements_of(args, layout, model)
    divides = layout.stage == 3 or (layout.engine == "fsdp" and layout.stage == 2)
    each = syncs_each(args) or (layout.engine == "deepspeed" and layout.stage >= 2)
    waits = layout.stage >= 2 and args.gradient_accumulation_steps > 1 and not each
    bucket = 0
    if layout.engine == "ddp" and layout.replicas > 1:
        # torch's class keeps gradients twice: beside each parameter, and in the buckets that are sent.
        bucket = held.whole * widths.gradient
    elif layout.engine == "deepspeed" and layout.stage:
        zero = getattr(args.deepspeed, "zero_optimization", None)
        said = getattr(zero, "reduce_bucket_size", None)
        bucket = min(said, held.whole) * widths.gradient if isinstance(said, int) else 0
    at_once = held.at_once if divides else 0
    gathered = None if at_once is None else (at_once + _listed_experts(layout, model)) * widths.compute
    return Memory(
        parameters=(held.own if divides else held.whole) * widths.parameter,
        gradients=(held.own if layout.stage >= 2 else held.whole) * widths.gradient,
        optimizer=held.state,
        unsharded_gradients=held.whole * widths.reduce if waits else 0,
        buckets=bucket,
        gathered=gathered,
        activations=_activations(args, layout, model, rows, widths.compute),
        on_host=_on_host(args, layout),
    )


def syncs_each(args: TrainingArguments) -> bool:
    """Whether gradients are exchanged after each micro-batch (sync_each_batch)."""
    details = getattr(args.accelerator_config, "gradient_accumulation_kwargs", None)
    return bool(getattr(details, "sync_each_batch", False))


def _activations(args: TrainingArguments, layout: Layout, model: ModelSize, rows: int, width: int) -> int | None:
    if model.transformer is None or model.sequence is None:
        return None
    details = args.fsdp_config
    recomputed = args.gradient_checkpointing or bool(getattr(details, "activation_checkpointing", False))
    return activation_bytes(
        model.transformer,
        rows,
        model.sequence,
        width,
        tensor=layout.tensor,
        split=layout.context * layout.sequence,
        recomputed=recomputed,
    )


def _on_host(args: TrainingArguments, layout: Layout) -> tuple[str, ...]:
    if layout.engine == "fsdp" and FSDPOption.OFFLOAD in args.fsdp:
        return "parameters", "gradients", "optimizer"
    zero = getattr(args.deepspeed, "zero_optimization", None)
    found: list[str] = []
    if _offloads(zero, "offload_param"):
        found.append("parameters")
    if _offloads(zero, "offload_optimizer"):
        found += ["gradients", "optimizer"] if layout.stage >= 2 else ["optimizer"]
    return tuple(found)


def _offloads(zero: Any, part: str) -> bool:
    return getattr(getattr(zero, part, None), "device", None) in ("cpu", "nvme")


def largest_tensor(model: ModelSize) -> int | None:
    """Elements of the largest parameter, where shapes are known."""
    return max(map(prod, model.shapes.values()), default=0) if model.shapes is not None else None
