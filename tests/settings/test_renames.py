"""Names and values of other years: each works with one warning that names both, or is refused with the reason."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from trainspec import IntervalStrategy, SettingsDeprecationWarning, SettingsWarning, TrainingArguments, diagnostics
from trainspec.settings.renames import REMOVED, RENAMED, RETIRED_VALUES
from trainspec.settings.sections.fsdp import FSDPConfig

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
    "train_sampling_strategy": ("group_by_length", "group_by_length", "group_by_length", True, {}),
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
    "another strategy": {"train_sampling_strategy": "sequential"},
    "options that never were": {"sharded_ddp": "zero_dp_9"},
    "a key beside a file": {"fsdp_config": "fsdp.json", "fsdp_min_num_params": 10},
    "an organization without a model": {"push_to_hub_organization": "team"},
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


class TestOrganization:
    def test_is_joined_with_the_model(self):
        verdict = TrainingArguments.check(
            {"push_to_hub": True, "hub_model_id": "x", "push_to_hub_organization": "team"}
        )
        assert verdict.settings.hub_model_id == "team/x"
        assert [item.code for item in verdict.warnings] == ["REN101"]

    def test_and_with_its_old_name(self, judge):
        environ = {"TRAINSPEC_PUSH_TO_HUB_MODEL_ID": "x", "TRAINSPEC_PUSH_TO_HUB_ORGANIZATION": "team"}
        verdict = judge(environ, push_to_hub=True)
        assert verdict.settings.hub_model_id == "team/x"
        assert [item.code for item in verdict.warnings] == ["REN101", "REN101"]

    @pytest.mark.parametrize(("model", "code"), [("team/x", []), ("other/x", ["REN103"])])
    def test_of_a_model_that_has_one(self, model, code):
        verdict = TrainingArguments.check(
            {"push_to_hub": True, "hub_model_id": model, "push_to_hub_organization": "team"}
        )
        assert [item.code for item in verdict.errors] == code

    @pytest.mark.parametrize("nothing", [None, ""])
    def test_that_says_nothing(self, nothing):
        verdict = TrainingArguments.check({"push_to_hub_organization": nothing})
        assert verdict.ok and not verdict.diagnostics


@pytest.mark.parametrize("name", REMOVED)
@pytest.mark.parametrize("nothing", [None, False, ""])
def test_a_removed_name_that_says_nothing_is_passed_over_with_a_warning(name, nothing):
    verdict = TrainingArguments.check({name: nothing})
    assert verdict.settings.model_fields_set == set()
    assert [item.code for item in verdict.diagnostics] == ["REN102"]


@pytest.mark.parametrize("name", REMOVED)
def test_a_removed_name_that_says_something_is_refused_with_reason_and_advice(name, judge):
    for verdict in (TrainingArguments.check({name: "something"}), judge({f"TRAINSPEC_{name.upper()}": "something"})):
        (error,) = verdict.errors
        assert error.code == "REN102" and name in error.message and error.reason and error.remedy


@pytest.mark.parametrize("name", ["mp_parameters", "use_legacy_prediction_loop"])
def test_the_refused_ones_say_since_when(name):
    (error,) = TrainingArguments.check({name: "x"}).errors
    assert "gone since transformers 5.0" in error.message


OLD_VALUES = {
    "adamw_hf": ("optim", "adamw_hf", "adamw_torch", "REN104"),
    "a backend": ("half_precision_backend", "cuda_amp", "auto", "REN104"),
    "a tracker": ("report_to", "azure-ml", "azure_ml", "REN104"),
    "a tracker in a list": ("report_to", ["azure-ml"], ["azure_ml"], "REN104"),
    "null for a share": ("warmup_ratio", None, 0.0, "REN104"),
    "null for a switch": ("gradient_checkpointing", None, False, "REN104"),
    "a schedule": ("lr_scheduler_type", "greedy", None, "REN105"),
    "all or none": ("report_to", None, None, "REN105"),
}


@pytest.mark.parametrize(("name", "old", "new", "code"), OLD_VALUES.values(), ids=OLD_VALUES)
def test_retired_values(name, old, new, code):
    verdict = TrainingArguments.check({name: old})
    assert [item.code for item in verdict.diagnostics] == [code]
    assert verdict.diagnostics[0].reason
    if code == "REN104":
        assert verdict.settings.__dict__[name] == new
    else:
        assert not verdict.ok


def test_every_retired_value_is_no_value_of_today():
    kinds = TrainingArguments.field_kinds()
    for name, table in RETIRED_VALUES.items():
        assert not {*table} & {*kinds[name].choices}
        assert None not in table or not kinds[name].null


def test_adamw_apex_fused_is_superseded_with_one_warning():
    verdict = TrainingArguments.check({"optim": "adamw_apex_fused"})
    assert verdict.ok and len(verdict.warnings) == 1 and "adamw_torch_fused" in verdict.warnings[0].message


class TestWarmupAsAShare:
    @pytest.mark.parametrize("share", [0.1, 0.999, 1e-9])
    def test_becomes_the_ratio(self, share):
        verdict = TrainingArguments.check({"warmup_steps": share})
        assert (verdict.settings.warmup_ratio, verdict.settings.warmup_steps) == (share, 0)
        assert [item.code for item in verdict.diagnostics] == ["REN106"]

    @pytest.mark.parametrize(("steps", "count"), [(0, 0), (1, 1), (0.0, 0), (1.0, 1), (100, 100)])
    def test_a_count_stays_one(self, steps, count):
        settings = TrainingArguments.check({"warmup_steps": steps}).settings
        assert (settings.warmup_steps, settings.warmup_ratio) == (count, 0.0)

    @pytest.mark.parametrize("steps", [1.5, -0.1, -1, float("nan"), float("inf"), "0.1", True])
    def test_anything_else_is_refused(self, steps):
        assert not TrainingArguments.check({"warmup_steps": steps}).ok

    def test_conflicts_with_another_ratio_whichever_comes_first(self):
        for document in ({"warmup_steps": 0.1, "warmup_ratio": 0.3}, {"warmup_ratio": 0.3, "warmup_steps": 0.1}):
            assert [item.code for item in TrainingArguments.check(document).errors] == ["REN103"]
        assert TrainingArguments.check({"warmup_steps": 0.1, "warmup_ratio": 0.1}).ok

    @pytest.mark.filterwarnings("ignore::trainspec.settings.diagnostics.SettingsWarning")
    def test_overrides_a_count_of_a_weaker_source(self, judge, write):
        path = write("run.yaml", "warmup_steps: 100\n")
        settings = judge({"TRAINSPEC_CONFIG": path, "TRAINSPEC_WARMUP_STEPS": "0.1"}).settings
        assert settings.get_warmup_steps(1000) == 100
        settings.warmup_steps = 500
        with pytest.warns(SettingsDeprecationWarning):
            settings.warmup_steps = 0.2
        assert settings.get_warmup_steps(2000) == 400


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
