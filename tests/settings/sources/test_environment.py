"""Variables: every setting can be set by one, in every way its type is written; none of ours is passed over."""

from __future__ import annotations

from typing import Any

import pytest
from tests.settings.samples import BESIDE, FIELDS, as_text, fields_of, sample

from trainspec import SettingsDeprecationWarning, TrainingArguments


def codes(verdict: Any) -> list[str]:
    return [item.code for item in verdict.diagnostics]


def values(verdict: Any, *names: str) -> dict[str, Any]:
    assert verdict.ok, verdict.diagnostics
    return {name: verdict.settings.__dict__[name] for name in names}


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_by_a_variable_equals_the_constructor(name, judge):
    value, beside = sample(name), BESIDE.get(name, {})
    by_variable = judge({f"TRAINSPEC_{name.upper()}": as_text(value)}, **beside)
    by_argument = judge({}, **{**beside, name: value})
    assert by_variable.ok and by_argument.ok, (by_variable.errors, by_argument.errors)
    assert by_variable.settings == by_argument.settings
    assert by_variable.settings.__dict__[name] == by_argument.settings.__dict__[name]
    assert name in by_variable.settings.model_fields_set
    assert [item.code for item in by_variable.warnings] == [item.code for item in by_argument.warnings]


SWITCH_WORDS = {
    **dict.fromkeys(("true", "True", "TRUE", "1", "yes", "YES", "on", "On", " true "), True),
    **dict.fromkeys(("false", "False", "FALSE", "0", "no", "No", "off", "OFF", "\tfalse\n"), False),
}


@pytest.mark.parametrize(("text", "meaning"), SWITCH_WORDS.items(), ids=repr)
def test_words_of_a_switch(text, meaning, judge):
    assert values(judge({"TRAINSPEC_BF16": text}), "bf16") == {"bf16": meaning}


@pytest.mark.parametrize("name", fields_of("switch"))
@pytest.mark.parametrize("text", ["2", "y", "t", "enabled", "1.0", "-1", "nein"])
def test_other_words_are_no_switch(name, text, judge):
    verdict = judge({f"TRAINSPEC_{name.upper()}": text})
    assert [item.code for item in verdict.errors] == ["VAL101"]
    assert verdict.errors[0].source.name == f"TRAINSPEC_{name.upper()}"


NUMBERS = {
    "an exponent": ("LEARNING_RATE", "5e-5", 5e-5),
    "no digit before the point": ("LEARNING_RATE", ".5", 0.5),
    "no digit after the point": ("LEARNING_RATE", "1.", 1.0),
    "a whole number for a float": ("NUM_TRAIN_EPOCHS", "2", 2.0),
    "an integer": ("SEED", "7", 7),
    "a sign": ("SEED", "+7", 7),
    "leading zeros": ("SEED", "007", 7),
    "a negative bound": ("MAX_STEPS", "-1", -1),
    "a count": ("SAVE_STEPS", "250", 250),
    "a fraction": ("SAVE_STEPS", "0.25", 0.25),
}


@pytest.mark.parametrize(("name", "text", "value"), NUMBERS.values(), ids=NUMBERS)
def test_numbers(name, text, value, judge):
    found = judge({f"TRAINSPEC_{name}": text}).settings.__dict__[name.lower()]
    assert (found, type(found)) == (value, type(value))


NO_NUMBERS = {
    "8.0 for an integer": ("SEED", "8.0", "VAL101"),
    "an exponent for an integer": ("SEED", "1e3", "VAL101"),
    "underscores": ("SEED", "1_000", "VAL101"),
    "a comma": ("LEARNING_RATE", "1,5", "VAL101"),
    "hexadecimal": ("SEED", "0x10", "VAL101"),
    "other digits": ("SEED", "٣", "VAL101"),
    "a boolean": ("LEARNING_RATE", "true", "VAL101"),
    "nan": ("LEARNING_RATE", "nan", "VAL104"),
    "inf": ("MAX_GRAD_NORM", "inf", "VAL104"),
    "-Infinity": ("WARMUP_RATIO", "-Infinity", "VAL104"),
    "too large to be finite": ("LEARNING_RATE", "1e999", "VAL104"),
    "below its bound": ("SEED", "-1", "VAL102"),
    "at an open bound": ("ADAM_BETA1", "1", "VAL102"),
    "a float interval above one": ("SAVE_STEPS", "1.5", "VAL102"),
    "thousands of digits": ("SEED", "9" * 5000, "VAL101"),
}


@pytest.mark.parametrize(("name", "text", "code"), NO_NUMBERS.values(), ids=NO_NUMBERS)
def test_what_is_no_number_there(name, text, code, judge):
    assert codes(judge({f"TRAINSPEC_{name}": text})) == [code]


LISTS = {
    "commas": ("LABEL_NAMES", "labels,start", ["labels", "start"]),
    "commas and blanks": ("LABEL_NAMES", " labels , start ,", ["labels", "start"]),
    "one": ("LABEL_NAMES", "labels", ["labels"]),
    "JSON": ("LABEL_NAMES", '["labels", "a,b"]', ["labels", "a,b"]),
    "empty JSON": ("INCLUDE_FOR_METRICS", "[]", []),
    "choices": ("INCLUDE_FOR_METRICS", "inputs,loss", ["inputs", "loss"]),
    "one or several: one": ("REPORT_TO", "none", "none"),
    "one or several: several": ("REPORT_TO", "jsonl,plot", ["jsonl", "plot"]),
    "options as words": ("FSDP", "full_shard auto_wrap", "full_shard auto_wrap"),
    "options by commas": ("FSDP", "full_shard,auto_wrap", ["full_shard", "auto_wrap"]),
    "a switch where a list is due too": ("FSDP", "true", True),
}


@pytest.mark.parametrize(("name", "text", "value"), LISTS.values(), ids=LISTS)
def test_lists(name, text, value, judge):
    assert values(judge({f"TRAINSPEC_{name}": text}), name.lower()) == {name.lower(): value}


ODD_TYPES = {
    "no is a strategy": ("EVAL_STRATEGY", "no", "no"),
    "no is a count of tokens": ("INCLUDE_NUM_INPUT_TOKENS_SEEN", "no", "no"),
    "but off is a switch there": ("INCLUDE_NUM_INPUT_TOKENS_SEEN", "off", False),
    "latest is a checkpoint": ("RESUME_FROM_CHECKPOINT", "latest", "latest"),
    "true resumes": ("RESUME_FROM_CHECKPOINT", "true", True),
    "a path that reads as a number": ("RESUME_FROM_CHECKPOINT", "1", "1"),
    "text that reads as a number": ("RUN_NAME", "007", "007"),
    "text that reads as a boolean": ("RUN_NAME", "true", "true"),
    "null for what may be unset": ("SAVE_TOTAL_LIMIT", "null", None),
    "None likewise": ("METRIC_FOR_BEST_MODEL", "None", None),
    "arguments as text": ("OPTIM_ARGS", "amsgrad=true", "amsgrad=true"),
}


@pytest.mark.parametrize(("name", "text", "value"), ODD_TYPES.values(), ids=ODD_TYPES)
def test_fields_of_several_types(name, text, value, judge):
    found = values(judge({f"TRAINSPEC_{name}": text}), name.lower())[name.lower()]
    assert (found, isinstance(found, bool)) == (value, isinstance(value, bool))


FSDP = {"TRAINSPEC_FSDP": "full_shard"}
NESTED = {
    "a key": ({"__MIN_NUM_PARAMS": "1000"}, {"min_num_params": 1000}),
    "lower case": ({"__min_num_params": "1000"}, {"min_num_params": 1000}),
    "the old prefix": ({"__FSDP_MIN_NUM_PARAMS": "1000"}, {"min_num_params": 1000}),
    "a list": ({"__TRANSFORMER_LAYER_CLS_TO_WRAP": "A,B"}, {"transformer_layer_cls_to_wrap": ["A", "B"]}),
    "JSON": ({"": '{"min_num_params": 5, "forward_prefetch": true}'}, {"min_num_params": 5, "forward_prefetch": True}),
    "a key over JSON": (
        {"": '{"min_num_params": 5, "forward_prefetch": true}', "__MIN_NUM_PARAMS": "7"},
        {"min_num_params": 7, "forward_prefetch": True},
    ),
    "a switch": ({"__FORWARD_PREFETCH": "on"}, {"forward_prefetch": True}),
    "empty is unset": ({"__MIN_NUM_PARAMS": "", "__VERSION": "2"}, {"version": 2}),
}


@pytest.mark.parametrize(("variables", "said"), NESTED.values(), ids=NESTED)
def test_nested(variables, said, judge):
    verdict = judge(FSDP | {f"TRAINSPEC_FSDP_CONFIG{name}": text for name, text in variables.items()})
    assert verdict.ok, verdict.errors
    assert verdict.settings.to_dict()["fsdp_config"] == said


def test_nested_in_nested(judge):
    verdict = judge({"TRAINSPEC_DEEPSPEED__ZERO_OPTIMIZATION__STAGE": "3"})
    assert verdict.settings.to_dict() == {"deepspeed": {"zero_optimization": {"stage": 3}}}


def test_nested_arguments_get_the_type_of_the_chosen_optimizer_and_can_be_dumped(judge):
    verdict = judge({"TRAINSPEC_OPTIM": "sgd", "TRAINSPEC_OPTIM_ARGS__MOMENTUM": "0.9"})
    assert verdict.settings.to_dict() == {"optim": "sgd", "optim_args": {"momentum": 0.9}}
    assert TrainingArguments.from_dict(verdict.settings.to_dict()) == verdict.settings


NESTED_FAULTS = {
    "unknown key": ({"FSDP_CONFIG__MIN_NUM_PARAM": "1"}, "VAL107", "FSDP_CONFIG__MIN_NUM_PARAM", "min_num_params"),
    "wrong type": ({"FSDP_CONFIG__VERSION": "x"}, "VAL103", "FSDP_CONFIG__VERSION", ""),
    "below a number": ({"SEED__X": "1"}, "VAL101", "SEED__X", ""),
    "below nothing": ({"SED__X": "1"}, "SRC101", "SED__X", ""),
    "below a reserved name": ({"CONFIG__X": "1"}, "SRC101", "CONFIG__X", "TRAINSPEC_CONFIG"),
    "a key over a path": ({"FSDP_CONFIG": "x.json", "FSDP_CONFIG__VERSION": "2"}, "SRC113", "FSDP_CONFIG", "unset"),
    "a key below a value": (
        {"DEEPSPEED__ZERO_OPTIMIZATION": "2", "DEEPSPEED__ZERO_OPTIMIZATION__STAGE": "2"},
        "SRC113",
        "DEEPSPEED__ZERO_OPTIMIZATION",
        "unset",
    ),
    "no key": ({"FSDP_CONFIG__": "1"}, "VAL107", "FSDP_CONFIG__", ""),
    "broken JSON": ({"PARALLELISM_CONFIG": '{"tp_size": 2'}, "VAL106", "PARALLELISM_CONFIG", "write JSON"),
    "JSON with a key twice": (
        {"PARALLELISM_CONFIG": '{"tp_size": 2, "tp_size": 3}'},
        "VAL106",
        "PARALLELISM_CONFIG",
        "",
    ),
    "JSON with NaN": ({"LR_SCHEDULER_KWARGS": '{"power": NaN}'}, "VAL106", "LR_SCHEDULER_KWARGS", ""),
    "JSON is strict": ({"PARALLELISM_CONFIG": '{"tp_size": "2"}'}, "VAL101", "PARALLELISM_CONFIG", ""),
}


@pytest.mark.parametrize(("variables", "code", "cited", "remedy"), NESTED_FAULTS.values(), ids=NESTED_FAULTS)
def test_nested_faults_cite_their_variable(variables, code, cited, remedy, judge):
    errors = judge(FSDP | {f"TRAINSPEC_{name}": text for name, text in variables.items()}).errors
    found = [item for item in errors if item.code == code]
    assert found, errors
    assert found[0].source.name == f"TRAINSPEC_{cited}"
    assert remedy in found[0].remedy


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
def test_empty_is_unset(text, judge):
    assert judge({"TRAINSPEC_SEED": text}).settings.model_fields_set == set()
    assert judge({"TRAINSPEC_NO_SUCH": text, "TRAINSPEC_CONFIG": text, "TRAINSPEC_ENV_FILE": text}).ok


@pytest.mark.parametrize(
    "name",
    [
        "LOCAL_RANK",
        "RANK",
        "WORLD_SIZE",
        "MASTER_ADDR",
        "TORCHELASTIC_RUN_ID",
        "PET_NNODES",
        "TRAINSPEC",
        "XTRAINSPEC_SEED",
    ],
)
def test_variables_of_others_are_left_alone(name, judge):
    verdict = judge({name: "3"})
    assert verdict.settings.model_fields_set == set() and not verdict.diagnostics


def test_names_in_lower_case_are_the_same_variable(judge):
    verdict = judge({"trainspec_seed": "3"})
    assert verdict.settings.seed == 3
    assert verdict.settings.provenance["seed"].source.name == "trainspec_seed"


BOTH = ["trainspec_seed", "TRAINSPEC_SEED"]


def test_two_spellings_of_one_variable_are_refused_only_when_they_differ(judge):
    assert judge({"trainspec_seed": "3", "TRAINSPEC_SEED": "3"}).settings.seed == 3
    (error,) = judge({"trainspec_seed": "3", "TRAINSPEC_SEED": "4"}).errors
    assert (error.code, [item.source.name for item in error.evidence]) == (
        "SRC113",
        ["trainspec_seed", "TRAINSPEC_SEED"],
    )


UNKNOWN = {
    "a letter too few": ("TRAINSPEC_LEARNNG_RATE", "TRAINSPEC_LEARNING_RATE"),
    "lower case": ("trainspec_learnng_rate", "TRAINSPEC_LEARNING_RATE"),
    "dashes": ("TRAINSPEC_EVAL-STEPS", "TRAINSPEC_EVAL_STEPS"),
    "where settings are found": ("TRAINSPEC_CONFG", "TRAINSPEC_CONFIG"),
    "secret managers": ("TRAINSPEC_SECRET_FROM", "TRAINSPEC_SECRETS_FROM"),
    "a secret's file": ("TRAINSPEC_HUB_TOKN_FILE", "TRAINSPEC_HUB_TOKEN_FILE"),
    "a file of what is no secret": ("TRAINSPEC_LEARNING_RATE_FILE", "TRAINSPEC_LEARNING_RATE"),
    "nothing like it": ("TRAINSPEC_QQQQ", None),
    "the prefix alone": ("TRAINSPEC_", None),
}


@pytest.mark.parametrize(("name", "nearest"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_variable_is_an_error_with_the_nearest_name(name, nearest, judge):
    (error,) = judge({name: "hf_canary"}).errors
    assert (error.code, error.source.name) == ("SRC101", name)
    assert error.message.startswith(f"{name} matches no setting")
    assert f"did you mean {nearest}?" in error.remedy if nearest else "did you mean" not in error.remedy
    assert "hf_canary" not in error.render()


def test_a_deprecated_variable_works_with_one_warning(monkeypatch):
    monkeypatch.setenv("TRAINSPEC_EVALUATION_STRATEGY", "epoch")
    with pytest.warns(SettingsDeprecationWarning) as caught:
        assert TrainingArguments().eval_strategy == "epoch"
    (warning,) = caught
    assert warning.message.diagnostic.code == "REN101"
    assert "TRAINSPEC_EVALUATION_STRATEGY" in str(warning.message) and "eval_strategy" in str(warning.message)
    assert warning.filename == __file__


def test_the_constructor_wins_over_variables_and_reads_them_each_time(monkeypatch):
    monkeypatch.setenv("TRAINSPEC_SEED", "1")
    monkeypatch.setenv("TRAINSPEC_LEARNING_RATE", "1e-3")
    args = TrainingArguments(seed=2)
    assert (args.seed, args.learning_rate) == (2, 1e-3)
    entry = args.provenance["seed"]
    assert [(item.value, item.source.name) for item in entry.overrode] == [("1", "TRAINSPEC_SEED")]
    monkeypatch.setenv("TRAINSPEC_LEARNING_RATE", "1e-2")
    assert TrainingArguments().learning_rate == 1e-2
