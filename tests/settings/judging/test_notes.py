"""What a script may put to use by calls of its own is a note to who judges a file, and nothing to who runs it."""

import json
import warnings
from typing import Any

import pytest

from trainspec import TrainingArguments, load, validate

transformers = pytest.importorskip("transformers")

# What the most common scripts say: they call evaluate(), predict(), train(resume_from_checkpoint=...), push_to_hub()
# themselves, or give the Trainer a tracker or a loss of their own.
NOTED: dict[str, dict[str, Any]] = {
    "BAT301": {"per_device_eval_batch_size": 4},
    "BAT302": {"eval_accumulation_steps": 4},
    "EVL304": {"eval_do_concat_batches": False},
    "EVL306": {"eval_use_gather_object": True},
    "EVL307": {"prediction_loss_only": True},
    "EVL308": {"batch_eval_metrics": True},
    "EVL310": {"include_for_metrics": ["inputs"]},
    "PRE302": {"bf16_full_eval": True},
    "PRE303": {"fp16_full_eval": True},
    "PRF307": {"jit_mode_eval": True},
    "DAT303": {"label_names": ["labels"]},
    "RUN302": {"ignore_data_skip": True},
    "RUN303": {"restore_callback_states_from_checkpoint": True},
    "HUB301": {"hub_model_id": "me/mine"},
    "HUB302": {"hub_revision": "dev"},
    "HUB303": {"hub_private_repo": True},
    "LOG302": {"logging_dir": "logs", "report_to": "none"},
    "LOG303": {"run_name": "first", "report_to": "none"},
    "LOG304": {"project": "mine", "report_to": "none"},
    "LOG305": {"trackio_space_id": "me/space", "report_to": "none"},
}
# Set to what would hold anyway, as every full dump has it: nothing is lost.
IDLE: dict[str, dict[str, Any]] = {
    "RUN301": {"num_train_epochs": 3.0, "max_steps": 10},
    "OPT301": {"adam_beta1": 0.9, "optim": "sgd"},
    "HUB304": {"hub_strategy": "every_save"},
    "PRE305": {"fp16_opt_level": "O1"},
    "DAT301": {"length_column_name": "length"},
}
MEANT: dict[str, dict[str, Any]] = {
    "RUN301": {"num_train_epochs": 4, "max_steps": 10},
    "OPT301": {"adam_beta1": 0.8, "optim": "sgd"},
    "HUB304": {"hub_strategy": "end"},
    "PRE305": {"fp16_opt_level": "O2"},
    "DAT301": {"length_column_name": "size"},
    "OPT308": {"optim": "galore_adamw_layerwise", "optim_target_modules": "all-linear", "max_grad_norm": 0.1},
    "CKP302": {"save_total_limit": 2, "save_strategy": "no"},
    "EVL301": {"eval_steps": 10},
}


@pytest.mark.parametrize(("code", "settings"), {**NOTED, **IDLE}.items(), ids=[*NOTED, *IDLE])
def test_a_script_hears_nothing_of_it(code: str, settings: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TrainingArguments(**settings)
        TrainingArguments.from_dict(settings)
        load(environ={f"TRAINSPEC_{name.upper()}": json.dumps(value).strip('"') for name, value in settings.items()})


@pytest.mark.parametrize(("code", "settings"), {**NOTED, **IDLE}.items(), ids=[*NOTED, *IDLE])
def test_who_judges_a_document_is_told(code: str, settings: dict[str, Any]) -> None:
    verdict = validate(settings)
    assert [item.code for item in verdict.notes] == [code]
    assert (verdict.ok, verdict.warnings, verdict.errors) == (True, [], [])
    assert verdict.notes[0].render().startswith(f"note[{code}] ")


@pytest.mark.parametrize(("code", "settings"), MEANT.items(), ids=MEANT)
def test_what_nothing_here_can_use_is_a_warning(code: str, settings: dict[str, Any]) -> None:
    with pytest.warns(UserWarning, match=code):
        TrainingArguments(**settings)


def test_a_token_that_lies_ready_is_nobodys_fault() -> None:
    assert validate({"hub_token": "hf_aaaaaaaaaaaaaaaa"}).diagnostics == []


def test_a_full_dump_of_transformers_has_nothing_to_warn_of() -> None:
    theirs = transformers.TrainingArguments("out", max_steps=10, optim="sgd", report_to="none").to_dict()
    found = validate(json.loads(json.dumps(theirs)))
    assert found.ok and [item.code for item in found.warnings if not item.code.startswith("REN")] == []
