"""A plan of many processes as a picture: what a rank holds under each way to share, and what it sends for an update."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from trainspec.plan.scale.render import facts, in_bytes
from trainspec.text import html

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainspec.plan.scale.plan import Other, ScalePlan

# In pixels.
_WIDTH, _BAR, _GAP, _NAME, _VALUE = 720, 22, 10, 92, 96
_HEAD, _TITLE, _LINE = 46, 30, 18
# Letters of a line, of text and of a title: a font that a viewer takes in the place of another may be as wide as this.
_LETTERS, _TITLE_LETTERS = 104, 76
# What is there is seen, however little it is beside the rest.
_LEAST = 1.5
_COLOURS = {"parameters": "#3b82f6", "gradients": "#f59e0b", "optimizer": "#10b981", "sent": "#8b5cf6"}


def svg(plan: ScalePlan) -> str:
    """The picture, as a file of its own; without a model's size, or a second process, it says only what is known."""
    panels, heads = [*_panels(plan)], textwrap.wrap(_told(plan), _TITLE_LETTERS)
    begin = _HEAD + _LINE * (len(heads) - 1)
    height = begin + sum(size for size, _ in panels) + 12
    top, drawn = begin, []
    for size, panel in panels:
        drawn.append(f'<g transform="translate(16 {top})">{panel}</g>')
        top += size
    title = "".join(
        f'<text x="16" y="{26 + _LINE * place}" font-size="15" font-weight="600">{html.text(line)}</text>'
        for place, line in enumerate(heads)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH + 32} {height}" width="{_WIDTH + 32}" role="img"'
        f' font-family="system-ui,sans-serif" font-size="12" fill="#1f2937"><title>{html.text(_told(plan))}</title>'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{title}{"".join(drawn)}</svg>\n'
    )


def page(plan: ScalePlan) -> str:
    """The picture over all facts, as one page that needs nothing from elsewhere."""
    title = html.text(_told(plan))
    return f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>{block(plan)}</html>\n'


def block(plan: ScalePlan) -> str:
    """The same as a part of a page, as notebooks show it."""
    rows = [(html.dim(html.text(label)), html.text(said)) for label, said in facts(plan)]
    return html.page(svg(plan), html.table(rows))


def _told(plan: ScalePlan) -> str:
    size = f"{plan.model.parameters:,} parameters, " if plan.model is not None else ""
    layout = plan.layout
    many = f"{layout.world_size:,} processes: " if layout.world_size > 1 else ""
    return f"{size}{many}{layout.name}"


def _panels(plan: ScalePlan) -> Iterator[tuple[int, str]]:
    if not plan.others:
        yield _lines(facts(plan))
        return
    limit = plan.device_memory
    parts = ("parameters", "gradients", "optimizer")
    held = [(one, [(part, getattr(one, part)) for part in parts], one.held) for one in plan.others]
    yield _panel("memory of each rank for the model and its state", held, parts, limit)
    yield _lines(_all_memory(plan))
    sent = [(one, [("sent", one.sent)], one.sent) for one in plan.others]
    yield _panel("sent by each rank for an update", sent, (), None)


def _all_memory(plan: ScalePlan) -> list[tuple[str, str]]:
    """Bars leave out what is packed and gathered; whether a rank has room is said of all there is."""
    others = {"unsharded_gradients": "whole gradients", "buckets": "buckets", "gathered": "what is gathered at once"}
    there = [words for part, words in others.items() if plan.memory is not None and plan.memory.parts[part]]
    said = next((said for label, said in facts(plan) if label == "memory per rank"), "")
    return [(f"memory of each rank{' with ' if there else ''}{' and '.join(there)}", said)]


def _lines(known: Sequence[tuple[str, str]]) -> tuple[int, str]:
    """Facts as text, those of a part below it and further in."""
    lines = []
    for label, said in known:
        x = 16 if label.startswith(" ") else 0
        whole = textwrap.wrap(f"{label.strip()}: {said}", _LETTERS, subsequent_indent="   ", break_on_hyphens=False)
        lines += [(x + 16 * (place > 0), line.strip()) for place, line in enumerate(whole)]
    drawn = "".join(_text(x, _LINE * place + 12, line) for place, (x, line) in enumerate(lines))
    return _LINE * len(lines) + 14, drawn


def _panel(
    title: str,
    bars: Sequence[tuple[Other, list[tuple[str, int]], int]],
    legend: Sequence[str],
    limit: int | None,
) -> tuple[int, str]:
    room = _WIDTH - _NAME - _VALUE
    most = max(1, *(total for _, _, total in bars), limit or 1)
    drawn, words = [_text(0, 14, title, weight=600), *_legend(legend)], []
    for place, (one, parts, total) in enumerate(bars):
        y, x = _TITLE + place * (_BAR + _GAP), float(_NAME)
        drawn.append(_text(0, y + 15, one.name, weight=700 if one.chosen else 400))
        for name, size in parts:
            width = max(_LEAST, room * size / most) if size else 0.0
            solid = "1" if one.chosen else ".45"
            drawn.append(
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{_COLOURS[name]}"'
                f' fill-opacity="{solid}"><title>{name}: {in_bytes(size)}</title></rect>'
            )
            x += width
        words.append(_text(x + 6, y + 15, in_bytes(total), halo=True))
    height = _TITLE + len(bars) * (_BAR + _GAP)
    if limit is not None:
        x = _NAME + room * limit / most
        drawn.append(f'<path d="M{x:.1f} {_TITLE - 4}V{height - 4}" stroke="#dc2626" stroke-dasharray="4 3"/>')
        drawn.append(_text(x, height + 10, f"device: {in_bytes(limit)}", anchor="end"))
        height += 16
    # Over the line, which may run through them.
    return height + 14, "".join([*drawn, *words])


def _legend(names: Sequence[str]) -> Iterator[str]:
    for place, name in enumerate(names):
        x = _WIDTH - 100 * (len(names) - place)
        yield f'<rect x="{x}" y="4" width="11" height="11" fill="{_COLOURS[name]}"/>{_text(x + 16, 14, name)}'


def _text(x: float, y: float, words: str, *, weight: int = 400, anchor: str = "start", halo: bool = False) -> str:
    heavy = f' font-weight="{weight}"' if weight != 400 else ""
    ends = f' text-anchor="{anchor}"' if anchor != "start" else ""
    around = ' stroke="#ffffff" stroke-width="4" paint-order="stroke"' if halo else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{heavy}{ends}{around}>{html.text(words)}</text>'
