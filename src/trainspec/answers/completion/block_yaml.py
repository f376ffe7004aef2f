"""YAML by indentation, of which any line may be half typed; what is in braces and brackets is `flow`'s."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainspec.answers.completion.flow import Flow
from trainspec.answers.completion.spots import Entry, Path, Scan, Spot, is_closed, unquoted
from trainspec.settings.sources.formats.limits import DEEPEST, Fault

_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")
_KEY_QUOTED = re.compile(r""""(?:\\.|[^"\\])*"(?=[ \t]*:(?:[ \t]|$))|'(?:''|[^'])*'(?=[ \t]*:(?:[ \t]|$))""")
_KEY_END = re.compile(r":(?=[ \t]|$)|[ \t]\#")
_MARKED = re.compile(r"(?:[&!][^\s\[\]{},]*[ \t]+)+")
_COMMENT = re.compile(r"[ \t]\#")
_ITEM = re.compile(r"-(?=[ \t]|$)[ \t]*")
_BORDER = re.compile(r"(?:---|\.\.\.)(?=[ \t]|$)")
# Nobody writes a longer one, and what is no key is looked through no further.
_LONGEST_KEY = 1000


@dataclass(slots=True)
class _Open:
    """A key, or an item of a list, that what stands deeper may belong to."""

    column: int
    path: Path
    is_item: bool = False
    is_empty: bool = False
    count: int = 0


class _Reader:
    def __init__(self, text: str, cursor: int) -> None:
        self.text = text
        self.scan = Scan(cursor)
        found = [(line.start(), line.end(1)) for line in _LINE.finditer(text)]
        self.lines = self._of_document(found)
        self.open: list[_Open] = []
        # A line with nothing on it: where it belongs, all keys tell, those below it too.
        self.blank: tuple[int, list[_Open]] | None = None

    def _of_document(self, lines: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """The lines of the document that the cursor is in."""
        first, last = 0, len(lines)
        for number, (start, end) in enumerate(lines):
            if _BORDER.match(self.text, start) is None:
                continue
            if self._has_cursor(start, end):
                self.scan.decide(None)
            if start > self.scan.cursor:
                last = number
                break
            first = number + 1
        return lines[first:last]

    def read(self) -> Scan:
        number = 0
        while number < len(self.lines):
            number = self._line(number)
        if self.blank is not None:
            self.scan.decide(self._place(*self.blank))
        return self.scan

    def _has_cursor(self, start: int, end: int) -> bool:
        return start <= self.scan.cursor <= end

    def _line(self, number: int) -> int:
        """Read the entry that begins in a line; the number of the line behind it."""
        start, end = self.lines[number]
        text = self.text[start:end]
        bare = text.lstrip(" ")
        here, place = self._has_cursor(start, end), start + len(text) - len(bare)
        if not bare.strip(" \t"):
            if here and not self.scan.decided and self.blank is None:
                self.blank = (self.scan.cursor - start, list(self.open))
            return number + 1
        if here and self.scan.cursor < place:
            self.scan.decide(None)
        if bare[0] in "#%":
            if here:
                self.scan.decide(None)
            return number + 1
        while (item := _ITEM.match(self.text, place, end)) is not None:
            self._begin_item(place - start)
            if here and self.scan.cursor < item.end() and self.scan.cursor <= place:
                self.scan.decide(None)
            place = item.end()
            if place == end:
                if here:
                    self.scan.decide(self._item_at(self.scan.cursor))
                return number + 1
        if self.text[place] in "{[" and not self._key_at(place, end):
            return self._braces(number, place)
        key_end = self._key_at(place, end)
        if key_end is None:
            if here:
                self.scan.decide(self._word(start, place, end))
            return number + 1
        return self._entry(number, place, key_end)

    def _key_at(self, place: int, end: int) -> int | None:
        """Where a key that begins at a place ends: at its colon, or before it; None where it is none."""
        if (quoted := _KEY_QUOTED.match(self.text, place, end)) is not None:
            return quoted.end()
        if self.text[place] in "\"'[]{},#&*!|>%@`":
            return None
        found = _KEY_END.search(self.text, place, min(end, place + _LONGEST_KEY))
        if found is None or found.group() != ":":
            return None
        # `$` is the end of what was looked through, which the end of a line is, too.
        return found.start() if found.end() == end or self.text[found.end()] in " \t" else None

    def _begin_item(self, column: int) -> None:
        while self.open and (
            self.open[-1].column > column
            or (self.open[-1].column == column and (self.open[-1].is_item or not self.open[-1].is_empty))
        ):
            self.open.pop()
        path, number = self.open[-1].path if self.open else (), 0
        if self.open:
            number = self.open[-1].count
            self.open[-1].count += 1
        self._push(_Open(column, (*path, str(number)), is_item=True))

    def _push(self, one: _Open) -> None:
        if len(one.path) > DEEPEST:
            raise Fault("SRC109", f"it nests deeper than {DEEPEST} levels", None)
        self.open.append(one)

    def _item_at(self, place: int) -> Spot:
        before = "" if self.text[place - 1 : place] in (" ", "\t") else " "
        return Spot("value", self.open[-1].path[:-1], (place, place), "block", before=before, in_list=True)

    def _entry(self, number: int, place: int, key_end: int) -> int:
        start, end = self.lines[number]
        column = place - start
        while self.open and self.open[-1].column >= column:
            self.open.pop()
        above = self.open[-1].path if self.open else ()
        raw = self.text[place:key_end].rstrip(" \t")
        entry = Entry((*above, unquoted(raw)), (place, place + len(raw)), None, column)
        colon = self.text.index(":", key_end)
        if self._has_cursor(place, colon):
            fits = not self.open or self.open[-1].is_item or self.open[-1].is_empty
            self.scan.decide(self._key(entry, above, raw, column) if fits else None)
        self.scan.add(entry)
        opened = _Open(column, entry.path)
        self._push(opened)
        value = colon + 1
        while value < end and self.text[value] in " \t":
            value += 1
        if (marked := _MARKED.match(self.text, value, end)) is not None:
            value = marked.end()
        return self._value(number, entry, opened, colon, value)

    def _key(self, entry: Entry, above: Path, raw: str, column: int) -> Spot:
        quote = raw[0] if raw[:1] in ("'", '"') and self.scan.cursor > entry.key[0] else ""
        span = (entry.key[0] + 1, entry.key[1] - 1) if quote else entry.key
        return Spot(
            "key",
            above,
            span,
            "block",
            entry.path[-1],
            followed=True,
            quote=quote,
            column=column,
            entry=entry,
            shown=entry.key,
        )

    def _value(self, number: int, entry: Entry, opened: _Open, colon: int, value: int) -> int:
        """Read what stands behind a colon; the number of the line behind it."""
        _, end = self.lines[number]
        sign = self.text[value : value + 1] if value < end else ""
        if sign in ("", "#"):
            opened.is_empty = True
            if self._has_cursor(colon + 1, end):
                self.scan.decide(None if sign and self.scan.cursor > value else self._gap(entry, colon))
            return number + 1
        if sign in "{[":
            return self._braces(number, value, entry, opened.column)
        if sign in "|>":
            entry.value = (value, end)
            return self._behind(number, entry, opened.column)
        if sign in "\"'":
            return self._quoted(number, entry, opened.column, colon, value)
        comment = _COMMENT.search(self.text, value, end)
        stop = comment.start() if comment else end
        stop = value + len(self.text[value:stop].rstrip(" \t"))
        entry.value = (value, stop)
        if self._has_cursor(colon + 1, end):
            self.scan.decide(self._over(entry, colon) if self.scan.cursor <= stop else None)
        return number + 1

    def _gap(self, entry: Entry, colon: int) -> Spot:
        cursor = self.scan.cursor
        return Spot(
            "value", entry.path, (cursor, cursor), "block", before="" if cursor > colon + 1 else " ", entry=entry
        )

    def _over(self, entry: Entry, colon: int) -> Spot | None:
        """A value that the cursor is in, or before."""
        start, stop = entry.value or (0, 0)
        raw, cursor = self.text[start:stop], self.scan.cursor
        quote = raw[0] if raw[:1] in ("'", '"') and start < cursor else ""
        if quote and cursor == stop and is_closed(raw):
            quote = ""
        span = (start + 1, stop) if quote else (min(start, cursor), stop)
        before = " " if cursor == colon + 1 else ""
        return Spot(
            "value",
            entry.path,
            span,
            "block",
            unquoted(raw),
            before=before,
            quote=quote,
            entry=entry,
            shown=(start, stop),
        )

    def _quoted(self, number: int, entry: Entry, column: int, colon: int, value: int) -> int:
        """A text in quotes, which may go on in lines that stand deeper; where they do not end it, its line does."""
        stop_line = self._deeper(number, column)
        last = self.lines[stop_line - 1][1]
        quote = self.text[value]
        pattern = r'"(?:\\.|[^"\\])*"' if quote == '"' else r"'(?:''|[^'])*'"
        found = re.compile(pattern, re.DOTALL).match(self.text, value, last)
        end = found.end() if found else self.lines[number][1]
        entry.value = (value, end)
        if self._has_cursor(colon + 1, end):
            several = end > self.lines[number][1]
            self.scan.decide(self._shown(entry) if several else self._over(entry, colon))
        line = number
        while self.lines[line][1] < end:
            line += 1
        if self._has_cursor(end, self.lines[line][1]):
            self.scan.decide(None)
        return line + 1

    def _deeper(self, number: int, column: int, *, closers: bool = False) -> int:
        """The number of the first line behind one that stands no deeper than a column; lines without a sign do."""
        line = number + 1
        while line < len(self.lines):
            text = self.text[slice(*self.lines[line])]
            bare = text.lstrip(" ")
            depth = len(text) - len(bare)
            ends = bool(bare.strip(" \t")) and depth <= column
            if ends and not (closers and depth == column and bare[0] in "}]"):
                return line
            line += 1
        return line

    def _behind(self, number: int, entry: Entry, column: int) -> int:
        """Past a text of several lines, in which nothing fits; on an empty line below it a key may."""
        stop = self._deeper(number, column)
        start, end = self.lines[number]
        if entry.value is not None and self._has_cursor(entry.value[0] - 1, end):
            self.scan.decide(self._shown(entry))
        for line in range(number + 1, stop):
            start, end = self.lines[line]
            if self._has_cursor(start, end):
                at = self.scan.cursor - start
                if at <= column and not self.text[start:end].strip(" \t"):
                    self.blank = self.blank or (at, list(self.open))
                else:
                    self.scan.decide(self._shown(entry))
        return stop

    def _shown(self, entry: Entry) -> Spot:
        here = (self.scan.cursor, self.scan.cursor)
        return Spot("value", entry.path, here, "block", is_text=True, entry=entry, shown=entry.value)

    def _braces(self, number: int, place: int, entry: Entry | None = None, column: int = -1) -> int:
        stop = self._deeper(number, column, closers=True) if entry is not None or self.open else len(self.lines)
        if entry is None and self.open:
            column = self.open[-1].column
            stop = self._deeper(number, column, closers=True)
        path = entry.path if entry is not None else self.open[-1].path if self.open else ()
        last = self.lines[stop - 1][1]
        if self._has_cursor(self.lines[number][0], place):
            self.scan.decide(None)
        if entry is not None:
            entry.value = (place, place + 1)
        end = Flow(self.text, (place, last), path, "flow", self.scan).read(entry)
        if end is None:
            if entry is not None:
                entry.value = (place, last)
            return stop
        line = number
        while self.lines[line][1] < end:
            line += 1
        if self._has_cursor(end, self.lines[line][1]):
            self.scan.decide(None)
        return line + 1

    def _word(self, start: int, place: int, end: int) -> Spot | None:
        """A word without a colon: a key half typed, a value below its key, or an item of a list."""
        cursor = self.scan.cursor
        comment = _COMMENT.search(self.text, place, end)
        stop = place + len(self.text[place : comment.start() if comment else end].rstrip(" \t"))
        if not place <= cursor <= stop:
            return None
        raw = self.text[place:stop]
        quote = raw[0] if raw[:1] in ("'", '"') and cursor > place else ""
        span = (place + 1, stop) if quote else (place, stop)
        if self.open and self.open[-1].is_item and self.open[-1].column < place - start:
            path = self.open[-1].path[:-1]
            word = unquoted(raw)
            return Spot("value", path, span, "block", word, quote=quote, in_list=True, shown=(place, stop))
        found = self._place(place - start, list(self.open))
        if found is None:
            return None
        return Spot(
            "key",
            found.path,
            span,
            "block",
            unquoted(raw),
            after=quote,
            quote=quote,
            column=place - start,
            may_be_value=found.may_be_value,
            shown=(place, stop),
        )

    def _place(self, column: int, opened: list[_Open]) -> Spot | None:
        """What a line with nothing on it up to a column may hold there."""
        while opened and opened[-1].column >= column:
            opened.pop()
        above = opened[-1] if opened else None
        path = above.path if above else ()
        columns = {one.column for one in self.scan.inside(path) if one.column is not None}
        if (above and not (above.is_item or above.is_empty)) or (columns and column not in columns):
            return None
        here = (self.scan.cursor, self.scan.cursor)
        has_keys = bool(columns) or above is None or above.is_item
        return Spot("key", path, here, "block", column=column, may_be_value=not has_keys)


def read_yaml(text: str, cursor: int) -> Scan:
    """What a YAML text says so far in the document that the cursor is in. Raises Fault."""
    return _Reader(text, cursor).read()
