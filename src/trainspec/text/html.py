"""HTML for notebooks: small, of itself alone (no script, font or image from elsewhere), readable on dark and on light.

Colours are the page's own, thinned out where something matters less; only marks have a hue, and it never carries text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_FRAME = "rgba(128,128,128,.3)"
# Notebooks stripe and align tables by rules of their own, which these must outweigh.
_STYLE = f"""<style>
.trainspec{{font-size:13px;line-height:1.5;overflow-x:auto}}
.trainspec table{{border-collapse:collapse;border:0;margin:4px 0 10px;font-size:inherit}}
.trainspec.trainspec table :is(th,td){{border:0;border-bottom:1px solid {_FRAME};padding:2px 18px 2px 0;\
text-align:left;vertical-align:top;background:none;color:inherit;max-width:48em;overflow-wrap:anywhere}}
.trainspec.trainspec table th{{white-space:nowrap;font-weight:600}}
.trainspec.trainspec table tr:nth-child(n){{background:none}}
.trainspec.trainspec table.numbers :is(th,td){{text-align:right;padding:2px 0 2px 22px;white-space:nowrap;\
font-variant-numeric:tabular-nums}}
.trainspec.trainspec table.numbers :is(th,td):first-child{{padding-left:0}}
.trainspec.trainspec code{{font-family:ui-monospace,monospace;font-size:12px;background:none;color:inherit;padding:0}}
.trainspec .dim{{opacity:.68}}
.trainspec summary{{cursor:pointer}}
.trainspec .finding{{border-left:3px solid;padding:1px 0 1px 10px;margin:6px 0}}
.trainspec.trainspec .finding table{{margin:0 0 2px}}
.trainspec.trainspec .finding :is(th,td){{border:0;padding-top:0;padding-bottom:0}}
.trainspec .error{{border-left-color:#e5484d}}
.trainspec .warning{{border-left-color:#e0a100}}
.trainspec .note{{border-left-color:#3b82c4}}
.trainspec .fine{{border-left-color:#30a46c}}
</style>"""


def page(*parts: str) -> str:
    """Parts, which are HTML already, as the one block that a notebook shows."""
    return f'<div class="trainspec">{_STYLE}{"".join(parts)}</div>'


def text(words: object) -> str:
    """Any text as HTML that says just that."""
    return escape(str(words))


def code(words: object) -> str:
    """A value or a name as it would be written."""
    return f"<code>{text(words)}</code>"


def dim(html: str) -> str:
    """What is read second."""
    return f'<span class="dim">{html}</span>' if html else ""


def heading(words: object, beside: object = "") -> str:
    """What a block shows, and in short what there is to know of it."""
    more = f" {dim(text(beside))}" if beside else ""
    return f"<div><strong>{text(words)}</strong>{more}</div>"


def folded(summary: object, html: str) -> str:
    """HTML that is shown when somebody asks for it."""
    return f"<details><summary>{dim(text(summary))}</summary>{html}</details>"


def table(rows: Iterable[Sequence[str]], head: Sequence[str] = (), kind: str = "") -> str:
    """A table of cells that are HTML already. Of kind "numbers" they stand under each other by their digits."""
    top = f"<thead>{_row(head, 'th')}</thead>" if head else ""
    body = "".join(_row(row, "td") for row in rows)
    marked = f' class="{kind}"' if kind else ""
    return f"<table{marked}>{top}<tbody>{body}</tbody></table>"


def _row(cells: Sequence[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>"
