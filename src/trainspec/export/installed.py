"""Where the schemas lie that came with the package, as files that an editor can be pointed at."""

from __future__ import annotations

from pathlib import Path

FILES = {
    ("file", "7"): "trainspec.schema.json",
    ("file", "2020-12"): "trainspec.2020-12.schema.json",
    ("env", "2020-12"): "trainspec.environment.schema.json",
    ("diagnostics", "2020-12"): "trainspec.diagnostics.schema.json",
}


def schema_path(what: str = "file", draft: str = "7") -> Path | None:
    """The file of a schema: in the package, or beside its sources where it was installed from them in place.

    None where there is none of that kind and draft.
    """
    name = FILES.get((what, draft))
    package = Path(__file__).parents[1]
    places = [package / "schemas", package.parents[1] / "schemas"] if name is not None else []
    return next((place / str(name) for place in places if (place / str(name)).is_file()), None)
