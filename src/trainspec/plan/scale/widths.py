"""Bytes of a number, as it is kept and as it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.views.layout import Layout


@dataclass(frozen=True, slots=True)
class Widths:
    """Of a parameter as it is stored, as it computes (and is gathered), of its gradient as it is stored and as it is
    sent, and of the copy in single precision that an optimizer has beside it (0: none).
    """

    parameter: int = 4
    compute: int = 4
    gradient: int = 4
    reduce: int = 4
    master: int = 0


def widths_of(args: TrainingArguments, layout: Layout) -> Widths:
    """As the strategies keep and send them: weights stay in float32 and gradients are summed in it, but for DeepSpeed,
    whose weights and gradients are in 16 bits beside a float32 copy (Rajbhandari et al. 2020, section 3.1).
    """
    half = 2 if args.bf16 or args.fp16 else 4
    if layout.engine != "deepspeed":
        return Widths(compute=half)
    autocast = getattr(args.deepspeed, "torch_autocast", None)
    if autocast is not None and autocast.enabled:
        return Widths(compute=2, master=4 if layout.stage else 0)
    # In float32 ZeRO keeps a copy too: what the optimizer steps is a flat part of its own.
    master = 4 if half == 2 or layout.stage else 0
    return Widths(half, half, half, half, master)
