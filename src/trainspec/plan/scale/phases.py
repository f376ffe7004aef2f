"""One update, phase by phase: what a rank sends in each, and what it holds at the end of it.

    forward          all-gather of every unit, which is freed again after use (ZeRO-3)
    backward         all-gather of what was freed
    reduce           gradients are summed: each rank keeps the sum of its own part
    step             the optimizer updates that part
    release          what was gathered, and gradients, are let go

Sizes are those of collectives over a ring: of an all-gather or a reduce-scatter of n equal parts a rank sends n - 1, of
an all-reduce twice that (Rajbhandari et al. 2020, https://arxiv.org/abs/1910.02054, section 7).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from trainspec.plan.scale.pieces import PERSISTS, local_shape, padded, units_with_rest
from trainspec.plan.scale.widths import Widths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trainspec.plan.scale.pieces import Shapes, Units
    from trainspec.settings.views.layout import Layout


@dataclass(frozen=True, slots=True)
class Resident:
    """Bytes that a rank holds: its own part of the parameters, what is gathered of others', gradients (`unsharded`: of
    whole parameters), and the optimizer's state with its copy of the parameters, where there is one.
    """

    parameters: int
    gathered: int
    gradients: int
    unsharded: int
    optimizer: int

    @property
    def total(self) -> int:
        return self.parameters + self.gathered + self.gradients + self.unsharded + self.optimizer


@dataclass(frozen=True, slots=True)
class Phase:
    """`sent` are the bytes that the rank sends, `whole` those of the collective: all that it gathers or sums.

    `resident` is what the rank holds at the end of the phase, but that `gathered` is the most of it there is.
    """

    name: str
    micro_batch: int
    collective: str
    sent: int
    whole: int
    resident: Resident

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "total": self.resident.total}


@dataclass(frozen=True)
class Sizes:
    """The elements that one rank has to do with.

    `own` are those of its part; `sends` is what a rank puts into a collective over all, with padding; `parts` of the
    units, in the order in which they are gathered, `kept` of what stays gathered once it is; `optimizer` in bytes.
    """

    own: int
    whole: int
    sends: int
    parts: tuple[int, ...]
    kept: int
    kept_sends: int
    optimizer: int


def sizes_of(
    shapes: Shapes,
    units: Units,
    layout: Layout,
    *,
    rank: int = 0,
    state: Callable[[Sequence[int]], float],
    master: int = 0,
    persists: int = PERSISTS,
) -> Sizes:
    """Of these parameters in these units, cut as the engine of the layout cuts: FSDP2 by rows, DeepSpeed flat.

    `rank` is that among those which share one copy; `state` gives the optimizer's bytes for a tensor of a shape.
    """
    ranks, flat = layout.partners, layout.engine == "deepspeed"
    local = {name: _flat(shape, ranks) if flat else local_shape(shape, ranks, rank) for name, shape in shapes.items()}
    sends = {name: prod(local[name]) if flat else padded(shape, ranks) for name, shape in shapes.items()}
    groups = units_with_rest(shapes, units)
    if flat:
        kept = [name for name, shape in shapes.items() if prod(shape) <= persists]
    else:
        inside = {name for unit in units for name in unit}
        kept = [name for name in shapes if name not in inside]
    # A rank's number within its group tells which part; replicas hold the same.
    own = sum(prod(shape) for shape in local.values())
    return Sizes(
        own=own,
        whole=sum(prod(shape) for shape in shapes.values()),
        sends=sum(sends.values()),
        parts=tuple(sum(sends[name] * ranks for name in unit if name not in kept) for unit in groups),
        kept=sum(sends[name] * ranks for name in kept),
        kept_sends=sum(sends[name] for name in kept),
        optimizer=round(sum(state(shape) for shape in local.values())) + own * master,
    )


def _flat(shape: Sequence[int], ranks: int) -> tuple[int]:
    return (-(-prod(shape) // ranks),)


def phases(
    sizes: Sizes, layout: Layout, widths: Widths | None = None, *, accumulation: int = 1, sync_each: bool = False
) -> list[Phase]:
    """The phases of an update of `accumulation` micro-batches; `sync_each`: gradients are summed after each of them."""
    return list(_Update(sizes, layout, widths or Widths(), accumulation, sync_each).phases())


class _Update:
    def __init__(self, sizes: Sizes, layout: Layout, widths: Widths, accumulation: int, sync_each: bool) -> None:
        self.sizes, self.layout, self.widths, self.accumulation = sizes, layout, widths, accumulation
        # DeepSpeed sums after each backward pass from stage 2 on, where no rank has room for more than its part.
        self.each = sync_each or (layout.engine == "deepspeed" and layout.stage >= 2)
        self.divides_parameters = layout.stage == 3 or (layout.engine == "fsdp" and layout.stage == 2)
        self.divides_gradients = layout.stage >= 2
        # Its stage 3 keeps the buffer that gradients are put into.
        self.buffer_stays = layout.engine == "deepspeed" and layout.stage == 3

    def phases(self) -> Iterator[Phase]:
        for number in range(1, self.accumulation + 1):
            last = number == self.accumulation
            yield from self._passes(number)
            if last or self.each:
                yield from self._reduce(number)
            else:
                yield Phase("accumulate", number, "", 0, 0, self._resident(gathered=0, summed=False))
        yield from self._step()

    def _passes(self, number: int) -> Iterator[Phase]:
        before = {"summed": self.each and number > 1, "gradients": number > 1}
        sizes, ranks = self.sizes, self.layout.partners
        if not self.divides_parameters:
            yield Phase("forward", number, "", 0, 0, self._resident(**before))
            yield Phase("backward", number, "", 0, 0, self._resident(summed=False))
            return
        # DeepSpeed gathers what persists once an update, when the optimizer has changed it.
        persists = self.layout.engine == "deepspeed"
        first = sizes.sends - (sizes.kept_sends if persists and number > 1 else 0)
        again = 0 if self.layout.stage < 3 else sizes.sends - sizes.kept_sends
        for name, sends in (("forward", first), ("backward", again)):
            sent = sends * (ranks - 1) * self.widths.compute
            whole = sends * ranks * self.widths.compute
            backward = name == "backward"
            at_once = sum(sizes.parts) if self.layout.stage < 3 else self._largest(2)
            resident = self._resident(gathered=sizes.kept + at_once, **(before if not backward else {"summed": False}))
            yield Phase(name, number, "all-gather" if sends else "", sent, whole, resident)

    def _largest(self, count: int) -> int:
        """One unit computes while the next is gathered."""
        return sum(sorted(self.sizes.parts)[-count:])

    def _reduce(self, number: int) -> Iterator[Phase]:
        sizes, layout, width = self.sizes, self.layout, self.widths.reduce
        ranks = layout.partners
        if ranks > 1:
            sent = sizes.sends * (ranks - 1) * width
            resident = self._resident(gathered=self._stays(), summed=True)
            yield Phase("reduce", number, "reduce-scatter", sent, sizes.sends * ranks * width, resident)
        if layout.replicas > 1:
            part = sizes.sends if ranks > 1 else sizes.whole
            sent = 2 * part * width * (layout.replicas - 1) // layout.replicas
            resident = self._resident(gathered=self._stays(), summed=True)
            yield Phase("reduce between replicas", number, "all-reduce", sent, part * width, resident)

    def _stays(self) -> int:
        return self.sizes.kept if self.divides_parameters and self.layout.engine == "deepspeed" else 0

    def _step(self) -> Iterator[Phase]:
        number, sizes, layout = self.accumulation, self.sizes, self.layout
        yield Phase("step", number, "", 0, 0, self._resident(gathered=self._stays(), summed=True))
        if layout.engine == "deepspeed" and layout.stage in (1, 2):
            sent = sizes.sends * (layout.partners - 1) * self.widths.parameter
            whole = sizes.sends * layout.partners * self.widths.parameter
            yield Phase("share what was updated", number, "all-gather", sent, whole, self._resident(gradients=False))
        yield Phase("release", number, "", 0, 0, self._resident(gathered=self._stays(), gradients=False))

    def _resident(self, *, gathered: int = 0, summed: bool = True, gradients: bool = True) -> Resident:
        """`gradients`: there are some; `summed`: of this rank's part, where gradients are divided at all."""
        sizes, widths = self.sizes, self.widths
        divided = self.buffer_stays or (gradients and self.divides_gradients and (summed or self.each))
        whole = gradients and not divided
        unsharded = whole and self.divides_gradients
        return Resident(
            (sizes.own if self.divides_parameters else sizes.whole) * widths.parameter,
            gathered * widths.compute,
            sizes.own * widths.gradient if divided else sizes.whole * widths.gradient if whole and not unsharded else 0,
            sizes.whole * widths.reduce if unsharded else 0,
            sizes.optimizer,
        )
