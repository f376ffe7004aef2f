"""Did you mean: the nearest of the names that would have been right."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(wrong: str, right: Iterable[str]) -> str | None:
    """The one name that `wrong` most likely stands for, or None where nothing is near."""
    from difflib import get_close_matches

    names = {name.lower(): name for name in right}
    plain = wrong.lower().replace("-", "_")
    if plain in names:
        return names[plain]
    longer = [name for name in names if len(plain) > 2 and name.startswith(plain)]
    if longer:
        return names[longer[0]]
    close = get_close_matches(plain[:100], names, n=1, cutoff=0.7)
    return names[close[0]] if close else None


def did_you_mean(wrong: str, right: Iterable[str], shown: str = "{}") -> str:
    """A remedy that names the nearest, or an empty string; `shown` says how the name is written in its source."""
    name = nearest(wrong, right)
    return f"did you mean {shown.format(name)}?" if name is not None else ""
