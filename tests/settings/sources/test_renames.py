"""Names and values of other years: each works with one warning that names both, or is refused with the reason."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from trainspec import IntervalStrategy, SettingsDeprecationWarning, SettingsWarning, TrainingArguments, diagnostics
from trainspec.settings.sections.fsdp import FSDPConfig
from trainspec.settings.sources.renames import RENAMED

RETIRED = {
    # name: (old value, the same as text, name of today, its value, what else must be set)
    "evaluate_during_training": (True, "true", "eval_strategy", "steps", {}),
    "evaluation_strategy": ("epoch", "epoch", "eval_strategy", "epoch", {}),
    "per_gpu_train_batch_size": (16, "16", "per_device_train_batch_size", 16, {}),
    "per_gpu_eval_batch_size": (16, "16", "per_device_eval_batch_size", 16, {}),
    "tpu_metrics_debug": (True, "true", "debug", ["tpu_metrics_debug"], {}),
    "push_to_hub_token": ("hf_old", "hf_old", "hub_token", SecretStr("hf_old"), {"push_to_hub": True}),
    "push_to_hub_model_id": ("a/b", "a/b", "hub_model_id", "a/b", {"push_to_hub": True}),
    "fp16_backend": ("cpu_amp", "cpu_amp", "half_precision_backend", "cpu_amp", {"bf16": True}),
    "adafactor": (True, "1", "optim", "adafactor", {}),
    "sharded_ddp": ("zero_dp_3 auto_wrap", "zero_dp_3 auto_wrap", "fsdp", ["full_shard", "auto_wrap"], {}),
    "fsdp_min_num_params": (1000, "1000", "fsdp_config.min_num_params", 1000, {"fsdp": "full_shard auto_wrap"}),
    "fsdp_transformer_layer_cls_to_wrap": (
        *("Block", "Block", "fsdp_config.transformer_layer_cls_to_wrap", "Block"),
        {"fsdp": "full_shard auto_wrap"},
    ),
    "xpu_backend": ("ccl", "ccl", "ddp_backend", "ccl", {}),
    "no_cuda": (True, "on", "use_cpu", True, {}),
    "dispatch_batches": (True, "yes", "accelerator_config.dispatch_batches", True, {}),
    "split_batches": (True, "1", "accelerator_config.split_batches", True, {}),
    "include_inputs_for_metrics": (True, "true", "include_for_metrics", ["inputs"], {}),
    "activation_checkpointing": (True, "true", "gradient_checkpointing", True, {}),
    "activation_checkpointing_kwargs": (
        *({"use_reentrant": True}, '{"use_reentrant": true}', "gradient_checkpointing_kwargs"),
        *({"use_reentrant": True}, {"gradient_checkpointing": True}),
    ),
}
RENAMINGS = ("REN101", "REN106")


def test_the_table_has_every_renamed_name():
    assert set(RETIRED) == set(RENAMED)


def value_at(settings: TrainingArguments, path: str) -> Any:
    head, _, key = path.partition(".")
    value = settings.__dict__[head]
    value = getattr(value, key) if key else value
    return value.model_dump(exclude_unset=True) if hasattr(value, "model_dump") else value


@pytest.mark.parametrize("source", ["document", "constructor", "environment", "assignment"])
@pytest.mark.parametrize("name", RETIRED)
def test_an_old_name_works_with_one_warning_that_names_both(name, source, judge):
    value, text, successor, expected, beside = RETIRED[name]
    if source == "document":
        verdict = TrainingArguments.check({**beside, name: value})
    elif source == "constructor":
        verdict = judge({}, **beside, **{name: value})
    elif source == "environment":
        verdict = judge({f"TRAINSPEC_{name.upper()}": text}, **beside)
    else:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            settings = TrainingArguments(**beside).replace(**{name: value})
        assert value_at(settings, successor) == expected
        found = [item.message.diagnostic for item in caught if isinstance(item.message, SettingsDeprecationWarning)]
        assert len(found) == 1 and name in found[0].message
        return
    assert verdict.ok, verdict.errors
    assert value_at(verdict.settings, successor) == expected
    (item,) = [item for item in verdict.warnings if item.code in RENAMINGS]
    assert name in item.message and (successor in item.message + item.remedy) and item.reason
    assert item.source.name in ("", f"TRAINSPEC_{name.upper()}")


@pytest.mark.parametrize("name", RETIRED)
def test_the_dump_speaks_the_language_of_today(name):
    value, _, _, _, beside = RETIRED[name]
    settings = TrainingArguments.check({**beside, name: value}).settings
    said = settings.to_dict(secrets=True)
    assert name not in said
    again = TrainingArguments.check(said)
    assert again.settings == settings and not [item for item in again.warnings if item.code.startswith("REN")]


@pytest.mark.parametrize("name", RETIRED)
def test_both_names_with_one_value_are_fine_and_with_two_are_not(name):
    value, _, successor, expected, beside = RETIRED[name]
    plain = expected.get_secret_value() if isinstance(expected, SecretStr) else expected
    head, _, key = successor.partition(".")
    same = TrainingArguments.check({**beside, head: {key: plain} if key else plain, name: value})
    assert same.ok, same.errors
    assert [item.code for item in same.warnings if item.code.startswith("REN")] in (["REN101"], ["REN106"])
    other = different(plain)
    for order in ((head, name), (name, head)):
        pair = {head: {key: other} if key else other, name: value}
        verdict = TrainingArguments.check({**beside, **{item: pair[item] for item in order}})
        (error,) = [item for item in verdict.errors if item.code == "REN103"]
        assert error.fields == (successor, name)
        assert successor in error.message and name in error.message
        assert [item.source.kind for item in error.evidence] == ["document", "document"]


def different(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return []
    if isinstance(value, dict):
        return {"use_reentrant": False}
    swaps = {"steps": "epoch", "epoch": "steps", "cpu_amp": "apex", "adafactor": "sgd", "ccl": "gloo"}
    return swaps.get(value, f"{value}-other")


def test_conflicting_names_cite_both_variables(judge):
    (error,) = judge({"TRAINSPEC_EVAL_STRATEGY": "steps", "TRAINSPEC_EVALUATION_STRATEGY": "epoch"}).errors
    assert [item.source.name for item in error.evidence] == ["TRAINSPEC_EVAL_STRATEGY", "TRAINSPEC_EVALUATION_STRATEGY"]


def test_different_names_in_different_sources_are_an_override(judge, write):
    path = write("run.yaml", "evaluation_strategy: epoch\n")
    settings = judge({"TRAINSPEC_CONFIG": path, "TRAINSPEC_EVAL_STRATEGY": "steps"}).settings
    assert settings.eval_strategy == "steps"
    assert [str(item.source) for item in settings.provenance["eval_strategy"].overrode] == [f"{path}:1:1"]


EQUAL_IN_THE_CONSTRUCTOR = {
    "an enum and its value": {"eval_strategy": IntervalStrategy.EPOCH, "evaluation_strategy": "epoch"},
    "a secret and its text": {"hub_token": SecretStr("x"), "push_to_hub_token": "x", "push_to_hub": True},
    "a number and its text": {"per_device_train_batch_size": 4, "per_gpu_train_batch_size": "4"},
    "a name and a list of it": {
        "fsdp": "full_shard auto_wrap",
        "fsdp_config": {"transformer_layer_cls_to_wrap": ["Block"]},
        "fsdp_transformer_layer_cls_to_wrap": "Block",
    },
    "a key and a section": {"fsdp": "full_shard", "fsdp_config": FSDPConfig(version=2), "fsdp_min_num_params": 0},
    "an old switch off beside the new one on": {"use_cpu": True, "no_cuda": False},
    "the old default beside another value": {"half_precision_backend": "cpu_amp", "fp16_backend": "auto", "bf16": True},
    "an old switch as text": {"evaluate_during_training": "true"},
}


@pytest.mark.parametrize("arguments", EQUAL_IN_THE_CONSTRUCTOR.values(), ids=EQUAL_IN_THE_CONSTRUCTOR)
def test_what_says_the_same_does_not_conflict(arguments, judge):
    verdict = judge({}, **arguments)
    assert verdict.ok, verdict.errors
    assert len([item for item in verdict.warnings if item.code == "REN101"]) == 1


INEXPRESSIBLE = {
    "a switch that is none": {"adafactor": 3},
    "another strategy": {"train_sampling_strategy": "batch_rebalance"},
    "options that never were": {"sharded_ddp": "zero_dp_9"},
    "a key beside a file": {"fsdp_config": "fsdp.json", "fsdp_min_num_params": 10},
    "an organization that is a number": {"push_to_hub_organization": 5, "hub_model_id": "x"},
}


@pytest.mark.parametrize("document", INEXPRESSIBLE.values(), ids=INEXPRESSIBLE)
def test_what_cannot_be_said_today_is_refused_with_the_reason(document):
    errors = [item for item in TrainingArguments.check(document).errors if item.code == "REN105"]
    assert len(errors) == 1 and errors[0].reason


def test_a_wrong_value_under_an_old_name_is_told_at_that_name(judge):
    verdict = judge({"TRAINSPEC_PER_GPU_TRAIN_BATCH_SIZE": "x"})
    assert [(item.code, item.source.name) for item in verdict.diagnostics] == [
        ("REN101", "TRAINSPEC_PER_GPU_TRAIN_BATCH_SIZE"),
        ("VAL101", "TRAINSPEC_PER_GPU_TRAIN_BATCH_SIZE"),
    ]


def test_the_constructor_warns_at_the_line_that_made_the_settings():
    with pytest.warns(SettingsDeprecationWarning, match="evaluation_strategy") as caught:
        TrainingArguments(evaluation_strategy="epoch")
    assert [item.filename for item in caught] == [__file__]


def test_the_secret_of_an_old_name_is_in_no_message():
    with pytest.warns(SettingsWarning) as caught, pytest.raises(ValidationError) as error:
        TrainingArguments(push_to_hub_token="hf_canary", seed=1)
        TrainingArguments(push_to_hub_token="hf_canary", hub_token="hf_canary2", seed=-1)
    texts = [
        *(str(item.message) for item in caught),
        str(error.value),
        *(item.render() for item in diagnostics(error.value)),
    ]
    assert not [text for text in texts if "hf_canary" in text]


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("evaluation_stratgy", "eval_strategy"), ("per_gpu_train_batch_siz", "per_device_train_batch_size")],
)
def test_a_slip_in_a_name_of_before_leads_to_the_name_of_now(wrong: str, meant: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TrainingArguments(**{wrong: "x"})
    assert f"did you mean {meant}?" in str(caught.value)
