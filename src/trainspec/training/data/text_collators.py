"""Collators that work through a tokenizer: those of transformers, where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = [
    "DataCollatorForLanguageModeling",
    "DataCollatorForMultipleChoice",
    "DataCollatorForSeq2Seq",
    "DataCollatorForTokenClassification",
    "DataCollatorWithFlattening",
    "DefaultDataCollator",
]

if TYPE_CHECKING:
    from transformers import (
        DataCollatorForLanguageModeling,
        DataCollatorForMultipleChoice,
        DataCollatorForSeq2Seq,
        DataCollatorForTokenClassification,
        DataCollatorWithFlattening,
        DefaultDataCollator,
    )


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import transformers
    except ImportError as error:
        raise ImportError(
            f"{name} works through a tokenizer and comes from transformers, which is not installed here: "
            "pip install transformers"
        ) from error
    return getattr(transformers, name)
