"""PowerShell scripts: `$X = 1`, `$env:X = "a"`, arrays and splatting, backticks that join lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trainspec.migration.scripts.words import Command, Marks, Word

_TOKEN = re.compile(
    r"""(?xs)
    (?P<blank>[ \t]+|`\n) | (?P<end>\n|;|\|\|?|&&) | (?P<comment>\#[^\n]*|<\#.*?\#>)
    | (?P<here>@(?P<q>["'])[ \t]*\n(?P<body>.*?)\n(?P=q)@) | (?P<redirect>(?:[0-9*]?>>?(?:&\d)?))
    | (?P<open>@\(|\$\(|[({\[]) | (?P<close>[)}\]]) | (?P<comma>,)
    | (?P<single>'(?:[^']|'')*') | (?P<double>"(?:[^"`]|`.|"")*")
    | (?P<other>(?:`.|(?!@\()[^\s`'"(){}\[\],;|&\#>]|(?<=\S)\#)+|.)"""
)
_NAME = r"(?:env:)?[A-Za-z_]\w*|\{(?:env:)?\w+\}"
_VARIABLE = re.compile(rf"\$({_NAME})")
_ASSIGNMENT = re.compile(rf"\$({_NAME})")
_GLUED = re.compile(rf"(\$(?:{_NAME}))(\+?=)(.*)", re.S)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}
_BLOCKS = frozenset({"if", "else", "elseif", "foreach", "for", "while", "switch", "function", "try", "catch", "do"})
_DEEPEST = 20
_UNSET = "nothing in the script sets it"


class _Token:
    def __init__(self, kind: str, text: str, line: int, column: int) -> None:
        self.kind, self.text, self.line, self.column = kind, text, line, column


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        start = text.rfind("\n", 0, found.start()) + 1
        kind = found.lastgroup or "other"
        kind = "here" if kind in ("q", "body") else kind
        yield _Token(kind, found[0], text.count("\n", 0, found.start()) + 1, found.start() - start + 1)


def _apart(statement: list[_Token]) -> list[_Token]:
    """The statement with an assignment's sign in a word of its own, as in `$out='runs'`, where no blank stands."""
    first = statement[0]
    glued = _GLUED.match(first.text) if first.kind == "other" else None
    if glued is None:
        return statement
    pieces = zip(glued.groups(), (0, *(glued.end(number) for number in (1, 2))), strict=True)
    parts = [_Token("other", text, first.line, first.column + start) for text, start in pieces if text]
    return [*parts, *statement[1:]]


class _Script:
    """Variables by lower-case name, and the commands so far."""

    def __init__(self, marks: Marks) -> None:
        self.marks = marks
        self.values: dict[str, str | list[str]] = {}
        self.environment: dict[str, Word] = {}
        self.commands: list[Command] = []
        self.depth = 0
        self.nested = 0

    def read(self, text: str) -> None:
        """Go through a text, statement by statement."""
        statement: list[_Token] = []
        brackets = 0
        for token in _tokens(text):
            brackets += (token.text in ("(", "@(", "$(", "[")) - (token.text in (")", "]"))
            is_brace = token.text in ("{", "}") and brackets <= 0
            if (token.kind == "end" and brackets <= 0) or is_brace:
                self.run(statement)
                statement = []
                self.depth = max(0, self.depth + (token.text == "{") - (token.text == "}"))
            elif token.kind != "comment":
                statement.append(token)
        self.run(statement)

    def text(self, token: _Token) -> str:
        """What a piece of a word says."""
        if token.kind == "single":
            return token.text[1:-1].replace("''", "'")
        if token.kind == "here":
            body = token.text[2:].partition("\n")[2].rpartition("\n")[0]
            return body if token.text[1] == "'" else self._expanded(body)
        inner = token.text[1:-1].replace('""', '"') if token.kind == "double" else token.text
        return self._expanded(inner)

    def _expanded(self, text: str) -> str:
        parts, position = [], 0
        for found in re.finditer(rf"`(.)|\$\((?:[^()]|\([^()]*\))*\)|\$(?:{_NAME})|\$", text, re.S):
            parts.append(text[position : found.start()])
            position = found.end()
            if found[1] is not None:
                parts.append("" if found[1] == "\n" else _ESCAPES.get(found[1], found[1]))
            elif found[0].startswith("$(") or found[0] == "$":
                parts.append(self.marks.unknown(found[0], "only a run would tell it") if len(found[0]) > 1 else "$")
            else:
                value = self.value(found[0])
                parts.append(value if isinstance(value, str) else " ".join(value))
        return "".join([*parts, text[position:]])

    def value(self, written: str) -> str | list[str]:
        name = written[1:].strip("{}").lower()
        if name in ("true", "false"):
            return name.capitalize()
        return self.values.get(name, self.marks.unknown(written, _UNSET))

    def run(self, statement: list[_Token]) -> None:
        while statement and statement[0].kind == "blank":
            statement = statement[1:]
        if not statement:
            return
        statement = _apart(statement)
        first = _ASSIGNMENT.fullmatch(statement[0].text)
        solid = [token for token in statement if token.kind != "blank"]
        if first is not None and len(solid) > 1 and solid[1].text in ("=", "+=") and solid[0].kind == "other":
            self._assign(statement[0], solid[1].text, solid[2:])
        elif statement[0].text.startswith("$"):
            # An expression: a method of an array may put something into it.
            changed = re.match(r"\$(\w+)", statement[0].text)
            if changed is not None and changed[1].lower() in self.values:
                self.values[changed[1].lower()] = self.marks.unknown(changed[0], "a method changes it")
        elif statement[0].text.lower() not in _BLOCKS:
            self._command(statement)

    def _assign(self, target: _Token, sign: str, value: list[_Token]) -> None:
        name = target.text[1:].strip("{}").lower()
        said = self._right_side(value)
        before = self.values.get(name)
        if sign == "+=" and before is not None:
            both_text = isinstance(before, str) and isinstance(said, str)
            said = f"{before}{said}" if both_text else [*_as_list(before), *_as_list(said)]
        elif sign == "+=":
            said = self.marks.unknown(target.text, _UNSET)
        if self.depth > 0 and self.values.get(name) != said:
            said = self.marks.unknown(target.text, "a block decides it")
        self.values[name] = said
        if name.startswith("env:") and isinstance(said, str):
            self.environment[target.text[1:].strip("{}")[4:]] = Word.at(said, target.line, target.column)

    def _right_side(self, tokens: list[_Token]) -> str | list[str]:
        written = " ".join(token.text for token in tokens)
        items = [token for token in tokens if token.kind not in ("comma", "blank", "end", "comment")]
        if tokens and tokens[0].text == "@(" and tokens[-1].text == ")":
            inside = items[1:-1]
            if all(token.kind in ("single", "double", "other", "here") for token in inside):
                return [self._item(token) for token in inside]
        elif any(token.kind == "comma" for token in tokens) and all(
            token.kind in ("single", "double", "other") for token in items
        ):
            return [self._item(token) for token in items]
        elif len(items) == 1 and items[0].kind in ("single", "double", "here"):
            return self.text(items[0])
        elif len(items) == 1 and re.fullmatch(r"-?\d+", items[0].text):
            return items[0].text
        elif len(items) == 1 and _VARIABLE.fullmatch(items[0].text):
            return self.value(items[0].text)
        return self.marks.unknown(written[:60], "only a run would tell it")

    def _item(self, token: _Token) -> str:
        value = self.value(token.text) if _VARIABLE.fullmatch(token.text) else self.text(token)
        return value if isinstance(value, str) else " ".join(value)

    def _command(self, statement: list[_Token]) -> None:
        words: list[Word] = []
        glued, skip = False, False
        for token in self._words_and_groups(statement):
            if token.kind in ("blank", "comment", "comma"):
                glued, skip = False, skip and token.kind == "blank"
                continue
            if token.kind == "redirect":
                skip = not token.text.endswith(("&1", "&2"))
                glued = False
                continue
            texts = self._texts(token)
            if skip:
                skip = False
            elif glued and words and texts:
                words[-1] = words[-1].with_text(words[-1] + texts[0])
            else:
                words += [Word.at(text, token.line, token.column) for text in texts]
            glued = True
        words = [word for number, word in enumerate(words) if number or word not in ("&", ".")]
        if words and words[0].lower() in ("invoke-expression", "iex") and self.nested < _DEEPEST:
            self._read_inside(words)
            return
        if words and words[0].lower() in ("start-process", "saps", "start"):
            words = _process(words)
        for number, word in enumerate(words):
            word.number = number
        if words:
            within = ("{",) if self.depth > 0 else ()
            line, column = statement[0].line, statement[0].column
            self.commands.append(Command(words, dict(self.environment), line, column, within))

    def _read_inside(self, words: list[Word]) -> None:
        """Go through a text that is run as a script; its words stand where it does."""
        first = len(self.commands)
        self.nested += 1
        self.read(" ".join(words[1:]))
        self.nested -= 1
        for command in self.commands[first:]:
            command.line, command.column = words[0].line, words[0].column
            for word in command.words:
                word.line, word.column = command.line, command.column

    def _texts(self, token: _Token) -> list[str]:
        splat = re.fullmatch(r"@(\w+)", token.text) if token.kind == "other" else None
        variable = _VARIABLE.fullmatch(token.text) if token.kind == "other" else None
        if splat is not None:
            return _as_list(self.value(f"${splat[1]}"))
        if variable is not None:
            return _as_list(self.value(token.text))
        return [self.text(token)] if token.kind != "group" else [token.text]

    def _words_and_groups(self, statement: list[_Token]) -> Iterator[_Token]:
        """Tokens, with what stands in brackets as one that only a run would tell."""
        depth, whole = 0, ""
        for token in statement:
            if token.kind == "open":
                depth += 1
            if depth:
                whole += token.text
            else:
                yield token
            if token.kind == "close":
                depth = max(0, depth - 1)
                if depth == 0 and whole:
                    mark = self.marks.unknown(whole[:60], "only a run would tell it")
                    yield _Token("group", mark, token.line, token.column)
                    whole = ""


def _process(words: list[Word]) -> list[Word]:
    """`Start-Process -FilePath python -ArgumentList "train.py --seed 7"` as the command that it starts."""
    own = [word for word in words[1:] if word.startswith("--") or not word.startswith("-")]
    return [word.with_text(part) for word in own for part in word.split()]


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def commands_of(text: str, marks: Marks) -> list[Command]:
    """The commands of a PowerShell script, in its order."""
    script = _Script(marks)
    script.read(text)
    return script.commands
