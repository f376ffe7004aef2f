"""What SchemaStore's catalogue wants of a schema: the schema itself, documents that pass and that fail, an entry.

Its layout is that of its repository: `src/schemas/json/`, `src/test/`, `src/negative_test/`. What is to be put into its
own lists, `src/api/json/catalog.json` and `src/schema-validation.jsonc`, is in two files beside `src/`.
"""

from __future__ import annotations

from trainspec.export.json_schema import file_schema
from trainspec.export.places import named
from trainspec.export.schemastore.documents import FAILING, PASSING
from trainspec.export.schemastore.writing import in_order, written

NAME = "trainspec"
SCHEMA = f"src/schemas/json/{NAME}.json"
CATALOG_ENTRY, VALIDATION_ENTRY = "catalog.entry.json", "schema-validation.entry.json"
ADDRESS = f"https://www.schemastore.org/{NAME}.json"
ENTRY = {
    "name": NAME,
    "description": "Settings of a training run with torch",
    "fileMatch": [
        *(f"{NAME}.{ending}" for ending in ("yaml", "yml", "toml")),
        *(f"*.{NAME}.{ending}" for ending in ("yaml", "yml", "json", "toml")),
    ],
    "url": ADDRESS,
}
# Keywords of editors that the catalogue's list of them does not have.
OPTIONS = {f"{NAME}.json": {"unknownKeywords": ["deprecationMessage", "errorMessage"]}}
_FROM_DOCUMENTS = "../../schemas/json"


def files() -> dict[str, str]:
    """The text of each file by its path."""
    texts = {
        SCHEMA: written(in_order(named(file_schema(draft="7"), ADDRESS))),
        CATALOG_ENTRY: written(ENTRY),
        VALIDATION_ENTRY: written(OPTIONS),
    }
    for folder, documents in (("test", PASSING), ("negative_test", FAILING)):
        for name, text in documents.items():
            texts[f"src/{folder}/{NAME}/{name}"] = _pointing_at_the_schema(name, text)
    return texts


def _pointing_at_the_schema(name: str, text: str) -> str:
    place = f"{_FROM_DOCUMENTS}/{NAME}.json"
    if name.endswith(".toml"):
        return f"#:schema {place}\n{text}"
    return f"# yaml-language-server: $schema={place}\n{text}" if name.endswith(".yaml") else text
