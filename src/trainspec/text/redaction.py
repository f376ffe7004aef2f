"""What may be shown of a value: secrets never, credentials inside URLs never, long values shortened."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from enum import Enum
from typing import Any

from trainspec.text.containers import is_collection, is_dataclass, is_mapping
from trainspec.text.tokens import STARS, hide_tokens

HIDDEN = STARS

# Any name will do, also one we do not know: a token under a name of years ago is a token all the same.
_SECRET_NAME = re.compile(
    r"(?i)(?:^|[._-])(?:token|secret(?:[_-]?key)?|password|passwd|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)$"
)
# What a tokenizer has, and how many of them.
_WORD_NAME = re.compile(
    r"(?i)(?:^|[._-])(?:pad|eos|bos|unk|sep|cls|mask|image|video|audio|stop|start|end|max|min|num)[_-]token$"
)
# Passwords hold slashes and at signs that nobody has escaped, users are addresses with an at sign of their own; queries
# hold signatures and tokens. What Azure's abfs writes before the at sign is a container, unless a password follows.
_USERINFO = re.compile(r"(?<=://)(?:[^/:\s\"']*:[^\s\"']*|(?<!abfs://)(?<!abfss://)[^/\s\"']*)@")
# Where the whole text is one URL all of it up to the last at sign is the user's; a slash too many makes no path of it.
_ONE_URL = re.compile(r"\s*[A-Za-z][\w+.\-]*(?:::|://)")
_WHOLE_USERINFO = re.compile(
    r"(?is)(?<=://)(?:[^/:]*:.*|(?<!file://)(?<!local://)/+[^/:]*:.*|(?<!abfs://)(?<!abfss://)[^/]*)@"
)
_WHOLE_QUERY = re.compile(r"(?<=\?)[^#]+")
# Where client libraries cut a URL; what they cut off may be told in an error of theirs.
_CUTS = re.compile(r"[/@:?#%&=+,;\s\"'\\\[\]]+")
_SHORTEST_PIECE = 3
# Shorter ones are hidden where they stand alone: they may be a part of many a word.
_LONG_PIECE = 6
_URL_END = re.compile(r"[\s\"']|$")
_QUERY = re.compile(r"(?<=\?)[^\s\"'#]+")
# A secret beside its name inside a longer text: arguments as k=v, JSON that does not parse.
_PAIR = re.compile(
    r"""(?ix)
    ((?:token|secret(?:[_-]?key)?|password|passwd|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)
      \\?["']? \s*[:=]\s*)
    (?: (?P<escaped>\\["']) (?:(?!(?P=escaped)).)+ (?=(?P=escaped))
      | (?P<plain>["']) (?:\\.|(?!(?P=plain))[^\\\n])+ (?=(?P=plain))
      | (?P<open>\\?["']?) [^\s"',}\\]+ )"""
)
# Any name before a value in a longer text, as k=v, as a flag or as JSON has it.
_NAMED = re.compile(
    r"""(?x) (?<![\w.-]) -{0,2}+ (?P<name>[A-Za-z][\w.-]*+) \\?["']? \s*+[:=]\s*+ \\?["']? (?P<value>[^\s"',}\\]+)"""
)
# What lets whoever has a URL in: of Azure, Amazon and Google, and of whoever names it so.
_SIGNED = re.compile(
    r"(?i)[?&;](?:(?:[\w.-]{0,40}[._-])?(?:sig|signature|auth|pwd|\w{0,24}(?:token|secret|password|passwd|credentials?)"
    r"|\w{0,24}(?:api|access|account|secret|shared|private|subscription)[_-]?key(?:id)?)=(?P<value>[^&;\s\"'#]+)"
    # As of many an interface; a short one is what to sort by.
    r"|key=(?P<long>[^&;\s\"'#]{16,}))"
)
# user:password@host without a scheme, as endpoints are written.
_BARE_USERINFO = re.compile(r"(?<![\w/:.@-])[\w.-]+:[^\s/:@\"']+@(?=[\w.-]+:\d)")
# Whether there is one, and no secret: `use_auth_token=True`.
_SWITCHES = frozenset({"true", "false", "none", "null"})
_LONGEST = 120
_LONGEST_SHOWN = 2000
# Longer than any URL; the search is quadratic in the worst of texts.
_LONGEST_SEARCHED = 8192


def is_secret_name(name: str) -> bool:
    """Whether a setting of this (dotted) name holds a credential, known to us or not."""
    return _SECRET_NAME.search(name) is not None and _WORD_NAME.search(name) is None


def redact_url(text: str) -> str:
    """The text without what may be a credential: user:password and query of a URL in it, what follows `token=`."""
    text = _searchable(text)
    text = hide_tokens(text)
    if ":" in text or "=" in text:
        text = _PAIR.sub(_hidden_pair, text)
    if "@" in text and "://" not in text:
        text = _BARE_USERINFO.sub(f"{HIDDEN}@", text)
    if "://" not in text:
        return text
    return _QUERY.sub(HIDDEN, _without_userinfo(text))


def _searchable(text: str) -> str:
    """At most so much of the text as is searched, without a token that the end would cut in two."""
    if len(text) <= _LONGEST_SEARCHED:
        return text
    return hide_tokens(text[: 2 * _LONGEST_SEARCHED])[:_LONGEST_SEARCHED] + "…"


def redact_shown(text: str) -> str:
    """What a diagnostic says, at most a screen of it, without tokens and users of URLs, whatever it was made of."""
    text = hide_tokens(text)
    if "://" in text and "@" in text:
        text = _without_userinfo(_searchable(text))
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def holds_credential(text: str) -> bool:
    """Whether a token, or a URL with a user and password, is in a text."""
    return hide_tokens(text) != text or ("://" in text and "@" in text and _without_userinfo(text) != text)


def any_secret(value: Any) -> bool:
    """Whether what is a secret by its shape or its name is in any text of plain data, its keys too.

    What is written to be read back is refused for it. So it asks for more than what merely is not shown: `?ref=main`
    in a URL is no signature, the `eos_token=` of a template no token, `password=$PASSWORD` no password.
    """
    if isinstance(value, str):
        return holds_credential(value) or _names_secret(value)
    if is_mapping(value):
        return any(
            any_secret(key) or any_secret(item) or (is_secret_name(str(key)) and _is_told(item))
            for key, item in value.items()
        )
    return is_collection(value) and any(map(any_secret, value))


def _names_secret(text: str) -> bool:
    if "=" not in text and ":" not in text:
        return False
    pairs = ((found["name"], found["value"]) for found in _NAMED.finditer(text))
    if any(is_secret_name(name) and _is_told(value) and not _counts(name, value) for name, value in pairs):
        return True
    return "?" in text and any(_is_told(found["value"] or found["long"]) for found in _SIGNED.finditer(text))


def _counts(name: str, value: str) -> bool:
    """Whether this is the number of a token, as in a loss's message: none is as short as that."""
    return name.lower().endswith("token") and value.isdigit() and len(value) < _LONG_PIECE


def _is_told(value: Any) -> bool:
    """Whether a value is a text, and no switch, nor one that stands for what is told elsewhere."""
    if not isinstance(value, str) or not value or value.lower() in _SWITCHES:
        return False
    return not value.startswith(("$", "{{", "<", HIDDEN))


def redact_whole_url(text: str) -> str:
    """Like `redact_url` for what is one URL, if it is a URL: its password may have spaces and quotes in it."""
    if "://" not in text or not _ONE_URL.match(text):
        return redact_url(text)
    text = _searchable(text)
    hidden = _WHOLE_USERINFO.search(text)
    if hidden is None:
        return redact_url(_WHOLE_QUERY.sub(HIDDEN, text))
    # The at sign may as well be one of a query, and what follows it the rest of a signature.
    rest = HIDDEN if "?" in hidden.group() else _WHOLE_QUERY.sub(HIDDEN, text[hidden.end() :])
    return redact_url(f"{text[: hidden.start()]}{HIDDEN}@{rest}")


def redact_reason(reason: str, url: str) -> str:
    """What a library says of `url`, without its credentials, whatever the library has made of them."""
    told = redact_url(reason.replace(url, redact_whole_url(url))) if url else redact_url(reason)
    pieces = "|".join(map(_pattern_of, _secret_pieces(url)))
    # Names of hosts are told in lower case.
    return re.sub(pieces, HIDDEN, told, flags=re.IGNORECASE) if pieces else told


def _pattern_of(piece: str) -> str:
    pattern = re.escape(piece)
    return pattern if len(piece) >= _LONG_PIECE else rf"(?:(?<!\w)|(?<=%[0-9a-f]{{2}})){pattern}(?!\w)"


def _secret_pieces(url: str) -> list[str]:
    """The userinfo and query of a URL and what they may be cut into, as written and decoded, longest first."""
    from urllib.parse import unquote

    if "://" not in url:
        return []
    found = _WHOLE_USERINFO.search(url[:_LONGEST_SEARCHED])
    userinfo = found.group()[:-1].lstrip("/") if found else ""
    user, colon, password = userinfo.partition(":")
    secret = password if colon else user
    pieces = {userinfo, secret, *_CUTS.split(secret), *_CUTS.split(unquote(secret)), unquote(secret)}
    query = url[:_LONGEST_SEARCHED].partition("?")[2].partition("#")[0]
    values = [pair.partition("=")[2] for pair in query.split("&")]
    pieces.update(value for value in (query, *values, *map(unquote, values)) if len(value) >= _LONG_PIECE)
    return sorted((piece for piece in pieces if len(piece) >= _SHORTEST_PIECE and piece != HIDDEN), key=len)[::-1]


def _hidden_pair(found: re.Match[str]) -> str:
    quote = found["escaped"] or found["plain"] or found["open"] or ""
    return f"{found[1]}{quote}{HIDDEN}"


def _without_userinfo(text: str) -> str:
    shown, done = [], 0
    for match in _USERINFO.finditer(text):
        if match.start() < done:
            continue
        shown += [text[done : match.start()], f"{HIDDEN}@"]
        done = match.end()
        # The at sign may as well be one of a query, and what follows it the rest of a signature.
        if "?" in match.group() and (end := _URL_END.search(text, done)):
            shown.append(HIDDEN)
            done = end.start()
    return "".join([*shown, text[done:]])


def printable(text: str) -> str:
    """The text with what a terminal would obey, or no terminal can show, written as escapes."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(ord(letter)) for letter in text)


def shortened(text: str, longest: int) -> str:
    """At most so many characters of the text."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _escaped(number: int) -> str:
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def show_value(field: str, value: Any, write: Callable[[Any], str] = repr) -> str:
    """The value as JSON-like text for a person, at most 120 characters, with secrets hidden.

    `write` says what stands for an object that JSON has no form for.
    """
    if value is not None and is_secret_name(field):
        return HIDDEN
    text = printable(redact_url(_as_text(value, write)))
    return shortened(text, _LONGEST)


def _as_text(value: Any, write: Callable[[Any], str]) -> str:
    if isinstance(value, Enum):
        value = value.value
    if hasattr(value, "model_dump") and not isinstance(value, type):
        value = value.model_dump(exclude_unset=True, mode="json")
    if hasattr(value, "get_secret_value") and not isinstance(value, type):
        return HIDDEN
    try:
        return json.dumps(_hide_nested(value), ensure_ascii=False, default=write)
    except Exception:  # whatever an object's own repr raises
        return f"<{type(value).__name__}>"


def redacted(name: str, value: Any) -> Any:
    """A plain value (of JSON) with what `show_value` hides of it hidden."""
    if value is not None and is_secret_name(name):
        return HIDDEN
    if is_mapping(value):
        pairs = ((str(key), item) for key, item in value.items())
        return {redact_url(key): _redacted_under(key, item) for key, item in pairs}
    if is_collection(value):
        return [redacted("", item) for item in value]
    return redact_url(value) if isinstance(value, str) else value


def _redacted_under(key: str, item: Any) -> Any:
    return HIDDEN if item is not None and _PAIR.search(f"{key}=x") else redacted(key, item)


def _hide_nested(value: Any) -> Any:
    if is_dataclass(value) and not hasattr(value, "model_dump"):
        value = {one.name: getattr(value, one.name, None) for one in dataclasses.fields(value)}
    if is_mapping(value):
        return {
            str(key): HIDDEN if item is not None and is_secret_name(str(key)) else _hide_nested(item)
            for key, item in value.items()
        }
    if is_collection(value):
        return [_hide_nested(item) for item in value]
    if hasattr(value, "get_secret_value"):
        return HIDDEN
    return redact_whole_url(value) if isinstance(value, str) and "://" in value else value
