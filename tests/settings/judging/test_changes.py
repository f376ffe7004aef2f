"""A change is validated and takes hold whole, or not at all."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trainspec import SettingsWarning, TrainingArguments, diagnostics

BAD_CHANGES: list[tuple[str, Any, str]] = [
    ("seed", -1, "VAL102"),
    ("seed", True, "VAL101"),
    ("seed", 1.0, "VAL101"),
    ("learning_rate", float("nan"), "VAL104"),
    ("eval_strategy", "sometimes", "VAL103"),
    ("fp16", True, "PRE101"),
    ("load_best_model_at_end", True, "CKP101"),
]


def state(args: TrainingArguments) -> tuple[Any, ...]:
    return copy.deepcopy(args.__dict__), set(args.model_fields_set), args.origin


@pytest.mark.parametrize(("name", "value", "code"), BAD_CHANGES, ids=[f"{row[0]}={row[1]}" for row in BAD_CHANGES])
def test_a_rejected_assignment_leaves_the_object_as_it_was(name: str, value: Any, code: str) -> None:
    args = TrainingArguments("out", bf16=True, eval_strategy="epoch")
    before = state(args)
    with pytest.raises(ValidationError) as caught:
        setattr(args, name, value)
    assert [item.code for item in diagnostics(caught.value)] == [code]
    assert state(args) == before


@pytest.mark.parametrize(("name", "value", "code"), BAD_CHANGES, ids=[f"{row[0]}={row[1]}" for row in BAD_CHANGES])
def test_a_rejected_replace_leaves_the_object_as_it_was(name: str, value: Any, code: str) -> None:
    args = TrainingArguments("out", bf16=True, eval_strategy="epoch")
    before = state(args)
    with pytest.raises(ValidationError) as caught:
        args.replace(**{name: value})
    assert code in [item.code for item in diagnostics(caught.value)]
    assert state(args) == before


def test_an_assignment_takes_hold_and_counts_as_said() -> None:
    args = TrainingArguments("out")
    args.learning_rate = "3e-4"  # type: ignore[assignment]
    args.eval_strategy = "epoch"  # type: ignore[assignment]
    assert args.learning_rate == 3e-4
    assert args.do_eval is True
    assert args.to_dict() == {"output_dir": "out", "eval_strategy": "epoch", "learning_rate": 3e-4}


def test_a_derived_setting_can_be_assigned() -> None:
    args = TrainingArguments("out")
    args.run_name = "mine"
    assert args.run_name == "mine"
    args.run_name = None
    assert args.run_name == "out"


def test_replace_changes_several_at_once() -> None:
    args = TrainingArguments("out")
    new = args.replace(load_best_model_at_end=True, eval_strategy="epoch", save_strategy="epoch")
    assert new.load_best_model_at_end and not args.load_best_model_at_end
    assert type(new) is TrainingArguments


def test_replace_does_not_read_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    args = TrainingArguments("out")
    monkeypatch.setenv("TRAINSPEC_SEED", "5")
    assert args.replace(learning_rate=1e-3).seed == 42


def test_a_changed_mapping_is_replaced_not_merged() -> None:
    args = TrainingArguments("out", fsdp="full_shard", fsdp_config={"version": 1})
    new = args.replace(fsdp_config={"limit_all_gathers": True})
    assert new.fsdp_config is not None and not isinstance(new.fsdp_config, str)
    assert new.fsdp_config.version == 2


def test_a_change_warns_of_what_it_concerns_only() -> None:
    with pytest.warns(SettingsWarning, match="save_steps"):
        args = TrainingArguments("out", save_strategy="no", save_steps=10)
    args.seed = 3
    with pytest.warns(SettingsWarning, match="eval_steps"):
        args.eval_steps = 5


@pytest.mark.parametrize("name", ["lerning_rate", "nonsense"])
def test_an_unknown_attribute_is_refused(name: str) -> None:
    args = TrainingArguments("out")
    with pytest.raises(AttributeError, match="learning_rate" if name == "lerning_rate" else name):
        setattr(args, name, 1)
    assert name not in args.__dict__


def test_a_setting_cannot_be_deleted() -> None:
    args = TrainingArguments("out", seed=1)
    with pytest.raises(AttributeError, match="seed"):
        del args.seed
    assert args.seed == 1


SETTERS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "set_training",
        {"learning_rate": 1e-3, "batch_size": 4, "num_epochs": 2, "seed": 1},
        {
            "do_train": True,
            "learning_rate": 1e-3,
            "per_device_train_batch_size": 4,
            "num_train_epochs": 2.0,
            "seed": 1,
        },
    ),
    ("set_training", {"gradient_accumulation_steps": 2}, {"do_train": True, "gradient_accumulation_steps": 2}),
    (
        "set_evaluate",
        {"strategy": "steps", "steps": 50, "batch_size": 16, "delay": 100, "loss_only": True},
        {
            "eval_strategy": "steps",
            "eval_steps": 50,
            "per_device_eval_batch_size": 16,
            "eval_delay": 100.0,
            "prediction_loss_only": True,
        },
    ),
    ("set_testing", {"batch_size": 2}, {"do_predict": True, "per_device_eval_batch_size": 2}),
    (
        "set_save",
        {"strategy": "steps", "steps": 7, "total_limit": 2},
        {"save_strategy": "steps", "save_steps": 7, "save_total_limit": 2},
    ),
    (
        "set_logging",
        {"steps": 3, "report_to": "none", "level": "info", "first_step": True},
        {"logging_steps": 3, "report_to": "none", "log_level": "info", "logging_first_step": True},
    ),
    (
        "set_push_to_hub",
        {"model_id": "me/m", "strategy": "end", "private_repo": True},
        {"push_to_hub": True, "hub_model_id": "me/m", "hub_strategy": "end", "hub_private_repo": True},
    ),
    (
        "set_optimizer",
        {"name": "adamw_torch", "beta1": 0.8, "args": None},
        {"optim": "adamw_torch", "adam_beta1": 0.8, "optim_args": None},
    ),
    (
        "set_lr_scheduler",
        {"name": "cosine", "warmup_ratio": 0.1},
        {"lr_scheduler_type": "cosine", "warmup_ratio": 0.1},
    ),
    (
        "set_dataloader",
        {"num_workers": 2, "prefetch_factor": 3, "persistent_workers": True, "sampler_seed": 5},
        {
            "dataloader_num_workers": 2,
            "dataloader_prefetch_factor": 3,
            "dataloader_persistent_workers": True,
            "data_seed": 5,
        },
    ),
]


@pytest.mark.parametrize(("method", "given_", "said"), SETTERS, ids=[f"{row[0]}-{i}" for i, row in enumerate(SETTERS)])
def test_a_setter_sets_what_it_is_given_and_nothing_else(
    method: str, given_: dict[str, Any], said: dict[str, Any]
) -> None:
    args = TrainingArguments.from_dict({"max_grad_norm": 2.0})
    assert getattr(args, method)(**given_) is args
    assert args.to_dict() == {**said, "max_grad_norm": 2.0}


def test_a_setter_takes_hold_whole_or_not_at_all() -> None:
    args = TrainingArguments.from_dict({})
    with pytest.raises(ValidationError):
        args.set_dataloader(train_batch_size=4, prefetch_factor=2)
    assert args.to_dict() == {}


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@given(st.lists(st.tuples(st.sampled_from(["bf16", "fp16", "fp16_full_eval", "bf16_full_eval"]), st.booleans())))
def test_no_sequence_of_assignments_reaches_an_invalid_object(steps: list[tuple[str, bool]]) -> None:
    args = TrainingArguments.from_dict({"do_eval": True})
    for name, value in steps:
        before = state(args)
        try:
            setattr(args, name, value)
        except ValidationError:
            assert state(args) == before
    assert TrainingArguments.check(args.to_dict()).ok
