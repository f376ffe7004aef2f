"""Seq2SeqTrainingArguments: all settings, and those of generation while evaluating."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike, fspath
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from trainspec.settings.arguments.arguments import TrainingArguments
from trainspec.settings.arguments.generation_rules import ADAPTED, RULES
from trainspec.settings.rules.rule import Rule
from trainspec.settings.values.coercion import Word
from trainspec.settings.values.types import Flag, Name, Positive


def _as_document(value: Any) -> Any:
    """A path as text, and an object of transformers' GenerationConfig as the mapping that a document says for it."""
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, Mapping):
        return {key: _spelt(item) for key, item in value.items()}
    told = getattr(value, "to_diff_dict", None)
    if callable(told):
        return {key: item for key, item in told().items() if key != "transformers_version"}
    return value


def _spelt(item: Any) -> Any:
    """What text of a flag or variable spells: only transformers knows the types of these keys."""
    if type(item) is not Word:
        return item
    try:
        return json.loads(item.lower() if item.lower() in ("true", "false", "null") else item)
    except ValueError:
        return str(item)


class Seq2SeqTrainingArguments(TrainingArguments):
    """The settings of a run whose evaluation generates: those of TrainingArguments, and five more.

    Every source, view and rule of TrainingArguments holds for them. Commands take the class as
    `--model trainspec:Seq2SeqTrainingArguments`.
    """

    own_rules: ClassVar[tuple[Rule, ...]] = (*ADAPTED, *RULES)

    sortish_sampler: Flag = Field(
        default=False,
        description="Train on rows of similar length together, in groups that are shuffled, the longest first.",
        examples=[True],
    )
    predict_with_generate: Flag = Field(
        default=False,
        description="Evaluate and predict with what the model generates; compute_metrics gets token ids.",
        examples=[True],
    )
    generation_max_length: Positive | None = Field(
        default=None,
        description="Most tokens of a generated sequence, where evaluate() and predict() are not told another number.",
        examples=[128],
    )
    generation_num_beams: Positive | None = Field(
        default=None,
        description="Beams of the search, where evaluate() and predict() are not told another number; 1 is none.",
        examples=[4],
    )
    generation_config: Annotated[dict[str, Any] | Name | None, BeforeValidator(_as_document)] = Field(
        default=None,
        description="How the model generates: a mapping, a file or folder or URL of one, or a model on the hub.",
        examples=["generation_config.json", {"num_beams": 4, "length_penalty": 0.6}],
    )
