"""What a schema makes of a document."""

from __future__ import annotations

from typing import Any

import jsonschema_rs


def takes(schema: dict[str, Any], document: Any) -> bool:
    """The verdict of a schema, which must be one."""
    jsonschema_rs.meta.validate(schema)
    return jsonschema_rs.validator_for(schema).is_valid(document)
