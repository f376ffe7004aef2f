"""The values that a setting takes are offered, written as the format and the quotes around them need it."""

from typing import Any

import pytest
from tests.answers.completion.documents import MARK, applied, at, labels, place_of
from tests.answers.completion.test_keys import MAPPINGS

from trainspec import TrainingArguments
from trainspec.answers.completion.known import Known
from trainspec.settings.sources.files import parse_document

KNOWN = Known(TrainingArguments, lambda name: None)

OFFERED = [
    ("yaml", "bf16: ¦", ["true", "false"], ["true", "false"]),
    ("yaml", "bf16:¦", ["true", "false"], [" true", " false"]),
    ("yaml", "bf16: tr¦ue # on", ["true", "false"], ["true", "false"]),
    ("yaml", 'bf16: "t¦', ["true", "false"], ["true", "false"]),
    ("yaml", "fsdp_config:\n  forward_prefetch: ¦", ["true", "false"], ["true", "false"]),
    ("yaml", "save_strategy: ¦", ["no", "steps", "epoch", "best"], ['"no"', "steps", "epoch", "best"]),
    ("yaml", "save_strategy: 'e¦'", ["no", "steps", "epoch", "best"], ["no'", "steps'", "epoch'", "best'"]),
    ("yaml", "save_strategy:\n  ¦", ["no", "steps", "epoch", "best"], ['"no"', "steps", "epoch", "best"]),
    ("yaml", "include_for_metrics:\n- ¦", ["inputs", "loss"], ["inputs", "loss"]),
    ("yaml", "include_for_metrics:\n  - in¦", ["inputs", "loss"], ["inputs", "loss"]),
    ("yaml", "include_for_metrics: [inputs, ¦]", ["inputs", "loss"], ["inputs", "loss"]),
    ("yaml", "include_for_metrics: ¦", ['["inputs"]', '["loss"]'], ["[inputs]", "[loss]"]),
    ("json", '{"save_strategy": ¦}', ["no", "steps", "epoch", "best"], ['"no"', '"steps"', '"epoch"', '"best"']),
    ("json", '{"save_strategy": "b¦', ["no", "steps", "epoch", "best"], ['no"', 'steps"', 'epoch"', 'best"']),
    ("json", '{"tf32": ¦}', ["true", "false", "null"], ["true", "false", "null"]),
    ("toml", "save_strategy = ¦", ["no", "steps", "epoch", "best"], ['"no"', '"steps"', '"epoch"', '"best"']),
    ("toml", "tf32 =¦", ["true", "false"], [" true", " false"]),
    ("toml", "fsdp_config.version = ¦", ["1", "2"], ["1", "2"]),
    ("env", "TRAINSPEC_BF16=¦", ["true", "false"], ["true", "false"]),
    ("env", "TRAINSPEC_SAVE_STRATEGY='b¦'", ["no", "steps", "epoch", "best"], ["no", "steps", "epoch", "best"]),
    ("env", "TRAINSPEC_INCLUDE_FOR_METRICS=inputs,l¦", ["inputs", "loss"], ["inputs", "loss"]),
    ("yaml", "hub_token: ¦", ["null"], ["null"]),
    ("yaml", "seed: ¦", ["42", "1"], ["42", "1"]),
]


@pytest.mark.parametrize("format, marked, shown, written", OFFERED)
def test_values(format: str, marked: str, shown: list[str], written: list[str]) -> None:
    found = at(marked, format)
    assert (labels(found), [item.insert for item in found.items]) == (shown, written)
    assert found.at is not None and found.at.kind == "value"


@pytest.mark.parametrize("name", [name for name in TrainingArguments.field_kinds() if KNOWN.key((name,)).kind.choices])  # type: ignore[union-attr]
def test_every_choice_is_offered_and_described(name: str) -> None:
    kind = TrainingArguments.field_kinds()[name]
    found = at(f"{name}: ¦")
    assert {str(getattr(choice, "value", choice)) for choice in kind.choices} <= set(labels(found))
    described = [item for item in found.items if item.label not in ("true", "false", "null")]
    assert described and all(item.description for item in described)


def _value(key: tuple[str, ...], form: str) -> str:
    if form == "yaml":
        return (
            "".join(f"{'  ' * depth}{name}:\n" for depth, name in enumerate(key[:-1]))
            + "  " * (len(key) - 1)
            + f"{key[-1]}: {MARK}"
        )
    if form == "json":
        return "".join(f'{{"{name}": ' for name in key) + MARK + "}" * len(key)
    return ".".join(key) + f" = {MARK}"


@pytest.mark.parametrize("form", ["yaml", "json", "toml"])
def test_what_is_offered_is_a_value_of_the_setting(form: Any) -> None:
    """Each value of each key, taken and judged: nothing is said of its type."""
    from trainspec.answers.judgement import Judge

    judge, told = Judge(TrainingArguments), []
    for above, names in MAPPINGS.items():
        for name in names:
            marked = _value((*above, name), form)
            text, _, _ = place_of(marked)
            found = at(marked, form)
            for label in labels(found)[:4]:
                made, _ = applied(text, found, label)
                report = judge.document(parse_document(made, form, "document"), "document")
                wrong = [
                    item for item in report.diagnostics if item.code.startswith("VAL") and item.severity == "error"
                ]
                told += [(made, item.message) for item in wrong if item.fields[:1] == (".".join((*above, name)),)]
    assert told == []
