"""`trainspec explain`: all there is to know of a setting, under every name it has or had."""

import json
from collections.abc import Callable

import pytest

from trainspec import TrainingArguments

FACTS: dict[str, tuple[str, list[str]]] = {
    "a number": (
        "learning_rate",
        [
            "type        a finite number >= 0",
            "default     5e-05",
            "flag        --learning_rate X",
            "variable    TRAINSPEC_LEARNING_RATE",
            "example     learning_rate: ",
        ],
    ),
    "a choice": ("eval_strategy", ["one of no, steps, epoch", "evaluate_during_training, evaluation_strategy"]),
    "more choices than its type names": ("optim", ["choices     adamw_torch, adamw_torch_fused, ", "muon"]),
    "a list of many choices": ("report_to", ["choices     ", "tensorboard, ", "plot"]),
    "a switch": ("bf16", ["rules       PRE101 bf16-with-fp16"]),
    "a switch that is on": ("save_safetensors", ["flag        --[no_]save_safetensors"]),
    "a derived one": ("eval_steps", ["follows     from logging_steps where it is not set"]),
    "a mapping": ("fsdp_config", ["keys        min_num_params, transformer_layer_cls_to_wrap"]),
    "a key of a mapping": (
        "fsdp_config.min_num_params",
        ["--fsdp_config.min_num_params N", "TRAINSPEC_FSDP_CONFIG__MIN_NUM_PARAMS", "fsdp_config: {min_num_params: "],
    ),
    "a secret": ("hub_token", ["text (a secret), or null", "default     none"]),
    "retired values": ("optim", ["old values  adamw_hf"]),
    "an old name": ("evaluation_strategy", ["eval_strategy  Evaluation", "evaluation_strategy is its old name"]),
    "dashes": ("learning-rate", ["learning_rate  Optimizer"]),
    "a variable": ("TRAINSPEC_FSDP_CONFIG__VERSION", ["fsdp_config.version  Distributed"]),
}


@pytest.mark.parametrize(("name", "texts"), FACTS.values(), ids=FACTS)
def test_a_setting(run: Callable, name: str, texts: list[str]) -> None:
    code, out, err = run("explain", name)
    assert (code, err) == (0, "")
    assert all(text in out for text in texts), out


def test_every_setting_can_be_explained(run: Callable) -> None:
    data = json.loads(run("explain", "--format", "json").out)
    assert [item["name"] for item in data["settings"]] == list(TrainingArguments.field_kinds())
    assert all(item["description"] and item["group"] and item["type"] for item in data["settings"])


def test_without_a_name_all_are_listed_by_group(run: Callable) -> None:
    lines = run("explain").out.splitlines()
    assert lines[0] == "Output"
    assert {line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "} == set(
        TrainingArguments.field_kinds()
    )
    assert max(map(len, lines)) <= 100


def test_keys_of_a_free_mapping_have_no_facts(run: Callable) -> None:
    assert run("explain", "lr_scheduler_kwargs.num_cycles").code == 2
