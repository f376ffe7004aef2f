"""A plan as HTML, for notebooks: its facts, and the learning rate over the run as a drawing."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from trainspec.plan.render import facts
from trainspec.text import html

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainspec.plan.run import RunPlan

    Point = tuple[float, float]

# In pixels of the drawing, which grows and shrinks with the page.
_WIDTH, _HEIGHT, _ABOVE, _BELOW = 480, 120, 16, 18
_SAMPLES = 240
_BLUE = "#3b82f6"


def plan_html(plan: RunPlan) -> str:
    """What a run will do, in some fifteen lines, and its learning-rate curve where no evaluation decides it."""
    updates = f"{plan.total_updates:,} update{'s' * (plan.total_updates != 1)}"
    rows = [(html.dim(html.text(label)), html.text(said)) for label, said in facts(plan)]
    return html.page(html.heading("plan of a run", updates), _drawing(plan), html.table(rows))


def curve(plan: RunPlan, samples: int = _SAMPLES) -> list[tuple[int, float]]:
    """(update, learning rate) at most so many times over the run, with both ends of the warmup; none where evaluations
    decide the rate, or where no number holds it.
    """
    last = max(1, plan.total_updates)
    spread = {1 + round(index * (last - 1) / (samples - 1)) for index in range(samples)}
    warmup = {update for update in (plan.warmup_updates, plan.warmup_updates + 1) if 1 <= update <= last}
    try:
        rates = [(update, plan.learning_rate(update)) for update in sorted(spread | warmup)]
    except (OverflowError, ValueError):
        return []
    known = [(update, rate) for update, rate in rates if rate is not None and math.isfinite(rate)]
    return known if len(known) == len(rates) else []


def _drawing(plan: RunPlan) -> str:
    rates = curve(plan)
    top = max((rate for _, rate in rates), default=0.0)
    if top <= 0 or len(rates) < 2:
        return ""
    last = rates[-1][0]
    places = [(_WIDTH * (update - 1) / (last - 1), _height(rate / top)) for update, rate in rates]
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in _bends(places))
    ground = _height(0)
    told = f"learning rate over {last:,} updates, {plan.schedule}: {top:.4g} at its highest, {rates[-1][1]:.4g} last"
    return (
        f'<svg viewBox="-4 0 {_WIDTH + 8} {_HEIGHT}" width="{_WIDTH + 8}" role="img" style="max-width:100%;height:auto"'
        f' font-size="11" fill="currentColor"><title>{html.text(told)}</title>'
        f'<path d="M0 {ground:g}H{_WIDTH}" stroke="currentColor" stroke-opacity=".35" fill="none"/>'
        f'<path d="M{line}L{_WIDTH} {ground:g}L0 {ground:g}Z" fill="{_BLUE}" fill-opacity=".12"/>'
        f'<path d="M{line}" stroke="{_BLUE}" stroke-width="1.8" stroke-linejoin="round" fill="none"/>'
        f"{_label(0, 10, 'start', f'learning rate, {top:.4g} at its highest')}"
        f"{_label(0, _HEIGHT - 4, 'start', 'update 1')}{_label(_WIDTH, _HEIGHT - 4, 'end', f'{last:,}')}"
        f"{_warmup(plan, last, ground)}</svg>"
    )


def _height(share: float) -> float:
    return _ABOVE + (_HEIGHT - _ABOVE - _BELOW) * (1 - max(0.0, share))


def _label(x: float, y: float, anchor: str, words: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill-opacity=".75">{html.text(words)}</text>'


def _warmup(plan: RunPlan, last: int, ground: float) -> str:
    """A mark where the warmup ends, with its name where that does not run into the ends of the axis."""
    if not 0 < plan.warmup_updates < last:
        return ""
    x = round(_WIDTH * plan.warmup_updates / (last - 1), 1)
    mark = f'<path d="M{x} {_ABOVE}V{ground:g}" stroke="currentColor" stroke-opacity=".35" stroke-dasharray="2 3"/>'
    if not 0.15 * _WIDTH < x < 0.8 * _WIDTH:
        return mark
    return mark + _label(x, _HEIGHT - 4, "middle", f"warmup ends, {plan.warmup_updates:,}")


def _bends(places: Sequence[Point]) -> list[Point]:
    """The points without those that lie on the line between their neighbours."""
    kept = [places[0]]
    for here, after in pairwise(places[1:]):
        (x0, y0), (x1, y1), (x2, y2) = kept[-1], here, after
        if abs((y2 - y0) * (x1 - x0) - (y1 - y0) * (x2 - x0)) > 0.05 * (x2 - x0):
            kept.append(here)
    return [*kept, places[-1]]
