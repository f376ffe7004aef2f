"""Where schemas lie: as files that came with the package, and under addresses where somebody publishes them.

Without an address a schema has a name alone (`urn:trainspec:...`). An address is that of the folder which holds the
files of schemas/, the reference among them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

FILES = {
    ("file", "7"): "trainspec.schema.json",
    ("file", "2020-12"): "trainspec.2020-12.schema.json",
    ("env", "2020-12"): "trainspec.environment.schema.json",
    ("diagnostics", "2020-12"): "trainspec.diagnostics.schema.json",
}
VARIABLE = "TRAINSPEC_SCHEMA_BASE"
REFERENCE = "reference.md"
# A scheme, and no sign that has to be escaped in an address.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/\[\]!$&'()*+,;=%-]+")


def schema_path(what: str = "file", draft: str = "7") -> Path | None:
    """The file of a schema: in the package, or beside its sources where it was installed from them in place.

    None where there is none of that kind and draft.
    """
    name = FILES.get((what, draft))
    package = Path(__file__).parents[1]
    places = [package / "schemas", package.parents[1] / "schemas"] if name is not None else []
    return next((place / str(name) for place in places if (place / str(name)).is_file()), None)


def is_base(text: str) -> bool:
    """Whether a text can be the address of a folder: absolute, without a user's name, a question or a fragment."""
    return _ADDRESS.fullmatch(text) is not None


def file_at(base: str, what: str, draft: str, model: str = "") -> str:
    """The address of a schema in a folder; `model` is a class of somebody's own, by its place in Python."""
    name = f"{model}.{what}.{draft}.schema.json" if model else FILES.get((what, draft))
    return f"{base.rstrip('/')}/{name or f'trainspec.{what}.{draft}.schema.json'}"


def named(schema: dict[str, Any], address: str) -> dict[str, Any]:
    """The schema under this address."""
    rest = {key: value for key, value in schema.items() if key not in ("$schema", "$id")}
    return {"$schema": schema["$schema"], "$id": address, **rest}


def help_at(base: str) -> str:
    """Where the reference in a folder tells of a code, which stands in for {code}, in small letters."""
    return f"{base.rstrip('/')}/{REFERENCE}#{{code}}"
