"""Bytes that a rank sends for one update, with the formula and whose it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trainspec.plan.scale.activations import expert_parallel_bytes, sequence_parallel_bytes, tensor_parallel_bytes
from trainspec.plan.scale.memory import elements_of, syncs_each
from trainspec.plan.scale.widths import widths_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.plan.scale.model import ModelSize
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.views.layout import Layout

RING = "Patarasuk and Yuan 2009, doi:10.1016/j.jpdc.2008.09.002"
ZERO = "Rajbhandari et al. 2020, arXiv:1910.02054, section 7"
HYBRID = "Zhao et al. 2023, arXiv:2304.11277, section 3.2"
MEGATRON = "Shoeybi et al. 2019, arXiv:1909.08053, section 3"
ULYSSES = "Jacobs et al. 2023, arXiv:2309.14509, section 3.2"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is exchanged, by which collective, how often an update, and the bytes that a rank sends in all of them.

    In `formula` P are the bytes of what is exchanged and N the ranks that take part. `sent` is None where it is not
    known.
    """

    what: str
    collective: str
    times: int
    sent: int | None
    formula: str
    source: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def traffic_of(args: TrainingArguments, layout: Layout, model: ModelSize, rows: int) -> list[Exchange]:
    """Of one update, in which a rank computes `rows` rows in each of gradient_accumulation_steps micro-batches."""
    return list(_traffic(args, layout, model, rows))


def _traffic(args: TrainingArguments, layout: Layout, model: ModelSize, rows: int) -> Iterator[Exchange]:
    widths, held, ranks = widths_of(args, layout), elements_of(args, layout, model), layout.partners
    micro, engine = args.gradient_accumulation_steps, layout.engine
    each = syncs_each(args) or (engine == "deepspeed" and layout.stage >= 2)
    sums = micro if each else 1
    # Parts are equal in a collective, so the first rank's is what every rank sends on.
    part = held.own if ranks > 1 else held.whole
    if layout.stage == 3 or (engine == "fsdp" and layout.stage == 2):
        for what, own in (("parameters", part), ("parameters again", held.again)):
            if own:
                sent = micro * (ranks - 1) * own * widths.compute
                yield Exchange(what, "all-gather", micro, sent, f"{micro} x (N - 1) / N x P", ZERO)
    if ranks > 1:
        sent = sums * (ranks - 1) * part * widths.reduce
        yield Exchange("gradients", "reduce-scatter", sums, sent, f"{sums} x (N - 1) / N x P", ZERO)
    if engine == "deepspeed" and layout.stage in (1, 2):
        sent = (ranks - 1) * part * widths.parameter
        yield Exchange("updated parameters", "all-gather", 1, sent, "(N - 1) / N x P", ZERO)
    if layout.replicas > 1:
        sent = sums * round(2 * (layout.replicas - 1) / layout.replicas * part * widths.reduce)
        source = HYBRID if ranks > 1 else RING
        what = "gradients between replicas" if ranks > 1 else "gradients"
        yield Exchange(what, "all-reduce", sums, sent, f"{sums} x 2 (N - 1) / N x P", source)
    yield from _of_activations(layout, model, rows, micro, widths.compute)


def _of_activations(layout: Layout, model: ModelSize, rows: int, micro: int, width: int) -> Iterator[Exchange]:
    """What ranks with the same rows send each other; not known without the sizes of layers and sequences."""
    known, length = model.transformer, model.sequence
    layers = 0 if known is None or length is None else known.layers
    tokens = rows * (length or 0) / (layout.context * layout.sequence)
    times = f"{micro} x " if layers else ""
    if layout.tensor > 1:
        sent = None
        if known is not None and length is not None:
            sent = micro * tensor_parallel_bytes(known, rows, length, width, layout.tensor)
        formula = f"{times}4 x layers x 2 (N - 1) / N x P"
        yield Exchange("activations", "all-reduce", 4 * layers * micro, sent, formula, MEGATRON)
    if layout.sequence > 1:
        sent = None
        if known is not None and length is not None:
            sent = micro * sequence_parallel_bytes(known, rows, length, width, layout.sequence)
        formula = f"{times}2 x layers x (N - 1) / N x P"
        yield Exchange("heads and parts of sequences", "all-to-all", 8 * layers * micro, sent, formula, ULYSSES)
    if layout.expert > 1:
        sent = None
        if known is not None and length is not None:
            sent = micro * expert_parallel_bytes(known, tokens, width, layout.expert)
        formula = f"{times}2 x layers x 2 (N - 1) / N x P"
        yield Exchange("what experts make of tokens", "all-reduce", 2 * layers * micro, sent, formula, MEGATRON)
