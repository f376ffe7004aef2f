"""What `typing.get_type_hints` says of settings whose own annotation no argument parser could use as a type.

transformers' HfArgumentParser makes flags of these hints: one type a flag, called with the flag's text.
"""

from __future__ import annotations

import json
from typing import Any


class Count(float):
    """A number as a flag gives it: 10 and 10.0 are the count 10, 0.5 is a share."""

    def __new__(cls, text: str | float) -> Any:
        """An int where the number is whole, else a float. Raises ValueError for what is no number."""
        number = float(text)
        return int(number) if number.is_integer() else number


class JSONMapping(dict[str, Any]):
    """A mapping as a flag gives it: a JSON object."""

    def __init__(self, text: str) -> None:
        """Raises ValueError for what is no JSON object."""
        super().__init__(json.loads(text))


PARSER_TYPES: dict[str, Any] = {
    "logging_steps": Count,
    "save_steps": Count,
    "eval_steps": Count | None,
    "report_to": str,
    "debug": str,
    "include_num_input_tokens_seen": str,
    "resume_from_checkpoint": str | None,
    "fsdp": str | None,
    "optim_target_modules": str | None,
    "lr_scheduler_kwargs": JSONMapping | None,
    "gradient_checkpointing_kwargs": JSONMapping | None,
    "liger_kernel_config": JSONMapping | None,
    "parallelism_config": JSONMapping | None,
}
