"""Windows' batch files: `set X=1`, `%X%`, carets that join lines, and words as programs there are given them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trainspec.migration.scripts.shell.arithmetic import NotReckoned, reckon
from trainspec.migration.scripts.words import Command, Marks, TooMuch, Word, is_known

_COMMENT = re.compile(r"\s*@?\s*(?:rem(?=\s|$)|::)", re.I)
_BLOCK = re.compile(r"\s*@?\s*\(?\s*(?P<word>if|for|else)\b(?P<rest>.*)", re.I)
_SET = re.compile(
    r"set\s+(?P<option>/[ap]\s+)?(?P<quote>\"?)(?P<name>[^=\"]+?)\s*(?P<sign>[+\-*/]?)=(?P<value>.*)", re.I
)
_VARIABLE = re.compile(r"%%(\w)|%~?[\w$]*?([0-9*])(?!\w*%)|%([^%:\s]+)(:[^%]*)?%|!([^!:\s]+)(:[^!]*)?!")
_CONDITION = re.compile(
    r"(?:/i\s+)?(?:not\s+)?(?:(?:exist|defined|errorlevel)\s+(?:\"[^\"]*\"|\S+)|"
    r"(?:\"[^\"]*\"|[^\s=]+)\s*(?:==|\b(?:equ|neq|lss|leq|gtr|geq)\b)\s*(?:\"[^\"]*\"|\S+))\s*",
    re.I,
)
_NAMED = re.compile(r"[%!]([^%!:\s]+)(?::[^%!]*)?[%!]")
_SLASHES = re.compile(r"\\*")
# Windows itself runs no line of more than 8,191 letters.
_LONGEST = 30_000
# Reading a line, or one word of it, takes as long as so many letters.
_WORK = 100
_UNSET = "nothing in the file sets it"


class _Batch:
    """The variables of a batch file, by lower-case name, and what it is inside of."""

    def __init__(self, marks: Marks, lines: list[str]) -> None:
        self.marks = marks
        self.lines = lines
        self.used: set[str] = set()
        self.values: dict[str, str] = {}
        self.spelled: dict[str, tuple[str, int]] = {}
        self.commands: list[Command] = []
        self.depth = 0
        self.within: tuple[str, ...] = ()

    def run(self, text: str, line: int, column: int) -> None:
        """Go through one logical line."""
        if _COMMENT.match(text):
            return
        self.marks.spend(_WORK)
        if len(text) > _LONGEST:
            raise TooMuch
        block = _BLOCK.match(text)
        if block is not None:
            before, self.within = self.within, (*self.within, block["word"].lower())
            rest = block["rest"]
            self.depth += rest.count("(") - rest.count(")")
            self._parts(_behind_condition(block["word"].lower(), rest), line, column)
            self.within = before
            return
        self.depth += _is_open(text) - text.strip().startswith(")")
        self._parts(text.strip().strip("()").strip() if self.depth or text.strip()[:1] in "()" else text, line, column)

    def _parts(self, text: str, line: int, column: int) -> None:
        for part in _separated(text):
            plain = part.strip().removeprefix("@").strip()
            found = _SET.match(plain)
            if found is not None:
                self._set(found, line)
            elif plain and not plain.startswith(":"):
                self._command(plain, line, column)

    def _set(self, found: re.Match[str], line: int) -> None:
        name, value = found["name"].strip().lower(), found["value"]
        if found["quote"]:
            value = value.rpartition('"')[0] if '"' in value else value
        option = (found["option"] or "").strip().lower()
        if option == "/p":
            said = self.marks.unknown(f"%{found['name']}%", "it is asked for when the file runs")
        elif option == "/a":
            said = self._reckoned(value if not found["sign"] else f"{name}{found['sign']}({value})")
        else:
            said = self.expanded(value)
        if self.depth > 0 or self.within:
            said = (
                self.marks.unknown(f"%{found['name']}%", "an if or a for decides it")
                if self._differs(name, said)
                else said
            )
        self.values[name] = said
        self.spelled[name] = (found["name"].strip(), line)

    def _differs(self, name: str, said: str) -> bool:
        return self.values.get(name) != said

    def _reckoned(self, text: str) -> str:
        def known(name: str) -> str:
            value = self.values.get(name.lower(), "0")
            if not is_known(value):
                raise NotReckoned
            return value

        plain = self.expanded(text.strip().strip('"'))
        try:
            return str(reckon(plain, known))
        except NotReckoned:
            return self.marks.unknown(text.strip(), "not all of it is known whole numbers")

    def expanded(self, text: str) -> str:
        said = len(text) + sum(len(self.values.get(name.lower(), "")) for name in _NAMED.findall(text))
        if said > _LONGEST:
            raise TooMuch
        self.marks.spend(said)
        return _VARIABLE.sub(self._value, text).replace("%%", "%")

    def _value(self, found: re.Match[str]) -> str:
        name, changed = (found[3], found[4]) if found[3] is not None else (found[5], found[6])
        if name is None:
            return self.marks.unknown(found[0], "only a run would tell it")
        value = self.values.get(name.lower())
        self.used.add(name.lower())
        if value is None:
            return self.marks.unknown(found[0], _UNSET)
        if changed is None:
            return value
        old, equals, new = changed[1:].partition("=")
        if equals and is_known(value) and not old.startswith(("*", "~")):
            changed = re.sub(re.escape(old), lambda _: new, value, flags=re.I)
            return changed if len(changed) <= _LONGEST else self.marks.unknown(found[0], "it is longer than any line")
        return self.marks.unknown(found[0], "what is done to it is not worked out here")

    def _command(self, text: str, line: int, column: int) -> None:
        words = self._placed(words_of(self.expanded(text)), line, column)
        if words:
            within = self.within or (("(",) if self.depth > 0 else ())
            # All variables are the program's too; those of the file's own words are no news.
            names = [name for name in self.spelled if name not in self.used]
            pairs = ((self.spelled[name], self.values[name]) for name in names)
            environment = {spelled: Word.at(value, at, 1) for (spelled, at), value in pairs}
            self.commands.append(Command(words, environment, line, column, within))

    def _placed(self, texts: list[str], line: int, column: int) -> list[Word]:
        """Each word where the file has it; one that is put together, where the one before it is."""
        words = []
        at = (line, column)
        self.marks.spend(_WORK * len(texts))
        for number, text in enumerate(texts):
            found = self._find(self.marks.readable(text), *at)
            at = found or at
            words.append(Word.at(text, *at, number))
        return words

    def _find(self, text: str, line: int, column: int) -> tuple[int, int] | None:
        start = column - 1
        for number in range(line - 1, min(line + 200, len(self.lines))):
            at = self.lines[number].find(text, start) if text else -1
            if at >= 0:
                return number + 1, at + 1
            if not _goes_on(self.lines[number]):
                return None
            start = 0
        return None


def _is_open(text: str) -> int:
    return int(text.rstrip().endswith("("))


def _behind_condition(word: str, rest: str) -> str:
    """What an `if` or `for` runs."""
    if word == "for":
        return re.split(r"\bdo\b", rest, maxsplit=1, flags=re.I)[-1].strip().strip("()").strip()
    found = _CONDITION.match(rest.strip()) if word == "if" else None
    return (rest.strip()[found.end() :] if found is not None else rest).strip().strip("()").strip()


def _separated(text: str) -> Iterator[str]:
    """Commands between & and |, without what goes to files."""
    part, quoted, position, dropping = "", False, 0, False
    while position < len(text):
        letter = text[position]
        if letter == "^" and not quoted:
            part += "" if dropping else text[position : position + 2]
            position += 2
            continue
        quoted ^= letter == '"'
        if not quoted and letter in "&|":
            yield part
            part, dropping = "", False
        elif not quoted and letter in "<>":
            redirect = re.compile(r"[<>]+\s*(?:&\d|\"[^\"]*\"|[^\s&|]+)").match(text, position)
            part = re.sub(r"(?<=\s)\d$", "", part)
            position = redirect.end() if redirect is not None else position + 1
            continue
        else:
            part += letter
        position += 1
    yield part


def words_of(text: str) -> list[str]:
    """The words that a program on Windows makes of its command line."""
    words: list[str] = []
    word, open_word, quoted, position = "", False, False, 0
    while position < len(text):
        letter = text[position]
        if letter == "^" and not quoted:
            position += 1
            word, open_word = word + text[position : position + 1], True
        elif letter == "\\":
            slashes = _SLASHES.match(text, position)
            count = len(slashes[0]) if slashes is not None else 1
            position += count - 1
            is_quote = text[position + 1 : position + 2] == '"'
            word, open_word = word + "\\" * (count // 2 if is_quote else count), True
            if is_quote and count % 2:
                position += 1
                word += '"'
        elif letter == '"':
            quoted, open_word = not quoted, True
        elif letter in " \t" and not quoted:
            words += [word] * open_word
            word, open_word = "", False
        else:
            word, open_word = word + letter, True
        position += 1
    return [*words, word] if open_word else words


def commands_of(text: str, marks: Marks) -> list[Command]:
    """The commands of a batch file, in its order."""
    lines, number = text.split("\n"), 0
    batch = _Batch(marks, lines)
    while number < len(lines):
        start, whole = number, lines[number]
        while _goes_on(whole) and number + 1 < len(lines):
            number += 1
            whole = whole.rstrip("\r")[:-1] + lines[number]
        number += 1
        batch.run(whole, start + 1, len(whole) - len(whole.lstrip()) + 1)
        if re.match(r"\s*@?\s*(?:exit|goto\s+:?eof)\b", whole, re.I) and batch.depth <= 0:
            break
    return batch.commands


def _goes_on(line: str) -> bool:
    carets = len(line) - len(line.rstrip("^"))
    return carets % 2 == 1 and not _COMMENT.match(line)
