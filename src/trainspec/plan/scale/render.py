"""What many processes cost, as labels with what there is to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainspec.plan.scale.plan import ScalePlan

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
_SAY_EXPERTS = (
    "not known, so each rank is thought to hold all of the model: say --expert-params 45e9, or --params-from FOLDER"
)
_SAY_CONFIG = "not known: say --params-from FOLDER with a config.json, and --sequence-length 2048"
_SAY_MODEL = "not known: say --params 7e9, or --params-from FOLDER"


def in_bytes(size: int) -> str:
    """Bytes as people read them: "1.5 GiB"."""
    number, place = float(size), 0
    while number >= 1024 and place < len(_UNITS) - 1:
        number, place = number / 1024, place + 1
    return f"{number:,.0f} {_UNITS[place]}" if place == 0 or number >= 100 else f"{number:.3g} {_UNITS[place]}"


def facts(plan: ScalePlan) -> list[tuple[str, str]]:
    """The plan as labels, each with what there is to say."""
    return [*_shape(plan), *_memory(plan), *_traffic(plan), *_files(plan), *_order(plan)]


def _shape(plan: ScalePlan) -> list[tuple[str, str]]:
    layout = plan.layout
    where = f" on {plan.nodes:,} node{'s' * (plan.nodes != 1)}" if plan.nodes else ""
    rows = f"{plan.rows_per_rank} row{'s' * (plan.rows_per_rank != 1)}"
    readers = "each"
    if layout.data_ranks != layout.world_size:
        readers = f"{layout.data_ranks:,} reader{'s' * (layout.data_ranks != 1)} of rows"
    shared = f"{layout.name}, {layout.world_size:,} processes{where}, {rows} at a time in {readers}"
    found = [("strategy", shared if layout.world_size > 1 else f"{layout.name}{where}, {rows} at a time")]
    model = plan.model
    if model is not None:
        about = "about " if model.about else ""
        experts = f", {model.experts:,} of them of experts" if model.experts else ""
        found.append(("parameters", f"{about}{model.parameters:,}{experts} ({model.source})"))
        if layout.expert > 1 and not model.experts and model.shapes is None:
            found.append(("experts", _SAY_EXPERTS))
    return found


def _memory(plan: ScalePlan) -> list[tuple[str, str]]:
    memory = plan.memory
    if memory is None:
        return [("memory per rank", _SAY_MODEL)]
    lines = []
    for name, size in memory.parts.items():
        if size == 0:
            continue
        where = " (host)" if name in memory.on_host else ""
        said = in_bytes(size) if size is not None else _UNKNOWN[name]
        lines.append((f"  {_LABELS.get(name, name)}", f"{said}{where}"))
    total = in_bytes(memory.device)
    more = f", {in_bytes(memory.host)} of the host" if memory.host else ""
    left = f", without {' and '.join(memory.unknown)}" if memory.unknown else ""
    device = plan.device_memory
    fits = ""
    if device is not None:
        fits = f": {'within' if plan.fits else 'MORE THAN'} the {in_bytes(device)} of the device"
    return [("memory per rank", f"{total}{more}{left}{fits}"), *lines]


_LABELS = {"unsharded_gradients": "whole gradients", "gathered": "gathered at once"}
_UNKNOWN = {
    "activations": f"{_SAY_CONFIG}; a short run of any model with skip_memory_metrics: false measures them",
    "sent": _SAY_CONFIG,
    "gathered": "not known: the two largest of the wrapped units; say --params-from FOLDER or --task NAME",
}


def _traffic(plan: ScalePlan) -> list[tuple[str, str]]:
    if plan.model is None or not plan.traffic:
        return []
    total = plan.sent
    lines = [("sent per update", f"{in_bytes(total)} by each rank" if total is not None else "not all of it is known")]
    for one in plan.traffic:
        sent = in_bytes(one.sent) if one.sent is not None else _UNKNOWN["sent"]
        lines.append((f"  {one.what}", f"{sent}, {one.collective}: {one.formula} ({one.source})"))
    return lines


def _files(plan: ScalePlan) -> list[tuple[str, str]]:
    files = plan.checkpoint
    if files is None:
        return []
    models = f" in {files.model_files:,} files" if files.model_files > 1 else ""
    parts = f"model {in_bytes(files.model)}{models}, optimizer {in_bytes(files.optimizer)}"
    shards = f" in {files.optimizer_files:,} files" if files.optimizer_files > 1 else ""
    gathered = f", {in_bytes(files.gathered)} gathered for it" if files.gathered else ""
    return [
        ("checkpoint", f"{in_bytes(files.total)} in {files.files:,} files: {parts}{shards}"),
        ("  its manifest", f"{in_bytes(files.manifest)}{gathered}"),
    ]


def _order(plan: ScalePlan) -> list[tuple[str, str]]:
    order = plan.order
    if order is None:
        return []
    if order.kind == "listed":
        return [("order of the rows", f"a list of {in_bytes(order.bytes)} in each process")]
    return [("order of the rows", f"computed, {in_bytes(order.bytes)} (a list: {in_bytes(order.listed_bytes)})")]
