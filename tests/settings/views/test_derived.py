"""What follows from what the user said is read under the same names, and never written into the document."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec import DebugOption, FSDPOption, TrainingArguments
from trainspec.settings.views.derived import DERIVATIONS, exact, interval_updates, warmup_updates

CASES: list[tuple[str, dict[str, Any], str, Any]] = [
    ("run_name from output_dir", {"output_dir": "runs/a"}, "run_name", "runs/a"),
    ("run_name as said", {"output_dir": "runs/a", "run_name": "b"}, "run_name", "b"),
    ("eval_steps from logging_steps", {"logging_steps": 20}, "eval_steps", 20),
    ("eval_steps from a fraction", {"logging_steps": 0.1}, "eval_steps", 0.1),
    ("eval_steps as said", {"eval_strategy": "steps", "eval_steps": 7}, "eval_steps", 7),
    ("data_seed from seed", {"seed": 9}, "data_seed", 9),
    ("data_seed as said", {"data_seed": 0}, "data_seed", 0),
    ("do_eval from eval_strategy", {"eval_strategy": "epoch"}, "do_eval", True),
    ("do_eval without evaluation", {}, "do_eval", False),
    ("do_eval as said", {"do_eval": True}, "do_eval", True),
    ("no metric without need", {}, "metric_for_best_model", None),
    (
        "metric for load_best",
        {"load_best_model_at_end": True, "eval_strategy": "epoch", "save_strategy": "epoch"},
        "metric_for_best_model",
        "loss",
    ),
    (
        "metric for plateau",
        {"lr_scheduler_type": "reduce_lr_on_plateau", "eval_strategy": "epoch"},
        "metric_for_best_model",
        "loss",
    ),
    (
        "direction of loss",
        {"lr_scheduler_type": "reduce_lr_on_plateau", "eval_strategy": "epoch"},
        "greater_is_better",
        False,
    ),
    (
        "direction of a metric",
        {
            "load_best_model_at_end": True,
            "eval_strategy": "epoch",
            "save_strategy": "epoch",
            "metric_for_best_model": "accuracy",
        },
        "greater_is_better",
        True,
    ),
    ("no direction without metric", {}, "greater_is_better", None),
    ("backend switches compile on", {"torch_compile_backend": "eager"}, "torch_compile", True),
    ("mode switches compile on", {"torch_compile_mode": "reduce-overhead"}, "torch_compile", True),
    ("compile has a backend", {"torch_compile": True}, "torch_compile_backend", "inductor"),
    ("no backend without compile", {}, "torch_compile_backend", None),
    ("fsdp true", {"fsdp": True}, "fsdp", [FSDPOption.FULL_SHARD]),
    ("fsdp words", {"fsdp": "full_shard auto_wrap"}, "fsdp", [FSDPOption.FULL_SHARD, FSDPOption.AUTO_WRAP]),
    ("fsdp commas", {"fsdp": "full_shard,auto_wrap"}, "fsdp", [FSDPOption.FULL_SHARD, FSDPOption.AUTO_WRAP]),
    ("fsdp empty", {"fsdp": ""}, "fsdp", []),
    ("debug words", {"debug": "underflow_overflow"}, "debug", [DebugOption.UNDERFLOW_OVERFLOW]),
    ("report_to none", {"report_to": "none"}, "report_to", []),
    ("report_to one name", {"report_to": "jsonl"}, "report_to", ["jsonl"]),
    ("report_to default", {}, "report_to", ["all"]),
    ("hub id from a local folder", {"push_to_hub": True, "output_dir": "runs/digits/"}, "hub_model_id", "digits"),
    ("hub id from a URL", {"push_to_hub": True, "output_dir": "s3://bucket/a/b"}, "hub_model_id", "b"),
    ("no hub id without push", {"output_dir": "runs/digits"}, "hub_model_id", None),
    ("schedule arguments typed", {"lr_scheduler_kwargs": None}, "lr_scheduler_kwargs", {}),
    (
        "optimizer arguments from text",
        {"optim": "sgd", "optim_args": "momentum=0.9, nesterov=true"},
        "optim_args",
        {"momentum": 0.9, "nesterov": True},
    ),
]


@pytest.mark.parametrize(("document", "name", "value"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_derived_value_holds_and_the_document_stays(document: dict[str, Any], name: str, value: Any) -> None:
    args = TrainingArguments.check(document).settings
    assert getattr(args, name) == value
    assert args.to_dict() == document
    assert args.model_fields_set == set(document)


def test_compile_stays_off_when_said_to_be_off() -> None:
    args = TrainingArguments.check({"torch_compile": False, "torch_compile_backend": "eager"}).settings
    assert args.torch_compile is False


@pytest.mark.parametrize("name", DERIVATIONS)
def test_a_derivation_names_settings_that_exist(name: str) -> None:
    assert {name, *DERIVATIONS[name].follows_from} <= TrainingArguments.model_fields.keys()


@given(st.integers(1, 999), st.integers(1, 10**7))
def test_a_fraction_is_the_decimal_that_was_written(thousandths: int, total: int) -> None:
    written = thousandths / 1000
    assert interval_updates(written, total) == -(-thousandths * total // 1000) or total * thousandths < 1000
    assert warmup_updates(0, written, total) == -(-thousandths * total // 1000)


@given(st.integers(1, 10**6), st.integers(0, 10**7))
def test_a_count_is_a_count(count: int, total: int) -> None:
    assert interval_updates(count, total) == count
    assert warmup_updates(count, 0.5, total) == count


def test_an_interval_is_at_least_one_update() -> None:
    assert interval_updates(0.001, 10) == 1
    assert exact(0.1) * 10 == 1
