"""The schema and the validator accept and refuse the same documents, but for the codes that the schema lists."""

import os
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from tests.export.documents import Documents

from trainspec import TrainingArguments
from trainspec.export.json_schema import not_expressed, settings_schema

SCHEMAS = {draft: settings_schema(draft=draft) for draft in ("7", "2020-12")}  # type: ignore[arg-type]
VALIDATORS = {draft: jsonschema_rs.validator_for(schema) for draft, schema in SCHEMAS.items()}
DOCUMENTS = Documents(SCHEMAS["7"])
# `make test-agreement` compares 100,000 documents.
EXAMPLES = 50_000 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 1_500
LISTED = set(not_expressed(TrainingArguments))


def disagreement(document: dict[str, Any]) -> str | None:
    """What is left unexplained between the two verdicts, None where nothing is."""
    takes = [validator.is_valid(document) for validator in VALIDATORS.values()]
    if takes[0] != takes[1]:
        return f"the two dialects differ: {takes}"
    verdict = TrainingArguments.check(document)
    if takes[0] == verdict.ok:
        return None
    if takes[0] and {item.code for item in verdict.errors} <= LISTED:
        return None
    # The validator takes a fraction as warmup_ratio (REN106); the schema keeps to the count.
    if not takes[0] and isinstance(document.get("warmup_steps"), float):
        return None
    # Two names of one setting with the same value: the validator looks, the schema cannot.
    if not takes[0] and has_two_names(document):
        return None
    reason = "" if takes[0] else next(iter(VALIDATORS["7"].iter_errors(document))).message
    return f"schema {takes[0]}, validator {verdict.ok}: {[item.render() for item in verdict.errors]} {reason[:300]}"


def has_two_names(document: dict[str, Any]) -> bool:
    from trainspec.settings.renames import RENAMED

    section = document.get("fsdp_config")
    keys = section if isinstance(section, dict) else {}
    settings = [RENAMED[name].successor if name in RENAMED else name for name in document]
    return any(f"fsdp_{key}" in keys for key in keys) or len(set(settings)) < len(settings)


@hypothesis_settings(max_examples=EXAMPLES)
@given(DOCUMENTS.valid_by_field())
def test_schema_and_validator_agree_on_documents_drawn_from_the_schema(document: dict[str, Any]) -> None:
    assert disagreement(document) is None


def test_an_old_value_in_a_list_counts_as_the_one_it_became() -> None:
    assert disagreement({"report_to": ["all", "azure-ml"]}) is None


def test_two_old_names_of_one_setting_are_refused_by_both() -> None:
    document: dict[str, Any] = {"evaluate_during_training": True, "evaluation_strategy": "no"}
    assert not TrainingArguments.check(document).ok
    assert not any(validator.is_valid(document) for validator in VALIDATORS.values())


@hypothesis_settings(max_examples=EXAMPLES)
@given(DOCUMENTS.mutated())
def test_schema_and_validator_agree_on_mutated_documents(document: dict[str, Any]) -> None:
    assert disagreement(document) is None


@pytest.mark.parametrize("name", TrainingArguments.model_fields)
def test_schema_and_validator_agree_on_every_setting_alone(name: str) -> None:
    from tests.export.documents import NAMED_FILES, ODD

    values = [*ODD, *(TrainingArguments.model_fields[name].examples or [])]
    for value in values:
        if not (name in NAMED_FILES and isinstance(value, str)):
            assert disagreement({name: value}) is None, value
