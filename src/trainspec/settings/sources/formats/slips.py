"""What a person meant by a text that does not parse, found from the place where the parser stopped."""

from __future__ import annotations

import re
from typing import NamedTuple

from trainspec.settings.sources.formats.limits import LINE_ENDS, Fault, Place


class Slip(NamedTuple):
    """A slip of the pen: what to write, where it is, and better words than the parser's where there are any."""

    remedy: str
    place: Place | None
    message: str = ""


_WIDE = {"\uff1a": ":", "\uff0c": ",", "\uff1d": "=", "\uff08": "(", "\uff09": ")"}
_CURLY = "\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb"
_UNFINISHED_MERGE = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
_NUMBERS = "write numbers as 1000, 0.5 and 1e-5; 10% is 0.1, 1k is 1000"
_JSON_WORDS = {"True": "true", "False": "false", "None": "null"}


def slip_in(text: str, format: str, fault: Fault) -> Slip | None:
    """The slip behind a fault of a text in `format` (yaml, json, toml); None where nothing is known to say."""
    if fault.code == "SRC108":
        return _no_mapping(text, format, fault.place)
    if fault.code != "SRC107" or fault.place is None:
        return None
    if found := _UNFINISHED_MERGE.search(text):
        place = Place(text.count("\n", 0, found.start()) + 1, 1)
        return Slip("finish the merge, then take the marks out", place, "it holds the marks of an unfinished merge")
    lines = LINE_ENDS.split(text)
    return {"json": _json, "yaml": _yaml, "toml": _toml}[format](lines, fault.message, fault.place)


def _no_mapping(text: str, format: str, place: Place | None) -> Slip | None:
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    if format == "yaml" and "\uff1a" in first:
        return _wide(first, "\uff1a", place)
    if format == "yaml" and re.match(r"[\w.]+\s*=", first):
        return Slip("YAML writes key: value; name the file .toml if it is TOML", place)
    return None


def _wide(line: str, sign: str, place: Place | None) -> Slip:
    at = Place(place.line if place else 1, line.index(sign) + 1)
    return Slip(f"write {_WIDE[sign]} and a blank", at, f"the sign {sign} is the full-width one of {_WIDE[sign]}")


def _odd_sign(line: str, at: Place) -> Slip | None:
    """A sign that looks like the one that was meant."""
    for sign in _WIDE:
        if sign in line:
            return _wide(line, sign, at)
    curly = next((sign for sign in line if sign in _CURLY), None)
    if curly is None:
        return None
    where = Place(at.line, line.index(curly) + 1)
    return Slip('write straight quotes: "', where, f"the sign {curly} is no quote that programs know")


def _json(lines: list[str], said: str, at: Place) -> Slip | None:
    rest = lines[at.line - 1][at.column - 1 :].lstrip() if at.line <= len(lines) else ""
    line = lines[at.line - 1] if at.line <= len(lines) else ""
    before = "\n".join((*lines[: at.line - 1], line[: at.column - 1])).rstrip()
    if rest.startswith(("//", "/*", "#")):
        remedy = "take the comments out, or write it as YAML, which has them"
        return Slip(remedy, at, "here is a comment, and JSON has none")
    after = "\n".join((rest[1:], *lines[at.line :])).lstrip()
    closing = rest[:1] if before.endswith(",") else after[:1] if rest.startswith(",") else ""
    if closing in ("}", "]"):
        return Slip(f"take out the comma before {closing}", at, "a comma stands after the last entry")
    word = re.match(r"[A-Za-z_$][\w$]*", rest)
    if word and not re.search(r"[\d.]$", before):
        return _json_word(word.group(), rest[word.end() :].lstrip(), at)
    if rest.startswith("'"):
        return Slip('JSON writes text in double quotes: "..."', at)
    if re.match(r"[.+]\d|[_%]|0?[xob]", rest) or (re.search(r"\d\.?$", before) and re.match(r"[\w.%]", rest)):
        return Slip(_NUMBERS, at)
    if rest[:1] == '"' and "delimiter" in said:
        return Slip("put a comma (or, after a key, a colon) before it", at)
    if not rest and at.line >= len(lines):
        return Slip("write at least {}" if not before else "write what is missing at its end", at)
    return _odd_sign(line, at)


def _json_word(word: str, after: str, at: Place) -> Slip | None:
    if word in _JSON_WORDS:
        return Slip(f"JSON writes {_JSON_WORDS[word]}", at)
    if word in ("true", "false", "null", "NaN", "Infinity"):
        return None
    if after.startswith(":"):
        return Slip(f'put keys in double quotes: "{word}"', at)
    # A value may be a secret.
    return Slip('put text in double quotes: "..."', at)


def _yaml(lines: list[str], said: str, at: Place) -> Slip | None:
    line = lines[at.line - 1] if at.line <= len(lines) else ""
    if "cannot start any token" in said:
        if "\t" in line[: at.column]:
            return Slip("indent with blanks; YAML takes no tabs there", at)
        return Slip(f'put the value in quotes: it begins with "{line[at.column - 1 :][:1]}"', at)
    if "could not find expected ':'" in said or "did not find expected key" in said:
        return _yaml_no_colon(lines, at)
    if "mapping values are not allowed" in said:
        if re.match(r"\s*(- )?[\w.-]+: +\S.*: ", line + " "):
            return Slip("put the value in quotes: it holds a colon", at)
        return Slip("indent the keys of one mapping alike, by blanks", at)
    return _odd_sign(line, at)


def _yaml_no_colon(lines: list[str], at: Place) -> Slip | None:
    """The parser notices only behind the line that has no colon, so that the line is looked for."""
    for number in range(min(at.line, len(lines)), 0, -1):
        line = lines[number - 1]
        plain = line.partition(" #")[0].strip()
        if not plain or plain.startswith(("#", "-")) or re.search(r":(\s|$)", plain):
            continue
        here = Place(number, len(line) - len(line.lstrip()) + 1)
        if slip := _odd_sign(line, here):
            return slip
        message = "a line has no key: value"
        if re.match(r"[\w.]+:\S", plain):
            return Slip("put a blank behind the colon", here, message)
        return Slip("write key: value", here, message)
    return None


def _toml(lines: list[str], said: str, at: Place) -> Slip | None:
    line = lines[at.line - 1] if at.line <= len(lines) else ""
    rest = line[at.column - 1 :].strip()
    if slip := _odd_sign(line, at):
        return slip
    if re.match(r"[\w.-]+\s*:", line.strip()):
        return Slip("TOML writes key = value; name the file .yaml if it is YAML", at)
    if word := re.match(r"(True|False|None|null)\b", rest):
        return Slip(
            {"True": "write true", "False": "write false"}.get(word[1], "leave the key out: TOML has no null"), at
        )
    if rest.startswith((",", ";")):
        return Slip(f"take the {rest[0]} out", at)
    before = line[: at.column - 1].rstrip()
    if (re.search(r"\d[.\w]*$", before) and re.match(r"[\w.%]", rest)) or re.match(r"[.+]\d", rest):
        return Slip(_NUMBERS, at)
    if "Invalid value" in said and re.match(r"[A-Za-z/~]", rest):
        return Slip("put text in quotes", at)
    return None
