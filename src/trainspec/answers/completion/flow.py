"""Text in brackets and braces: JSON, flow YAML, inline tables of TOML; of any of it the end may be missing."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from trainspec.answers.completion.spots import Entry, Path, Scan, Spot, Writing, is_closed, unquoted
from trainspec.settings.sources.formats.limits import DEEPEST, Fault

State = Literal["key", "separator", "value", "done"]

_STRING = r'"(?:\\.|[^"\\\r\n])*"?'
_QUOTED = r"'(?:''|[^'\r\n])*'?"
_TOKENS = {
    "json": re.compile(rf"(?P<blank>\s+)|(?P<string>{_STRING})|(?P<sign>[\[\]{{}},:])|(?P<word>[^\s\[\]{{}},:\"]+)"),
    "flow": re.compile(
        rf"(?P<blank>\s+)|(?P<comment>(?<!\S)\#[^\r\n]*)|(?P<string>{_STRING}|{_QUOTED})|(?P<sign>[\[\]{{}},:])"
        r"|(?P<word>(?:[^\s\[\]{},:#]|(?<=\S)\#|:(?=[^\s\[\]{},])|[ \t](?=[^\s\[\]{},:#]))+)|(?P<other>.)"
    ),
    "inline": re.compile(
        r"(?P<blank>\s+)|(?P<comment>\#[^\r\n]*)"
        r'|(?P<string>"""(?:\\[\s\S]|[^\\])*?(?:"{3,5}(?!")|\Z)|\'{3}[\s\S]*?(?:\'{3,5}(?!\')|\Z)'
        rf"|{_STRING}|{_QUOTED})"
        r"|(?P<sign>[\[\]{},=])|(?P<word>[^\s\[\]{},=\"'#]+)|(?P<other>.)"
    ),
}
_SEPARATED = {
    "json": re.compile(r"\s*:"),
    "flow": re.compile(r"\s*:(?=[\s\[\]{},\"']|\Z)"),
    "inline": re.compile(r"[ \t]*="),
}


@dataclass(slots=True)
class _Around:
    """A mapping or a list that is open, or the one value (`is_map` None) that all of it is."""

    is_map: bool | None
    path: Path
    state: State
    entry: Entry | None = None
    number: int = 0


class Flow:
    """One pass over a part of a text, from the beginning of a value."""

    def __init__(self, text: str, span: tuple[int, int], path: Path, writing: Writing, scan: Scan) -> None:
        self._text, (self._start, self._end) = text, span
        self._writing: Writing = writing
        self._scan = scan
        self._around = [_Around(None, path, "value")]

    def read(self, entry: Entry | None = None) -> int | None:
        """Where the value ends, or None where its end is missing; what is found goes into the scan. Raises Fault."""
        scan, top = self._scan, self._around[0]
        top.entry = entry
        if not self._start <= scan.cursor <= self._end:
            return self._walk(looks=False)
        end = self._walk(looks=True)
        if end is None or scan.cursor <= end:
            scan.decide(self._gap() if end is None else None)
        return end

    def _walk(self, *, looks: bool) -> int | None:
        tokens, cursor = _TOKENS[self._writing], self._scan.cursor
        for token in tokens.finditer(self._text, self._start, self._end):
            kind, start = token.lastgroup, token.start()
            if kind == "blank":
                continue
            if looks and not self._scan.decided:
                self._look(kind or "", start, token.end(), cursor)
            if kind in ("string", "word"):
                self._scalar(start, token.end())
            elif kind == "sign":
                self._sign(token.group(), start)
            if len(self._around) > DEEPEST:
                raise Fault("SRC109", f"it nests deeper than {DEEPEST} levels", None)
            if len(self._around) == 1 and self._around[0].state == "done":
                return token.end()
        return None

    def _look(self, kind: str, start: int, end: int, cursor: int) -> None:
        if kind in ("string", "word") and start <= cursor <= end:
            self._scan.decide(self._touched(start, end))
        elif cursor <= start:
            self._scan.decide(self._gap())
        elif kind == "comment" and cursor <= end:
            self._scan.decide(None)

    def _touched(self, start: int, end: int) -> Spot | None:
        """The place that a word or a quoted text takes."""
        around, raw, cursor = self._around[-1], self._text[start:end], self._scan.cursor
        quote = raw[:1] if raw[:1] in ("'", '"') else ""
        if raw[:3] in ('"""', "'''"):
            value = self._value(around, (start, end), raw, (start, end)) if around.state == "value" else None
            return replace(value, is_text=True) if value is not None else None
        if around.is_map and around.state == "key":
            return self._key(around, start, end, quote)
        if around.state != "value":
            return None
        if quote and start < cursor and (cursor < end or not is_closed(raw)):
            return self._value(around, (start + 1, end), raw, (start, end), quote)
        return self._value(around, (start, end), raw, (start, end))

    def _key(self, around: _Around, start: int, end: int, quote: str) -> Spot | None:
        raw, cursor, path = self._text[start:end], self._scan.cursor, around.path
        followed = _SEPARATED[self._writing].match(self._text, end, self._end) is not None
        word, shown = unquoted(raw), (start, end)
        if self._writing == "inline" and not quote and "." in raw:
            head = raw.rfind(".", 0, cursor - start) + 1
            tail = raw.find(".", head)
            path = (*path, *raw[: head - 1].split(".")) if head else path
            if tail >= 0:
                followed, end = True, start + tail
            start += head
            shown, word = (start, end), self._text[start:end]
        inside = quote and start < cursor
        return Spot(
            "key",
            path,
            (start + 1, end - (followed and is_closed(raw))) if inside else (start, end),
            self._writing,
            word,
            after=quote if inside and not (followed and is_closed(raw)) else "",
            followed=followed,
            quote=quote if inside else "",
            entry=Entry((*path, word), (start, end)),
            shown=shown,
        )

    def _value(
        self, around: _Around, span: tuple[int, int], word: str, shown: tuple[int, int], quote: str = ""
    ) -> Spot:
        path = around.entry.path if around.is_map and around.entry else around.path
        return Spot(
            "value",
            path,
            span,
            self._writing,
            unquoted(word),
            quote=quote,
            in_list=around.is_map is False,
            shown=shown,
        )

    def _gap(self) -> Spot | None:
        """The place at the cursor between two tokens."""
        around, here = self._around[-1], (self._scan.cursor, self._scan.cursor)
        if around.is_map and around.state == "key":
            return Spot("key", around.path, here, self._writing)
        return self._value(around, here, "", here) if around.state == "value" else None

    def _scalar(self, start: int, end: int) -> None:
        around = self._around[-1]
        if around.is_map and around.state == "key":
            around.state = "separator"
            raw = self._text[start:end]
            names = tuple(raw.split(".")) if self._writing == "inline" and raw[:1] not in "'\"" else (unquoted(raw),)
            around.entry = Entry((*around.path, *names), (start, end))
        elif around.state == "value":
            around.state = "done"
            if around.entry is not None and around.is_map is not False:
                around.entry.value = (start, end)

    def _sign(self, sign: str, start: int) -> None:
        around = self._around[-1]
        if sign in ":=":
            if around.is_map and around.state == "separator" and around.entry is not None:
                around.state = "value"
                self._scan.add(around.entry)
        elif sign == ",":
            around.number += 1
            if around.is_map is not None:
                around.state = "key" if around.is_map else "value"
        elif sign in "[{":
            self._open(around, sign, start)
        elif len(self._around) > 1:
            self._around.pop()
            closed = self._around[-1]
            closed.state = "done"
            if closed.entry is not None and closed.is_map is not False and closed.entry.value is not None:
                closed.entry.value = (closed.entry.value[0], start + 1)

    def _open(self, around: _Around, sign: str, start: int) -> None:
        path = around.path
        if around.is_map is False:
            path = (*path, str(around.number))
        elif around.entry is not None:
            path = around.entry.path
            around.entry.value = (start, start + 1)
        self._around.append(_Around(sign == "{", path, "key" if sign == "{" else "value"))


def read_json(text: str, cursor: int) -> Scan:
    """What a JSON text says so far. Raises Fault."""
    scan = Scan(cursor)
    Flow(text, (0, len(text)), (), "json", scan).read()
    if scan.spot is not None and scan.spot.path == () and scan.spot.kind == "value":
        scan.spot = None
    return scan
