"""Old names without a successor, old values, and old settings that became two or parts of others."""

from __future__ import annotations

import pytest

from trainspec import SettingsDeprecationWarning, TrainingArguments
from trainspec.settings.sources.renames import REMOVED, RETIRED_VALUES


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
    "null for trackers": ("report_to", None, "all", "REN104"),
    "null for a folder": ("output_dir", None, "trainer_output", "REN104"),
    "no text for a folder": ("output_dir", "", ".", "REN104"),
    "blanks for a folder": ("output_dir", "  ", ".", "REN104"),
    "null for half precision": ("fp16", None, False, "REN104"),
    "null for a switch that is on": ("dataloader_pin_memory", None, False, "REN104"),
    "null for clipping": ("max_grad_norm", None, 0.0, "REN104"),
    "no limit": ("save_total_limit", 0, None, "REN104"),
    "a limit below all": ("save_total_limit", -1, None, "REN104"),
    "no noise": ("neftune_noise_alpha", 0.0, None, "REN104"),
    "null for debugging": ("debug", None, "", "REN104"),
    "null for what metrics see": ("include_for_metrics", None, [], "REN104"),
    "no text for DeepSpeed": ("deepspeed", "", None, "REN104"),
    "no text for a checkpoint": ("resume_from_checkpoint", "", None, "REN104"),
    "no text for a name": ("run_name", " ", None, "REN104"),
    "no text for a metric": ("metric_for_best_model", "", None, "REN104"),
    "a level": ("log_level", "detail", "debug", "REN104"),
    "a level of replicas": ("log_level_replica", "detail", "debug", "REN104"),
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

    @pytest.mark.filterwarnings("ignore::trainspec.settings.diagnostics.diagnostic.SettingsWarning")
    def test_overrides_a_count_of_a_weaker_source(self, judge, write):
        path = write("run.yaml", "warmup_steps: 100\n")
        settings = judge({"TRAINSPEC_CONFIG": path, "TRAINSPEC_WARMUP_STEPS": "0.1"}).settings
        assert settings.get_warmup_steps(1000) == 100
        settings.warmup_steps = 500
        with pytest.warns(SettingsDeprecationWarning):
            settings.warmup_steps = 0.2
        assert settings.get_warmup_steps(2000) == 400


def test_an_old_value_under_an_old_name_becomes_both_of_today():
    verdict = TrainingArguments.check({"fp16_backend": "amp", "fp16": True})
    assert verdict.settings.to_dict() == {"half_precision_backend": "auto", "fp16": True}


@pytest.mark.parametrize(
    "document",
    [
        {"sharded_ddp": 0},
        {"sharded_ddp": ["simple", "simple"]},
        {"sharded_ddp": "zero_dp_2 simple"},
        {"dataloader_in_order": 1},
        {"dataloader_in_order": 0.0},
    ],
    ids=str,
)
def test_a_number_is_no_switch_under_an_old_name_either(document):
    assert TrainingArguments.check(document).errors
