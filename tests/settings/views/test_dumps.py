"""A dump read back gives equal settings; unsaid stays unsaid; a secret is in no dump and comes back as nothing."""

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec import IntervalStrategy, TrainingArguments

DOCUMENTS: list[dict[str, Any]] = [
    {},
    {"output_dir": "out"},
    {"logging_steps": 500},
    {"eval_steps": None},
    {"eval_strategy": "steps", "eval_steps": 0.25, "logging_steps": 10},
    {"fsdp": "full_shard auto_wrap", "fsdp_config": {"min_num_params": 1000}},
    {"fsdp": ["full_shard", "auto_wrap"], "fsdp_config": {"transformer_layer_cls_to_wrap": ["Block"], "version": 2}},
    {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr": 1e-6}},
    {"optim": "sgd", "optim_args": "momentum=0.9"},
    {"optim": "sgd", "optim_args": {"momentum": 0.9}},
    {"report_to": ["jsonl", "plot"], "include_for_metrics": ["inputs"], "label_names": ["labels"], "do_eval": True},
    {"parallelism_config": {"dp_shard_size": 4, "tp_size": 2}},
    {"gradient_checkpointing": True, "gradient_checkpointing_kwargs": {"use_reentrant": False}},
    {"include_num_input_tokens_seen": "non_padding"},
    {"include_num_input_tokens_seen": True},
    {"resume_from_checkpoint": True},
    {"resume_from_checkpoint": "latest"},
]
IDS = [json.dumps(document)[:60] for document in DOCUMENTS]

WAYS = {
    "to_dict": lambda args: TrainingArguments.from_dict(args.to_dict()),
    "to_json_string": lambda args: TrainingArguments.from_json(args.to_json_string()),
    "json through yaml": lambda args: TrainingArguments.from_yaml(args.to_json_string()),
    "model_dump": lambda args: TrainingArguments.model_validate(args.model_dump(exclude_unset=True, mode="json")),
    "model_dump_json": lambda args: TrainingArguments.model_validate_json(args.model_dump_json(exclude_unset=True)),
    "pickle": lambda args: pickle.loads(pickle.dumps(args)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "replace": lambda args: args.replace(),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_a_dump_read_back_is_equal(document: dict[str, Any], way: str) -> None:
    args = TrainingArguments.from_dict(document)
    back = WAYS[way](args)
    assert back == args
    assert back.model_fields_set == args.model_fields_set
    assert back.to_dict() == args.to_dict() == document


def test_unsaid_is_not_the_default_said() -> None:
    unsaid, said = TrainingArguments.from_dict({}), TrainingArguments.from_dict({"logging_steps": 500})
    assert unsaid != said
    assert unsaid.logging_steps == said.logging_steps


def test_settings_of_another_class_are_not_equal() -> None:
    class Other(TrainingArguments):
        pass

    assert TrainingArguments.from_dict({}) != Other.from_dict({})
    assert TrainingArguments.from_dict({}) != {}


def test_settings_change_so_they_are_not_hashable() -> None:
    with pytest.raises(TypeError):
        hash(TrainingArguments.from_dict({}))


def test_the_derived_dump_has_every_setting_with_the_value_that_holds() -> None:
    everything = TrainingArguments.from_dict({"eval_strategy": "epoch", "output_dir": "o"}).to_dict(derived=True)
    assert everything.keys() == TrainingArguments.model_fields.keys() - {"hub_token"}
    assert everything["eval_steps"] == 500
    assert everything["do_eval"] is True
    assert everything["run_name"] == "o"
    json.dumps(everything, allow_nan=False)


def test_the_derived_dump_is_a_valid_document() -> None:
    args = TrainingArguments.from_dict({"eval_strategy": "epoch", "lr_scheduler_type": "cosine"})
    again = TrainingArguments.check(args.to_dict(derived=True))
    assert again.ok, again.errors
    assert again.settings.to_dict(derived=True) == args.to_dict(derived=True)


def test_the_sanitized_dump_holds_scalars_only() -> None:
    sanitized = TrainingArguments.from_dict({"do_eval": True, "label_names": ["a"]}).to_sanitized_dict()
    assert all(isinstance(value, bool | int | float | str) for value in sanitized.values())
    assert sanitized["train_batch_size"] == 8
    assert sanitized["label_names"] == "['a']"


def test_repr_shows_what_was_said() -> None:
    args = TrainingArguments.from_dict({"output_dir": "out", "eval_strategy": "epoch"})
    assert repr(args) == str(args) == "TrainingArguments(output_dir='out', eval_strategy='epoch')"


def test_repr_shows_choices_as_they_are_written() -> None:
    args = TrainingArguments.from_dict({"report_to": ["jsonl", "plot"], "save_strategy": "no"})
    assert repr(args) == "TrainingArguments(report_to=['jsonl', 'plot'], save_strategy='no')"


def test_a_choice_is_its_value_everywhere() -> None:
    args = TrainingArguments.from_dict({"eval_strategy": "epoch"})
    assert args.eval_strategy == "epoch"
    assert args.eval_strategy is IntervalStrategy.EPOCH
    assert f"{args.eval_strategy}" == "epoch"
    assert args.eval_strategy in {"epoch"}


def test_a_hidden_secret_does_not_come_back_as_a_placeholder() -> None:
    args = TrainingArguments.from_dict({"push_to_hub": True, "hub_token": "hf_real"})
    assert args.hub_token is not None and args.hub_token.get_secret_value() == "hf_real"
    assert "hub_token" not in args.to_dict()
    assert TrainingArguments.from_dict({**args.to_dict(), "hub_token": "<HUB_TOKEN>"}).hub_token is None
    assert TrainingArguments.from_dict({**args.to_dict(), "hub_token": "**********"}).hub_token is None
    assert pickle.loads(pickle.dumps(args)).hub_token is None
    assert copy.deepcopy(args).hub_token == args.hub_token
    assert args.to_dict(secrets=True)["hub_token"] == "hf_real"


LEARNING = st.fixed_dictionaries(
    {},
    optional={
        "learning_rate": st.floats(0, 1, allow_nan=False),
        "num_train_epochs": st.floats(0, 1e6, allow_nan=False),
        "seed": st.integers(0, 2**32 - 1),
        "per_device_train_batch_size": st.integers(1, 10**6),
        "logging_steps": st.one_of(st.integers(1, 10**6), st.floats(0.001, 0.999)),
        "output_dir": st.text(st.characters(exclude_categories=("C", "Z")), min_size=1),
        "bf16": st.booleans(),
        "run_name": st.none() | st.text("abc-_/ü", min_size=1),
    },
)


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@given(LEARNING)
def test_any_document_survives_the_round_trip(document: dict[str, Any]) -> None:
    args = TrainingArguments.from_dict(document)
    assert TrainingArguments.from_json(args.to_json_string()) == args
    assert pickle.loads(pickle.dumps(args)) == args
