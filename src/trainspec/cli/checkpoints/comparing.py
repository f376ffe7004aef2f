"""`checkpoints diff`: how far two checkpoints lie apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from trainspec.cli.checkpoints.changing import needing
from trainspec.cli.checkpoints.showing import there
from trainspec.cli.options import Given
from trainspec.cli.terminal import FINDINGS, FINE, answer_json, counted, style, words_for
from trainspec.storage import Store
from trainspec.text.redaction import printable

if TYPE_CHECKING:
    from trainspec.answers.checkpoints.comparing import Comparison, TensorChange, Value
    from trainspec.text.languages import Words

_SHOWN = 12


def diff(given: Given, stores: Sequence[Store]) -> int:
    from trainspec.answers.checkpoints.comparing import compare_checkpoints
    from trainspec.training.foreign.finding import open_any

    with needing("reading weights in torch's own files"):
        a, b = (open_any(there(store)) for store in stores)
        found = compare_checkpoints(a, b)
    if given.get("format") == "json":
        answer_json(found.to_dict())
    else:
        print("\n".join(_lines(found, words_for(given))))
    return FINE if found.same else FINDINGS


def _lines(found: Comparison, words: Words) -> Iterator[str]:
    yield f"{style(printable(found.a), 'bold')} -> {style(printable(found.b), 'bold')}"
    yield from _table("progress", found.facts, words)
    yield from _table("settings", found.settings, words)
    changed = sorted(found.tensors, key=_how_far, reverse=True)
    yield style(words("weights"), "bold")
    said = words("{TENSORS} the same, {number} not")
    yield f"  {said.format(TENSORS=counted(found.equal_tensors, 'tensor', words), number=len(changed))}"
    width = max((len(change.name) for change in changed[:_SHOWN]), default=0)
    yield from (f"  {printable(change.name):{width}}  {_change(change, words)}" for change in changed[:_SHOWN])
    if len(changed) > _SHOWN:
        more = words("and {number} more: --format json has all")
        yield f"  {more.format(number=f'{len(changed) - _SHOWN:,}')}"
    if changed and not found.measured:
        yield "  " + words("how far they lie apart is told where torch is installed: pip install 'trainspec[train]'")
    if found.files:
        yield style(words("other files that differ"), "bold")
        yield f"  {', '.join(map(printable, found.files))}"


def _table(title: str, values: Sequence[Value], words: Words) -> Iterator[str]:
    if values:
        yield style(words(title), "bold")
    width = max((len(value.name) for value in values), default=0)
    yield from (f"  {value.name:{width}}  {_plain(value.a, words)} -> {_plain(value.b, words)}" for value in values)


def _plain(value: Any, words: Words) -> str:
    if value is None:
        return words("none")
    return f"{value:.6g}" if isinstance(value, float) else printable(str(value))


def _how_far(change: TensorChange) -> tuple[bool, float]:
    """What has no number comes first: it is not the same tensor, or no number at all."""
    relative = change.relative
    return relative is None or math.isnan(relative), relative or 0.0


def _change(change: TensorChange, words: Words) -> str:
    if change.a is None or change.b is None:
        return words("only in {side}: {kind}").format(side="B" if change.a is None else "A", kind=change.b or change.a)
    if change.a != change.b:
        kinds = f"{change.a} -> {change.b}"
        return kinds if change.largest is None else f"{kinds}{words(', ')}{_largest(change.largest, words)}"
    if change.largest is None:
        return f"{change.a}"
    said = f"{change.a}  {_largest(change.largest, words)}"
    if change.relative is None:
        return said
    return said + words(", {share} of its norm").format(share=f"{change.relative:.2%}")


def _largest(change: float, words: Words) -> str:
    return words("largest change {change}").format(change=f"{change:.3g}")
