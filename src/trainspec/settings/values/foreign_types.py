"""Types of other libraries that settings take as they are: a torch.dtype by its name too, without importing torch."""

from __future__ import annotations

import sys
from typing import Any, get_args

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError


def is_dtype(cls: Any) -> bool:
    """Whether a class is torch.dtype; whoever has it has imported torch."""
    return isinstance(cls, type) and cls.__module__ == "torch" and cls.__name__ == "dtype"


def phrase_of(cls: type[Any]) -> str:
    """What is expected where a value of the class is."""
    if is_dtype(cls):
        return "a torch dtype such as bfloat16"
    # What pydantic reads from text by itself is written in the type's own way.
    name = cls.__name__
    return f"a {name}" if cls.__module__ in _READABLE else f"an instance of {name}, which Python code alone can give"


_READABLE = frozenset({"builtins", "datetime", "decimal", "fractions", "ipaddress", "pathlib", "re", "uuid"})


def name_of(value: Any) -> str | None:
    """The name by which a dump says a value, and a document says it again."""
    return str(value).removeprefix("torch.") if is_dtype(type(value)) else None


def reader_of(annotation: Any) -> BeforeValidator | None:
    """What reads text as a value of a type that text can name, alone or beside others."""
    return BeforeValidator(_dtype) if any(map(is_dtype, (annotation, *get_args(annotation)))) else None


def _dtype(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    torch = sys.modules["torch"]
    found = getattr(torch, value.removeprefix("torch."), None)
    if not is_dtype(type(found)):
        raise PydanticCustomError("not_an_option", "{word} is no torch dtype", {"word": value})
    return found
