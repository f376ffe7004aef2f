"""The command line as a source: every spelling, every fault at once, and no value of an unknown flag shown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from trainspec import TrainingArguments, diagnostics, load
from trainspec.settings.diagnostics import Diagnostic
from trainspec.settings.sources.command_line import command_line_layer

CANARY = "canary-9f8e7d6c"


def read(line: str) -> tuple[dict[str, Any], list[Diagnostic]]:
    layer, found = command_line_layer(TrainingArguments, line.split())
    return layer.values, found


def codes(line: str) -> list[str]:
    return [item.code for item in read(line)[1]]


SPELLINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "a value behind": ("--learning_rate 3e-4", {"learning_rate": 3e-4}),
    "a value after equals": ("--learning_rate=3e-4", {"learning_rate": 3e-4}),
    "dashes": ("--learning-rate 3e-4", {"learning_rate": 3e-4}),
    "dashes and underscores": ("--per-device_train-batch_size=4", {"per_device_train_batch_size": 4}),
    "a switch alone": ("--bf16", {"bf16": True}),
    "a switch with a word": ("--bf16 true", {"bf16": True}),
    "a switch turned off with a word": ("--bf16 false", {"bf16": False}),
    "a switch in capitals": ("--bf16 True", {"bf16": True}),
    "a switch with a number": ("--bf16=1", {"bf16": True}),
    "a switch before another flag": ("--bf16 --seed 1", {"bf16": True, "seed": 1}),
    "no_": ("--no_save_safetensors", {"save_safetensors": False}),
    "no-": ("--no-save-safetensors", {"save_safetensors": False}),
    "an optional switch alone": ("--tf32", {"tf32": True}),
    "an optional switch off": ("--no_tf32", {"tf32": False}),
    "an optional switch back to unset": ("--tf32 null", {"tf32": None}),
    "a switch or a path, alone": ("--resume_from_checkpoint", {"resume_from_checkpoint": True}),
    "a switch or a path, as a path": ("--resume_from_checkpoint a/b", {"resume_from_checkpoint": "a/b"}),
    "a negative number": ("--max_steps -1", {"max_steps": -1}),
    "a negative number after equals": ("--max_steps=-1", {"max_steps": -1}),
    "a choice": ("--eval_strategy epoch", {"eval_strategy": "epoch"}),
    "a list of words": ("--label_names a b", {"label_names": ["a", "b"]}),
    "a list of one": ("--label_names a", {"label_names": ["a"]}),
    "a list with commas": ("--label_names a,b c", {"label_names": ["a", "b", "c"]}),
    "a list as JSON": ('--label_names ["a","b"]', {"label_names": ["a", "b"]}),
    "a name or a list of names": ("--report_to jsonl plot", {"report_to": ["jsonl", "plot"]}),
    "options": ("--fsdp full_shard auto_wrap", {"fsdp": ["full_shard", "auto_wrap"]}),
    "the same again": ("--seed 1 --seed=1", {"seed": 1}),
    "a nested key": ("--fsdp_config.min_num_params 1000", {"fsdp_config": {"min_num_params": 1000}}),
    "a nested key with underscores": ("--fsdp_config__min_num_params 9", {"fsdp_config": {"min_num_params": 9}}),
    "a nested key with dashes": ("--fsdp-config.min-num-params=9", {"fsdp_config": {"min_num_params": 9}}),
    "a nested switch": ("--fsdp_config.forward_prefetch", {"fsdp_config": {"forward_prefetch": True}}),
    "a nested switch off": ("--no_fsdp_config.use_orig_params", {"fsdp_config": {"use_orig_params": False}}),
    "a nested list": (
        "--fsdp_config.transformer_layer_cls_to_wrap A B",
        {"fsdp_config": {"transformer_layer_cls_to_wrap": ["A", "B"]}},
    ),
    "a mapping as JSON": ('--fsdp_config {"version":1}', {"fsdp_config": {"version": 1}}),
    "JSON and a key over it": (
        '--fsdp_config {"version":1} --fsdp_config.min_num_params 5',
        {"fsdp_config": {"version": 1, "min_num_params": 5}},
    ),
    "arguments of a schedule": ("--lr_scheduler_kwargs.num_cycles 2", {"lr_scheduler_kwargs": {"num_cycles": "2"}}),
    "a path for a mapping": ("--deepspeed ds.json", {"deepspeed": "ds.json"}),
    "an empty text": ("--debug=", {"debug": ""}),
    "a value that begins with a dash": ("--run_name=-x-", {"run_name": "-x-"}),
    "a value that begins with two dashes": ("--run_name=--x", {"run_name": "--x"}),
}


@pytest.mark.parametrize(("line", "values"), SPELLINGS.values(), ids=SPELLINGS)
def test_a_spelling_says(line: str, values: dict[str, Any]) -> None:
    assert read(line) == (values, [])


# What is given again -> what holds, and what the warning shows of it, the last first; a warning only where one is lost.
AGAIN: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "a number": ("--seed 1 --seed 2", {"seed": 2}, ["2", "1"]),
    "three times": ("--seed 1 --seed 2 --seed=3", {"seed": 3}, ["3", "2", "1"]),
    "the same number": ("--learning_rate 1e-3 --learning-rate 0.001", {"learning_rate": 0.001}, []),
    "a value that is none": ("--seed x --seed 2", {"seed": 2}, ["2", '"x"']),
    "on and off": ("--bf16 --no_bf16", {"bf16": False}, ["false", "true"]),
    "on and on": ("--bf16 --bf16 true", {"bf16": True}, []),
    "a list": ("--label_names a b --label_names c", {"label_names": ["c"]}, ['["c"]', '["a", "b"]']),
    "the same list": ("--label_names a,b --label_names a b", {"label_names": ["a", "b"]}, []),
    "a name or a list": ("--report_to jsonl --report_to none", {"report_to": "none"}, ['["none"]', '["jsonl"]']),
    "a secret": (f"--hub_token {CANARY} --hub_token x", {"hub_token": "x"}, ["**********"] * 2),
    "keys": ("--fsdp_config.version 1 --fsdp_config.version 2", {"fsdp_config": {"version": 2}}, ["2", "1"]),
    "two keys": (
        "--fsdp_config.version 1 --fsdp_config.min_num_params 2",
        {"fsdp_config": {"version": 1, "min_num_params": 2}},
        [],
    ),
    "a key over JSON": (
        '--fsdp_config {"version":1} --fsdp_config.version 2',
        {"fsdp_config": {"version": 2}},
        ["2", "1"],
    ),
    "JSON over JSON": (
        '--fsdp_config {"version":1} --fsdp_config {"min_num_params":2}',
        {"fsdp_config": {"min_num_params": 2}},
        ['{"min_num_params": 2}', '{"version": 1}'],
    ),
}


@pytest.mark.parametrize(("line", "values", "shown"), AGAIN.values(), ids=AGAIN)
def test_the_last_of_several_flags_holds_and_what_is_lost_is_said(
    line: str, values: dict[str, Any], shown: list[str]
) -> None:
    said, found = read(line)
    assert said == values
    assert [(item.code, item.severity) for item in found] == [("SRC117", "warning")] * bool(shown)
    assert [evidence.value for item in found for evidence in item.evidence] == shown
    assert CANARY not in "".join(map(str, found))


def test_every_setting_says_what_a_later_flag_takes_from_it() -> None:
    """Whatever a setting takes, two words that mean different things are one warning."""
    for name in TrainingArguments.model_fields:
        said, found = read(f"--{name}=0.25 --{name}=0.75")
        assert "SRC117" in [item.code for item in found], name
        assert "0.25" not in str(said.get(name)), name


OLD_NAMES: dict[str, tuple[str, dict[str, Any]]] = {
    "a switch": ("--no_cuda", {"use_cpu": True}),
    "a choice": ("--evaluation_strategy steps", {"eval_strategy": "steps"}),
    "a switch that became a value": ("--adafactor", {"optim": "adafactor"}),
    "a key of a mapping": ("--fsdp_min_num_params 7", {"fsdp_config": {"min_num_params": 7}}),
}


@pytest.mark.parametrize(("line", "values"), OLD_NAMES.values(), ids=OLD_NAMES)
def test_an_old_name_works_with_a_warning(line: str, values: dict[str, Any]) -> None:
    said, found = read(line)
    assert said == values
    assert [(item.code, item.severity) for item in found] == [("REN101", "warning")]


FAULTS: dict[str, tuple[str, list[str]]] = {
    "an unknown flag": ("--leraning_rate 3", ["SRC103"]),
    "an unknown flag with equals": ("--leraning_rate=3", ["SRC103"]),
    "an unknown short flag": ("-x 3", ["SRC103"]),
    "a key inside a number": ("--learning_rate.x 3", ["SRC103"]),
    "an unknown flag twice": ("--nope 1 --nope 2", ["SRC103"]),
    "no value": ("--seed", ["SRC112"]),
    "no value before a flag": ("--seed --bf16", ["SRC112"]),
    "an empty list": ("--label_names", ["SRC112"]),
    "a value where none is": ("--no_bf16=1", ["SRC112"]),
    "a stray word": ("stray", ["SRC112"]),
    "a stray word behind a switch": ("--bf16 maybe", ["SRC112"]),
    "words behind two dashes": ("-- a b", ["SRC112"]),
    "a path and a key inside": ("--fsdp_config f.json --fsdp_config.version 1", ["SRC113"]),
    "a removed name": ("--mp_parameters x", ["REN102"]),
    "all at once": ("stray --nope --seed --no_bf16=1", ["SRC103", "SRC112", "SRC112", "SRC112"]),
}


@pytest.mark.parametrize(("line", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_fault_has_a_code(line: str, expected: list[str]) -> None:
    assert codes(line) == expected


SUGGESTIONS = {
    "--leraning_rate": "did you mean --learning_rate?",
    "--leraning-rate": "did you mean --learning-rate?",
    "--no_save_safetensor": "did you mean --no_save_safetensors?",
    "--fsdp_confg.min_num_params": "did you mean --fsdp_config.min_num_params?",
    "--BF16": "did you mean --bf16?",
    "--resume": "did you mean --resume_from_checkpoint?",
    "--warmup": "did you mean --warmup_ratio or --warmup_steps?",
    "--zzzzzz": "correct the name; --help lists them",
}


@pytest.mark.parametrize(("flag", "remedy"), SUGGESTIONS.items(), ids=SUGGESTIONS)
def test_the_nearest_flag_is_suggested_in_the_same_spelling(flag: str, remedy: str) -> None:
    assert [item.remedy for item in read(f"{flag} 1")[1]] == [remedy]


def test_a_value_cites_its_flag_as_written() -> None:
    args = load(TrainingArguments, ["--learning-rate", "3e-4", "--no_save_safetensors"], environ={})
    assert str(args.provenance["learning_rate"].source) == "--learning-rate (command line)"
    assert str(args.provenance["save_safetensors"].source) == "--no_save_safetensors (command line)"


def test_a_wrong_value_is_a_fault_of_its_flag() -> None:
    with pytest.raises(ValidationError) as caught:
        load(TrainingArguments, ["--seed", "x", "--bf16=maybe"], environ={})
    found = diagnostics(caught.value)
    assert {item.code for item in found} == {"VAL101"}
    assert {str(item.source) for item in found} == {"--seed (command line)", "--bf16 (command line)"}


def test_a_secret_is_read_and_not_shown() -> None:
    args = load(TrainingArguments, ["--hub_token", CANARY], environ={})
    assert args.hub_token == SecretStr(CANARY)
    assert CANARY not in str(args.provenance["hub_token"]) + repr(args)


@pytest.mark.parametrize(
    "line",
    [f"--hub_toke {CANARY}", f"--hub_toke={CANARY}", CANARY, f"--bf16 {CANARY}", f"--nope a {CANARY}", f"-{CANARY}"],
)
def test_what_no_flag_takes_is_never_shown(line: str) -> None:
    found = read(line)[1]
    assert found
    assert CANARY not in "".join(item.render() + repr(item.to_dict()) for item in found)


WORDS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["--", "-", "---", "--=", "--bf16", "--no_bf16", "--fsdp_config.", "--fsdp_config..x", "-1", "[", "{"]
    ),
    st.builds("--{}={}".format, st.sampled_from(sorted(TrainingArguments.field_kinds())), st.text(max_size=8)),
    st.sampled_from(sorted(TrainingArguments.field_kinds())).map("--{}".format),
    st.just(CANARY),
)


@given(st.lists(WORDS, max_size=8))
def test_any_words_are_values_or_diagnostics(argv: list[str]) -> None:
    layer, found = command_line_layer(TrainingArguments, argv)
    assert layer.values.keys() <= TrainingArguments.field_kinds().keys()
    assert all(item.render() for item in found)
