"""Bytes that an optimizer keeps for a parameter."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from trainspec.settings.rules.optimizer import LOW_RANK
from trainspec.settings.values.choices import OptimizerNames as O

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainspec.settings.arguments import TrainingArguments

# One number in so many bytes, with the scale of its block: bitsandbytes and torchao put 256 numbers of 8 bits in a
# block, torchao 128 of 4 bits. A tensor of fewer than 4,096 numbers is kept in float32.
_FULL, _8_BIT, _4_BIT = 4.0, 1 + 4 / 256, 0.5 + 4 / 128
_LEAST_QUANTISED = 4096
# A matrix of this width is taken where no shapes are known.
_USUAL_WIDTH = 4096


@dataclass(frozen=True, slots=True)
class _Kept:
    """How many numbers are kept for each of a parameter's, and how wide; `factored`: a row and a column of a matrix."""

    numbers: int
    width: float = _FULL
    factored: bool = False


_ADAM = _Kept(2)
_KEPT: dict[O, _Kept] = {
    O.SGD: _Kept(0),
    O.ADAGRAD: _Kept(1),
    O.RMSPROP: _Kept(1),
    O.ADAFACTOR: _Kept(0, factored=True),
    O.ADAMW_TORCH_8BIT: _Kept(2, _8_BIT),
    O.ADAMW_TORCH_4BIT: _Kept(2, _4_BIT),
    O.ADAMW_BNB: _Kept(2, _8_BIT),
    O.ADAMW_8BIT: _Kept(2, _8_BIT),
    O.PAGED_ADAMW_8BIT: _Kept(2, _8_BIT),
    O.ADEMAMIX: _Kept(3),
    O.PAGED_ADEMAMIX: _Kept(3),
    O.ADEMAMIX_8BIT: _Kept(3, _8_BIT),
    O.PAGED_ADEMAMIX_8BIT: _Kept(3, _8_BIT),
    O.LION: _Kept(1),
    O.PAGED_LION: _Kept(1),
    O.LION_8BIT: _Kept(1, _8_BIT),
    O.PAGED_LION_8BIT: _Kept(1, _8_BIT),
    O.RMSPROP_BNB: _Kept(1),
    O.RMSPROP_32BIT: _Kept(1),
    O.RMSPROP_8BIT: _Kept(1, _8_BIT),
    O.GALORE_ADAFACTOR: _Kept(0, factored=True),
    O.GALORE_ADAFACTOR_LAYERWISE: _Kept(0, factored=True),
    O.LOMO: _Kept(0),
    O.ADALOMO: _Kept(0, factored=True),
    O.GROKADAMW: _Kept(3),
    O.SCHEDULE_FREE_SGD: _Kept(1),
    O.MUON: _Kept(1),
}


def bytes_per_parameter(args: TrainingArguments) -> float:
    """Of a large model whose shapes are not known: an upper bound for projections of low rank and for muon's."""
    kept = _kept(args)
    return kept.numbers * kept.width + (2 * _FULL / _USUAL_WIDTH if kept.factored else 0)


def state_bytes(args: TrainingArguments, shape: Sequence[int]) -> float:
    """Of one tensor of that shape, or of that part of one."""
    kept, numbers = _kept(args), prod(shape)
    width = _FULL if numbers < _LEAST_QUANTISED else kept.width
    factors = 0.0
    if kept.factored and numbers:
        factors = numbers * (1 / shape[-1] + 1 / shape[-2]) if len(shape) > 1 else float(numbers)
    if args.optim == O.MUON and len(shape) != 2:
        # AdamW has what is no matrix.
        return numbers * _FULL * 2
    return numbers * kept.numbers * width + factors * _FULL


def is_bound(args: TrainingArguments) -> bool:
    """Whether less may be kept: how much follows from a rank and from which layers are projected."""
    return args.optim in LOW_RANK


def _kept(args: TrainingArguments) -> _Kept:
    kept, said = _KEPT.get(args.optim, _ADAM), args.optim_args or {}
    more = _more(said) if isinstance(said, dict) else 0
    return _Kept(kept.numbers + more, kept.width, kept.factored)


def _more(said: dict[str, Any]) -> int:
    """What arguments add: a momentum where there is none by itself, the largest or the mean second moment."""
    adds = {"momentum": O.SGD, "amsgrad": None, "centered": O.RMSPROP, "beta1": O.ADAFACTOR}
    return sum(bool(said.get(name)) for name in adds)
