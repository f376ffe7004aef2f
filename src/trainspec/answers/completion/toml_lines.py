"""TOML, of which any line may be half typed."""

from __future__ import annotations

import re
from dataclasses import replace

from trainspec.answers.completion.flow import Flow
from trainspec.answers.completion.spots import Entry, Path, Scan, Spot, Writing, unquoted
from trainspec.settings.sources.formats.limits import DEEPEST, Fault

_LINE = re.compile(r"[^\n]*")
_NAME = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?)"""
_PART = re.compile(_NAME)
_DOTTED = re.compile(rf"{_NAME}?(?:[ \t]*\.[ \t]*{_NAME}?)*")
_BLANKS = re.compile(r"[ \t]*")
# What begins a new entry below a list whose end is missing.
_NEXT = re.compile(r"""\n[ \t]*(?:[A-Za-z0-9_."'-]+[ \t]*=|\[+[ \t]*[A-Za-z_][A-Za-z0-9_.]*[ \t]*\]+[ \t]*(?=\n|\Z))""")


class _Reader:
    def __init__(self, text: str, cursor: int) -> None:
        self.text = text
        self.scan = Scan(cursor)
        self.table: Path = ()

    def read(self) -> Scan:
        position = 0
        while position <= len(self.text):
            position = self._line(position) + 1
        return self.scan

    def _has_cursor(self, start: int, end: int) -> bool:
        return start <= self.scan.cursor <= end

    def _end(self, position: int) -> int:
        end = self.text.find("\n", position)
        return len(self.text) if end < 0 else end

    def _line(self, start: int) -> int:
        """Read what begins in a line; where the last line of it ends."""
        end = self._end(start)
        place = self._past_blanks(start)
        sign = self.text[place : place + 1]
        if place >= end or sign == "\r":
            if self._has_cursor(start, end):
                here = (self.scan.cursor, self.scan.cursor)
                self.scan.decide(Spot("key", self.table, here, "toml"))
            return end
        if self._has_cursor(start, place - 1) or (sign == "#" and self._has_cursor(start, end)):
            self.scan.decide(None)
        if sign == "#":
            return end
        if sign == "[":
            return self._header(place, end)
        return self._entry(place, end)

    def _past_blanks(self, position: int) -> int:
        found = _BLANKS.match(self.text, position)
        return found.end() if found else position

    def _header(self, place: int, end: int) -> int:
        brackets = 2 if self.text.startswith("[[", place) else 1
        begin = self._past_blanks(place + brackets)
        dotted = self._dotted(begin, end)
        parts = self._parts(*dotted)
        names = tuple(unquoted(self.text[slice(*part)]) for part in parts)
        closing = self._past_blanks(dotted[1])
        is_closed_here = self.text.startswith("]", closing) and closing < end
        after = "" if is_closed_here else "]" * brackets
        if self._has_cursor(place + brackets, dotted[1]):
            self._decide_key((), parts, "header", followed=is_closed_here, after=after, begin=begin)
        elif self._has_cursor(place, end):
            self.scan.decide(None)
        self.table = self._bounded(names)
        for length in range(1, len(names) + 1):
            self.scan.add(Entry(names[:length], parts[length - 1], dotted, -1))
        return end

    def _bounded(self, path: Path) -> Path:
        if len(path) > DEEPEST:
            raise Fault("SRC109", f"a key in it has more than {DEEPEST} parts", None)
        return path

    def _dotted(self, begin: int, end: int) -> tuple[int, int]:
        found = _DOTTED.match(self.text, begin, end)
        return begin, found.end() if found else begin

    def _parts(self, begin: int, end: int) -> list[tuple[int, int]]:
        """The spans of the parts of a dotted key; one behind a last dot is empty."""
        parts = [(part.start(), part.end()) for part in _PART.finditer(self.text, begin, end)]
        if self.text[begin:end].rstrip(" \t").endswith("."):
            parts.append((end, end))
        return parts

    def _decide_key(
        self, table: Path, parts: list[tuple[int, int]], writing: Writing, *, followed: bool, after: str, begin: int
    ) -> None:
        cursor = self.scan.cursor
        index = next((number for number, part in enumerate(parts) if part[0] <= cursor <= part[1]), None)
        if index is None:
            here = (cursor, cursor)
            if cursor == begin and not parts:
                self.scan.decide(Spot("key", table, here, writing, after=after, followed=followed))
            else:
                self.scan.decide(None)
            return
        start, stop = parts[index]
        raw = self.text[start:stop]
        quote = raw[:1] if raw[:1] in ("'", '"') and cursor > start else ""
        is_last = index == len(parts) - 1
        span = (start + 1, stop) if quote else (start, stop)
        path = (*table, *(unquoted(self.text[slice(*part)]) for part in parts[:index]))
        self.scan.decide(
            Spot(
                "key",
                self._bounded(path),
                span,
                writing,
                unquoted(raw),
                after=quote + (after if is_last else ""),
                followed=followed or not is_last,
                quote=quote,
                entry=Entry((*path, unquoted(raw)), (start, stop)),
                shown=(start, stop),
            )
        )

    def _entry(self, place: int, end: int) -> int:
        dotted = self._dotted(place, end)
        parts = self._parts(*dotted)
        sign = self._past_blanks(dotted[1])
        has_sign = sign < end and self.text[sign] == "="
        if self._has_cursor(place, sign if has_sign else dotted[1]):
            self._decide_key(self.table, parts, "toml", followed=has_sign, after="", begin=place)
        if not has_sign:
            if self._has_cursor(place, end):
                self.scan.decide(None)
            return end
        names = tuple(unquoted(self.text[slice(*part)]) for part in parts)
        entry = None
        for length in range(1, len(names) + 1):
            path = self._bounded((*self.table, *names[:length]))
            entry = self.scan.add(Entry(path, parts[length - 1]))
        return self._value(entry, sign + 1, end)

    def _value(self, entry: Entry | None, begin: int, end: int) -> int:
        path = entry.path if entry is not None else (*self.table, "")
        place = self._past_blanks(begin)
        stop, sign = end, self.text[place : place + 3]
        if sign in ('"""', "'''"):
            stop = len(self.text)
        elif sign[:1] == "[":
            found = _NEXT.search(self.text, place)
            stop = found.start() if found else len(self.text)
        stop = stop - 1 if stop > begin and self.text[stop - 1 : stop] == "\r" else stop
        done = Flow(self.text, (begin, stop), path, "inline", self.scan).read(entry)
        last = max(self._end(stop if done is None else done), end)
        if self._has_cursor(begin, last):
            self.scan.decide(None)
        if self.scan.spot is not None and self.scan.spot.span == (begin, begin) and not self.scan.spot.before:
            self.scan.spot = replace(self.scan.spot, before=" ")
        return last


def read_toml(text: str, cursor: int) -> Scan:
    """What a TOML text says so far. Raises Fault."""
    return _Reader(text, cursor).read()
