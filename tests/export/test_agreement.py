"""The schemas and the validator accept and refuse the same documents, but for the codes that the schema lists."""

import os
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import BaseModel
from tests.export.documents import DRAFTS, Documents, schema_of
from tests.settings.rules.test_registry import all_borders

from trainspec import TrainingArguments
from trainspec.export.json_schema import not_expressed
from trainspec.settings.judging.resolution import argument_models
from trainspec.settings.sources.formats.json_text import parse_json
from trainspec.settings.sources.formats.limits import Fault

SCHEMAS = {draft: schema_of(draft) for draft in DRAFTS}


class App(BaseModel):
    """What embeds settings."""

    trains: dict[str, TrainingArguments]


class Embedded:
    """Documents judged by the schema of what embeds them."""

    def __init__(self) -> None:
        self._validator = jsonschema_rs.validator_for(App.model_json_schema())

    def is_valid(self, document: dict[str, Any]) -> bool:
        return self._validator.is_valid({"trains": {"first": document}})


VALIDATORS: dict[str, Any] = {draft: jsonschema_rs.validator_for(schema) for draft, schema in SCHEMAS.items()}
VALIDATORS |= {"pydantic": jsonschema_rs.validator_for(TrainingArguments.model_json_schema()), "embedded": Embedded()}
DOCUMENTS = Documents(SCHEMAS["7"])
ROWS = [document for border in all_borders() for document in (border.wrong, border.right)]
# `make test-agreement` compares 140,000 documents.
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
EXAMPLES, TARGETED = (40_000, 20_000) if LONG else (1_500, 500)
# On a machine with other work, drawing documents may take longer than Hypothesis finds healthy.
MANY, SOME = (
    hypothesis_settings(max_examples=number, suppress_health_check=[HealthCheck.too_slow])
    for number in (EXAMPLES, TARGETED)
)
pytestmark = [pytest.mark.timeout(1800)] if LONG else []
LISTED = set(not_expressed(TrainingArguments))


def disagreement(document: dict[str, Any]) -> str | None:
    """What is left unexplained between the two verdicts, None where nothing is."""
    takes = [validator.is_valid(document) for validator in VALIDATORS.values()]
    if len(set(takes)) > 1:
        return f"the schemas differ: {dict(zip(VALIDATORS, takes, strict=True))}"
    verdict = TrainingArguments.check(document)
    if takes[0] == verdict.ok:
        return None
    if takes[0] and (in_full := with_json_read(document)) != document:
        # What a text of JSON says the schema cannot see, and the validator takes as if it stood there.
        broken = [name for name in MAPPINGS & in_full.keys() if is_like_json(in_full[name])]
        if broken:
            told = {item.fields[0] for item in verdict.errors if item.code == "VAL106"}
            return None if set(broken) <= told else f"{broken} are no JSON and {told} is told"
        as_mapping = TrainingArguments.check(in_full)
        if [item.code for item in as_mapping.errors] != [item.code for item in verdict.errors]:
            return f"{document} and {in_full} are judged differently"
        return disagreement(in_full)
    if takes[0] and any(is_like_json(document.get(name)) for name in MAPPINGS):
        told = {item.code for item in verdict.errors}
        return None if "VAL106" in told else f"no JSON, and {told} is told"
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


MAPPINGS = {name for name, kind in TrainingArguments.field_kinds().items() if kind.mapping}


def is_like_json(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip()[:1] == "{"


def with_json_read(document: dict[str, Any]) -> dict[str, Any]:
    """The document with mappings in place of texts of JSON, as far as they are any."""
    found = dict(document)
    for name in MAPPINGS & document.keys():
        if is_like_json(document[name]):
            try:
                found[name] = parse_json(document[name])
            except Fault:
                continue
    return found


def has_two_names(document: dict[str, Any]) -> bool:
    from trainspec.settings.sources.renames import RENAMED

    section = document.get("fsdp_config")
    keys = section if isinstance(section, dict) else {}
    settings = [RENAMED[name].successor if name in RENAMED else name for name in document]
    return any(f"fsdp_{key}" in keys for key in keys) or len(set(settings)) < len(settings)


@MANY
@given(DOCUMENTS.valid_by_field())
def test_schema_and_validator_agree_on_documents_drawn_from_the_schema(document: dict[str, Any]) -> None:
    assert disagreement(document) is None


def test_an_old_value_in_a_list_counts_as_the_one_it_became() -> None:
    assert disagreement({"report_to": ["all", "azure-ml"]}) is None


@pytest.mark.parametrize(
    "rest", [{}, {"fsdp_config": {"version": 2}}, {"deepspeed": {}}, {"tpu_num_cores": 1}], ids=str
)
@pytest.mark.parametrize(
    "said",
    ["simple", " simple", "  ", "offload  zero_dp_3", "auto_wrap", ["zero_dp_2", "auto_wrap"], "zero_dp_4"],
    ids=str,
)
def test_words_of_fairscale_are_read_by_both(said: Any, rest: dict[str, Any]) -> None:
    assert disagreement({"sharded_ddp": said, **rest}) is None


NAMED: dict[str, tuple[dict[str, Any], bool]] = {
    "blanks around a repository": ({"push_to_hub": True, "hub_model_id": " a/b "}, True),
    "blanks around a folder": ({"push_to_hub": True, "output_dir": " runs/digits/ "}, True),
    "blanks around a choice": ({"lr_scheduler_type": " cosine "}, False),
    "blanks around a choice in a list": ({"include_for_metrics": ["loss "]}, False),
    "blanks around a choice of a section": ({"deepspeed": {"zero_optimization": {"stage": " auto"}}}, False),
    "blanks alone": ({"optim": "apollo_adamw_layerwise", "optim_target_modules": "x", "fsdp": "  "}, True),
    "commas before arguments": ({"optim": "sgd", "optim_args": " , momentum=0.9,"}, True),
    "a list among arguments": ({"optim": "adafactor", "optim_args": "eps=[1e-30, 1e-3], beta1=null"}, True),
    "an unknown argument after a list": ({"optim": "adafactor", "optim_args": "eps=[1,2],foo=[1]"}, False),
    "arguments without values": ({"optim": "sgd", "optim_args": "momentum"}, False),
    "a switch for a numbered choice": ({"deepspeed": {"zero_optimization": {"stage": True}}}, False),
    "a switch for a version": ({"fsdp": "full_shard", "fsdp_config": {"version": True}}, False),
    "an owner alone": ({"push_to_hub_organization": "team"}, True),
    "an owner alone, used": ({"push_to_hub": True, "push_to_hub_organization": "team"}, True),
    "an owner of a folder that is no name": (
        {"push_to_hub": True, "push_to_hub_organization": "team", "output_dir": "a b"},
        False,
    ),
    "no folder": ({"output_dir": None}, True),
    "a folder without a name": ({"output_dir": " "}, True),
    "a folder without a name, pushed": ({"output_dir": "", "push_to_hub": True}, False),
    "null for trackers": ({"report_to": None}, True),
    "null in a list of trackers": ({"report_to": [None]}, False),
    "a level of other years": ({"log_level": "detail", "log_level_replica": "detail"}, True),
    "an interval as a whole float": ({"logging_steps": 1.0, "save_steps": 500.0, "eval_steps": 1e3}, True),
    "an interval between counts": ({"logging_steps": 1.5}, False),
    "evaluations as often as logs": ({"eval_strategy": "steps", "eval_steps": 0}, True),
    "neither evaluations nor logs": (
        {"eval_strategy": "steps", "eval_steps": 0, "logging_steps": 0, "logging_strategy": "no"},
        False,
    ),
    "the best of no model": ({"load_best_model_at_end": True, "save_strategy": "no"}, False),
    "JSON in a text": ({"accelerator_config": ' {"split_batches": true}'}, True),
    "JSON over lines": ({"deepspeed": '{\n  "train_batch_size": "auto"\n}'}, True),
    "JSON that never ends": ({"gradient_checkpointing_kwargs": '{"use_reentrant": false'}, False),
    "a list in a text": ({"accelerator_config": "[1]"}, False),
    "JSON of a schedule": (
        {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": '{"min_lr": 1e-6}'},
        True,
    ),
    "a rule about a file, whatever it says": (
        {"save_only_model": True, "load_best_model_at_end": True, "eval_strategy": "steps", "deepspeed": "no"},
        False,
    ),
    "a file that is not here": ({"deepspeed": "nowhere.json", "accelerator_config": "nowhere/a"}, True),
    "an owner and a name": ({"push_to_hub_organization": "team", "hub_model_id": "digits"}, True),
    "blanks around an owner": ({"push_to_hub_organization": " team ", "hub_model_id": "digits"}, True),
    "blanks for an owner": ({"push_to_hub_organization": " "}, True),
    "an owner of no name": ({"push_to_hub_organization": "team", "push_to_hub_model_id": " "}, False),
    "no owner": ({"push_to_hub_organization": None}, True),
    "an owner that is none": (
        {"push_to_hub": True, "push_to_hub_organization": "a team", "hub_model_id": "digits"},
        False,
    ),
}


@pytest.mark.parametrize(("document", "fine"), NAMED.values(), ids=NAMED)
def test_both_say_the_same_of(document: dict[str, Any], fine: bool) -> None:
    assert TrainingArguments.check(document).ok is fine
    assert {validator.is_valid(document) for validator in VALIDATORS.values()} == {fine}


def test_a_path_is_no_text_with_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = "amp,1.json"
    (tmp_path / path).write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert TrainingArguments.check({"deepspeed": path}).ok
    assert all(validator.is_valid({"deepspeed": path}) for validator in VALIDATORS.values())


def test_two_old_names_of_one_setting_are_refused_by_both() -> None:
    document: dict[str, Any] = {"evaluate_during_training": True, "evaluation_strategy": "no"}
    assert not TrainingArguments.check(document).ok
    assert not any(validator.is_valid(document) for validator in VALIDATORS.values())


OWNED = st.fixed_dictionaries(
    {},
    optional={
        "push_to_hub": st.booleans(),
        "push_to_hub_organization": st.sampled_from([None, "", " ", "team", " team\t", "a team", "a\tteam", 1]),
        "hub_model_id": st.sampled_from([None, "digits", "team/digits", "other/digits", "team/", "a b", " digits "]),
        "push_to_hub_model_id": st.sampled_from([None, "digits", "-", " "]),
    },
)


@SOME
@given(OWNED)
def test_schema_and_validator_agree_about_the_old_name_of_an_owner(document: dict[str, Any]) -> None:
    assert disagreement(document) is None


@MANY
@given(DOCUMENTS.mutated())
def test_schema_and_validator_agree_on_mutated_documents(document: dict[str, Any]) -> None:
    assert disagreement(document) is None


@SOME
@given(DOCUMENTS.of_rules(ROWS))
def test_schema_and_validator_agree_about_the_rules(document: dict[str, Any]) -> None:
    assert disagreement(document) is None


@SOME
@given(
    DOCUMENTS.with_arguments("optim", "optim_args", argument_models("optim_args"))
    | DOCUMENTS.with_arguments("lr_scheduler_type", "lr_scheduler_kwargs", argument_models("lr_scheduler_kwargs"))
)
def test_schema_and_validator_agree_about_typed_arguments(document: dict[str, Any]) -> None:
    assert disagreement(document) is None


PAIRS = st.lists(
    st.tuples(
        st.sampled_from(
            ["momentum", "nesterov", "eps", "adjust_lr_fn", "foreach", "amsgrad", "momenta", "", " fused "]
        ),
        st.sampled_from(["=", " = ", "", "==", ":"]),
        st.sampled_from(["0.9", "true", "NO", "null", "[1e-30, 1e-3]", "[1", "original", "x", "", "0.9;a=1"]),
        st.sampled_from([",", ", ", "", ",,"]),
    ).map("".join),
    max_size=3,
).map("".join)


@SOME
@given(st.sampled_from(["sgd", "adamw_torch", "adafactor", "muon", "lion_32bit"]), PAIRS)
def test_schema_and_validator_agree_about_arguments_in_one_text(optim: str, text: str) -> None:
    assert disagreement({"optim": optim, "optim_args": text}) is None


@pytest.mark.parametrize("document", ROWS, ids=str)
def test_schema_and_validator_agree_on_the_tables_of_rules(document: dict[str, Any]) -> None:
    assert disagreement(document) is None


@pytest.mark.parametrize("name", TrainingArguments.model_fields)
def test_schema_and_validator_agree_on_every_setting_alone(name: str) -> None:
    from tests.export.documents import LIKE_JSON, ODD, PATHS

    values = [*ODD, *LIKE_JSON, *PATHS, *(TrainingArguments.model_fields[name].examples or [])]
    for value in values:
        assert disagreement({name: value}) is None, value
