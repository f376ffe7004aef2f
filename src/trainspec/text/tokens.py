"""Tokens of hubs, forges, clouds and chats, known by their shape wherever they stand: as a value, a name, a comment."""

from __future__ import annotations

import re

STARS = "**********"

# Long, so that no word is one, and in any case of letters, since the names of variables are folded. The underscore of a
# prefix may stand before one. What ends such a text may be cut off, so that there is no bound at the end.
_TOKEN = re.compile(
    r"(?i:hf_[a-z0-9]{18,}|gh[pousr]_[a-z0-9]{20,}|github_pat_[a-z0-9_]{20,}|glpat-[a-z0-9_-]{16,})"
    r"|A(?:KIA|SIA)[0-9A-Z]{16}"
    r"|(?i:(?<![a-z])(?:xox[abeoprs]-[a-z0-9-]{10,}|xapp-[a-z0-9-]{20,}|a(?:kia|sia)[0-9a-z]{16}(?![0-9a-z])"
    r"|api_org_[a-z0-9]{20,}|aiza[a-z0-9_-]{35}|npm_[a-z0-9]{30,}|pypi-[a-z0-9_-]{40,}|dckr_pat_[a-z0-9_-]{20,}|sk_live_[a-z0-9]{16,}))"
    # A run may well be called sk-...: a key has letters of both cases and digits.
    r"|(?<![A-Za-z])sk-(?=[a-z0-9_-]*[A-Z])(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{20,}"
    r"|(?i:(?<![a-z])sk-(?:[a-z0-9_-]{32,}|(?:proj|ant|svcacct|admin)-[a-z0-9_-]{16,}))"
    # A JSON web token: two or three parts in base64, the first of which begins as {" does.
    r"|(?i:(?<![a-z])eyj[a-z0-9_-]{6,400}+\.[a-z0-9_-]{6,}+(?:\.[a-z0-9_-]*+)?)"
)
_SHORTEST = 18


def hide_tokens(text: str) -> str:
    """The text with what has the shape of a token hidden."""
    return text if len(text) < _SHORTEST else _TOKEN.sub(STARS, text)
