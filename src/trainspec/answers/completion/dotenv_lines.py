"""Variables of a dotenv file, of which any line may be half typed."""

from __future__ import annotations

import re
from dataclasses import replace

from trainspec.answers.completion.flow import Flow
from trainspec.answers.completion.spots import Entry, Path, Scan, Spot, unquoted
from trainspec.settings.sources.formats.limits import DEEPEST
from trainspec.settings.sources.variables import NESTED

_LINE = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<name>[^\s=#'\"]*)(?P<sign>[ \t]*=[ \t]*)?(?P<rest>[^\r\n]*)")
_BREAK = re.compile(r"\r\n|\r|\n|\Z")
_COMMENT = re.compile(r"[ \t]\#")


def path_of(name: str, prefix: str) -> Path | None:
    """The setting, or the key of one, that a variable is for; None for other variables."""
    if not name.upper().startswith(prefix.upper()):
        return None
    parts = name[len(prefix) :].lower().split(NESTED)
    return tuple(parts) if len(parts) <= DEEPEST else None


def read_dotenv(text: str, cursor: int, prefix: str) -> Scan:
    """What the variables with a prefix say so far. Raises Fault."""
    scan, position = Scan(cursor), 0
    for found in _BREAK.finditer(text):
        _read_line(text, position, found.start(), prefix, scan)
        position = found.end()
    return scan


def _read_line(text: str, start: int, end: int, prefix: str, scan: Scan) -> None:
    line = _LINE.match(text, start, end)
    if line is None:
        return
    name, here = line["name"], start <= scan.cursor <= end
    path = path_of(name, prefix)
    entry = Entry(path if path is not None else ("",), line.span("name"))
    if line["sign"] is None:
        if here:
            rest = line["rest"].strip(" \t")
            at_name = line.start("name") <= scan.cursor <= line.end("name") and not rest
            scan.decide(_name(line, entry, followed=False) if at_name else None)
        return
    scan.add(entry)
    begin = text.index("=", line.start("sign")) + 1
    if here and scan.cursor < begin:
        at_name = line.start("name") <= scan.cursor <= line.end("name")
        scan.decide(_name(line, entry, followed=True) if at_name else None)
        return
    if path is None:
        if here:
            scan.decide(None)
        return
    _value(text, entry, (max(begin, line.start("rest")), end), scan, here=here)


def _name(line: re.Match[str], entry: Entry, *, followed: bool) -> Spot:
    span = line.span("name")
    return Spot("key", (), span, "env", line["name"], followed=followed, entry=entry, shown=span)


def _value(text: str, entry: Entry, span: tuple[int, int], scan: Scan, *, here: bool) -> None:
    begin, end = span
    raw = text[begin:end]
    quote = raw[:1] if raw[:1] in ("'", '"') else ""
    inside = begin + len(quote)
    close = text.find(quote, inside, end) if quote else -1
    if not quote and (comment := _COMMENT.search(text, begin, end)) is not None:
        close = comment.start()
    stop = close if close >= 0 else end
    stop = inside + len(text[inside:stop].rstrip(" \t"))
    entry.value = (begin, stop)
    if not here:
        return
    cursor = scan.cursor
    if text[inside : inside + 1] == "{":
        # In double quotes each of JSON's own has a backslash before it, which nobody types by hand.
        if quote != '"':
            Flow(text, (inside, stop), entry.path, "json", scan).read()
        scan.decide(None)
        return
    if cursor < inside or cursor > max(stop, inside):
        scan.decide(None)
        return
    word = text[inside:stop]
    whole = Spot("value", entry.path, (inside, stop), "env", unquoted(word), entry=entry, shown=(begin, stop))
    # Of a list with commas between its items, the item.
    head = word.rfind(",", 0, cursor - inside) + 1
    tail = word.find(",", max(head, cursor - inside))
    tail = len(word) if tail < 0 else tail
    item = replace(whole, span=(inside + head, inside + tail), word=word[head:tail], in_list=True)
    scan.decide(item if head or tail < len(word) else whole)
