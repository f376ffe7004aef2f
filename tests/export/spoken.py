"""All that is said about settings, by what says it: what each language has to have."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from trainspec.answers.explain import explain, explain_all
from trainspec.answers.rule import meanings
from trainspec.export import diagnostics_schema, environment_schema
from trainspec.export.json_schema import file_schema
from trainspec.export.translated import translated
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.arguments.seq2seq import Seq2SeqTrainingArguments
from trainspec.settings.rules.conditions import Predicate
from trainspec.settings.sources.renames import REMOVED
from trainspec.settings.values.choice_descriptions import DESCRIPTIONS
from trainspec.settings.values.shape import shape_of
from trainspec.settings.views.help_text import sections_of

MODELS = (TrainingArguments, Seq2SeqTrainingArguments)


class Noting:
    """Words that note what they are asked for, and leave it as it is."""

    def __init__(self) -> None:
        self.asked: dict[str, None] = {}

    def __call__(self, text: str) -> str:
        self.asked[text] = None
        return text


def _of_schemas() -> Iterator[dict[str, Any]]:
    """Of the class with all settings; editors' dialect says all that the other one does."""
    yield file_schema(Seq2SeqTrainingArguments, draft="7")
    yield environment_schema.render(TrainingArguments)
    yield diagnostics_schema.render()
    yield {"title": TrainingArguments.__name__}


@cache
def said() -> tuple[str, ...]:
    """Every text, once."""
    words = Noting()
    for schema in _of_schemas():
        translated(schema, words)
    for model in MODELS:
        for section in sections_of(shape_of(model)):
            words(section.heading), words(section.about)
            for name in section.names:
                words(shape_of(model).fields[name].description or "")
    for facts in explain_all(words):
        for key in facts.keys:
            explain(f"{facts.name}.{key}", words)
    for variable in ("config", "lang", "schema_base", "task", "hub_token_file"):
        explain(variable, words)
    meanings(words)
    for described in DESCRIPTIONS.values():
        [words(text) for text in described.values()]
    [(words(gone.reason), words(gone.advice)) for gone in REMOVED.values()]
    return tuple(text for text in words.asked if text)


def conditions() -> Iterator[Predicate]:
    """The conditions of all rules."""
    yield from (rule.when for rule in TrainingArguments.rules() if rule.when is not None)
