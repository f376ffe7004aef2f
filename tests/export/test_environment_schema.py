"""The schema of the environment and the loader take the same variables, as far as names and types go."""

import json
import warnings
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

import trainspec
from trainspec import TrainingArguments
from trainspec.export.environment_schema import render, variables
from trainspec.settings.judging.resolution import ARGUMENTS, argument_models

DRAFTS = ["7", "2020-12"]
SCHEMAS: dict[str, dict[str, Any]] = {draft: render(draft=draft) for draft in DRAFTS}  # type: ignore[arg-type]
VALIDATORS = {draft: jsonschema_rs.validator_for(schema) for draft, schema in SCHEMAS.items()}
NAMES = sorted(SCHEMAS["7"]["properties"])
# What the loader alone judges: bounds, what JSON holds, named files, rules across settings, two names of one setting.
LOADER_ALONE = {"VAL102", "VAL104", "VAL107", "SRC105", "SRC106", "SRC111", "SRC114", "REN103", "REN105"}
ELSEWHERE = {
    *("TRAINSPEC_CONFIG", "TRAINSPEC_ENV_FILE", "TRAINSPEC_SECRETS_DIR", "TRAINSPEC_SECRETS_FROM", "TRAINSPEC_TASK"),
    *("TRAINSPEC_LANG", "TRAINSPEC_SCHEMA_BASE"),
}


class Extended(TrainingArguments):
    """Settings of a team."""

    env_prefix = "ACME_"
    rank: int = 8
    api_key: SecretStr | None = None
    layers: list[int] | None = None


def codes(environ: dict[str, str], model: Any = TrainingArguments) -> set[str]:
    """The codes of what the loader finds wrong with an environment."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            trainspec.load(model, environ=environ)
        except ValidationError as error:
            return {item.code for item in trainspec.diagnostics(error) if item.severity == "error"}
    return set()


def taken(environ: dict[str, str]) -> bool:
    verdicts = {validator.is_valid(environ) for validator in VALIDATORS.values()}
    assert len(verdicts) == 1, "the two dialects differ"
    return verdicts.pop()


def differ(environ: dict[str, str]) -> str | None:
    """What is left unexplained between schema and loader, None where nothing is."""
    found = codes(environ)
    named_or_typed = {code for code in found if code.startswith(("VAL", "SRC", "REN"))} - LOADER_ALONE
    if taken(environ):
        return f"only the loader refuses {environ}: {found}" if named_or_typed else None
    return None if found else f"only the schema refuses {environ}"


@pytest.mark.parametrize("draft", DRAFTS)
def test_it_is_valid_by_its_metaschema(draft: str) -> None:
    {"7": jsonschema.Draft7Validator, "2020-12": jsonschema.Draft202012Validator}[draft].check_schema(SCHEMAS[draft])


@pytest.mark.parametrize("draft", DRAFTS)
def test_every_setting_is_a_described_string(draft: str) -> None:
    properties = SCHEMAS[draft]["properties"]
    assert properties.keys() >= {f"TRAINSPEC_{name.upper()}" for name in TrainingArguments.model_fields}
    for name, schema in properties.items():
        assert schema["type"] == "string" and schema["title"] and schema["description"], name


ACCEPTED: dict[str, dict[str, str]] = {
    "nothing at all": {},
    "variables of other programs": {"PATH": "/bin", "LOCAL_RANK": "0", "HF_TOKEN": "x"},
    "an empty variable is unset": {"TRAINSPEC_SEED": "", "TRAINSPEC_BF16": "  "},
    "a word of a switch in any case": {"TRAINSPEC_BF16": "Yes", "TRAINSPEC_DO_TRAIN": "ON"},
    "blanks around": {"TRAINSPEC_SEED": " 7 "},
    "a sign": {"TRAINSPEC_SEED": "+7", "TRAINSPEC_MAX_STEPS": "-1"},
    "numbers": {"TRAINSPEC_LEARNING_RATE": "3e-4", "TRAINSPEC_NUM_TRAIN_EPOCHS": "2.", "TRAINSPEC_WEIGHT_DECAY": ".1"},
    "a choice": {"TRAINSPEC_LR_SCHEDULER_TYPE": "cosine"},
    "a retired choice": {"TRAINSPEC_OPTIM": "adamw_hf"},
    "null": {"TRAINSPEC_SAVE_TOTAL_LIMIT": "NULL", "TRAINSPEC_DDP_BACKEND": "null"},
    "a list between commas": {"TRAINSPEC_REPORT_TO": "jsonl, plot,", "TRAINSPEC_LABEL_NAMES": "labels,start"},
    "a list as JSON": {"TRAINSPEC_REPORT_TO": '["jsonl", "plot"]'},
    "words of options": {"TRAINSPEC_FSDP": "full_shard auto_wrap"},
    "a mapping as JSON": {"TRAINSPEC_PARALLELISM_CONFIG": '{"tp_size": 2}'},
    "a nested key": {"TRAINSPEC_PARALLELISM_CONFIG__TP_SIZE": "2"},
    "a nested key over JSON": {
        "TRAINSPEC_PARALLELISM_CONFIG": '{"tp_size": 2}',
        "TRAINSPEC_PARALLELISM_CONFIG__CP_SIZE": "2",
    },
    "a key of a mapping without known keys": {"TRAINSPEC_GRADIENT_CHECKPOINTING_KWARGS__USE_REENTRANT": "false"},
    "an argument of the schedule": {"TRAINSPEC_LR_SCHEDULER_KWARGS__NUM_CYCLES": "2"},
    "an argument that is a list or a number": {"TRAINSPEC_LR_SCHEDULER_KWARGS__MIN_LR": "[1e-6, 0]"},
    "an argument that may be null for one": {"TRAINSPEC_LR_SCHEDULER_KWARGS__MIN_LR": "null"},
    "an argument of the optimizer": {"TRAINSPEC_OPTIM_ARGS__AMSGRAD": "true"},
    "the task's own": {"TRAINSPEC_TASK__WIDTH": "64", "TRAINSPEC_TASK": '{"depth": 2}'},
    "an old name": {"TRAINSPEC_NO_CUDA": "1", "TRAINSPEC_EVALUATION_STRATEGY": "no"},
    "an old name with an old meaning": {"TRAINSPEC_EVALUATE_DURING_TRAINING": "true"},
    "a removed switch that is off": {"TRAINSPEC_USE_IPEX": "False"},
    "an old key of a section": {"TRAINSPEC_FSDP_CONFIG__FSDP_FORWARD_PREFETCH": "false"},
    "a generation by its number": {"TRAINSPEC_FSDP_CONFIG__VERSION": "2"},
    "auto": {"TRAINSPEC_DEEPSPEED__GRADIENT_CLIPPING": "auto"},
}

REFUSED: dict[str, dict[str, str]] = {
    "a mistyped name": {"TRAINSPEC_LERNING_RATE": "1"},
    "a mistyped key": {"TRAINSPEC_FSDP_CONFIG__VERSIONS": "2"},
    "a key of what has none": {"TRAINSPEC_SEED__X": "1"},
    "an argument that nothing takes": {"TRAINSPEC_LR_SCHEDULER_KWARGS__MINLR": "1e-6"},
    "an argument of another type": {"TRAINSPEC_LR_SCHEDULER_KWARGS__MIN_LR": "low"},
    "a switch of the optimizer": {"TRAINSPEC_OPTIM_ARGS__NESTEROV": "maybe"},
    "arguments beside text": {"TRAINSPEC_OPTIM_ARGS": "momentum=0.9", "TRAINSPEC_OPTIM_ARGS__NESTEROV": "true"},
    "no switch": {"TRAINSPEC_BF16": "maybe"},
    "no whole number": {"TRAINSPEC_SEED": "1.5"},
    "below zero": {"TRAINSPEC_SEED": "-1"},
    "zero of a count": {"TRAINSPEC_PER_DEVICE_TRAIN_BATCH_SIZE": "00"},
    "below minus one": {"TRAINSPEC_LOCAL_RANK": "-2"},
    "a negative rate": {"TRAINSPEC_LEARNING_RATE": "-3e-4"},
    "no number": {"TRAINSPEC_LEARNING_RATE": "3e-4x"},
    "nan": {"TRAINSPEC_LEARNING_RATE": "nan"},
    "another case of a choice": {"TRAINSPEC_LR_SCHEDULER_TYPE": "Cosine"},
    "an item that is no choice": {"TRAINSPEC_REPORT_TO": "jsonl,plots"},
    "no null": {"TRAINSPEC_SEED": "null"},
    "a word for a mapping": {"TRAINSPEC_PARALLELISM_CONFIG": "tp_size=2"},
    "a removed switch that is on": {"TRAINSPEC_USE_IPEX": "true"},
    "a control character": {"TRAINSPEC_OUTPUT_DIR": "runs\n1"},
    "keys beside a path": {"TRAINSPEC_FSDP_CONFIG": "fsdp.json", "TRAINSPEC_FSDP_CONFIG__VERSION": "2"},
    "a secret twice": {"TRAINSPEC_HUB_TOKEN": "x", "TRAINSPEC_HUB_TOKEN_FILE": "/run/secrets/hub_token"},
}


@pytest.mark.parametrize("environ", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_both_take(environ: dict[str, str]) -> None:
    assert taken(environ) and not {code for code in codes(environ) if code[:3] in {"VAL", "SRC", "REN"}}


@pytest.mark.parametrize("environ", REFUSED.values(), ids=REFUSED.keys())
def test_both_refuse(environ: dict[str, str]) -> None:
    assert codes(environ) and not taken(environ)


def test_names_are_in_upper_case_though_the_loader_reads_any() -> None:
    assert codes({"trainspec_seed": "7"}) == set()
    assert not taken({"trainspec_seed": "7"})


def test_what_says_where_settings_are_found_is_a_path() -> None:
    assert taken({"TRAINSPEC_CONFIG": "run.yaml", "TRAINSPEC_ENV_FILE": ".env", "TRAINSPEC_SECRETS_DIR": "/secrets"})
    assert taken({"TRAINSPEC_SECRETS_FROM": "aws-sm://train/prod,gcp-sm://my-project?fields=hub_token"})
    assert not taken({"TRAINSPEC_CONFIG__A": "run.yaml"})


def test_values_are_text() -> None:
    assert not VALIDATORS["7"].is_valid({"TRAINSPEC_SEED": 7})


def test_old_names_are_marked() -> None:
    properties = SCHEMAS["7"]["properties"]
    assert (
        properties["TRAINSPEC_NO_CUDA"]["deprecated"] and properties["TRAINSPEC_PUSH_TO_HUB_TOKEN_FILE"]["deprecated"]
    )
    assert "deprecated" not in properties["TRAINSPEC_HUB_TOKEN_FILE"]


WORDS = ["", " ", "true", "No", "0", "-0", "1", "-1", "7", "1.5", "-2e-3", ".5", "1e400", "inf", "null", "None", "NONE"]
WORDS += ["auto", "steps", "epoch", "cosine", "adamw", "jsonl,plot", ",", "a,b", "full_shard", "offload,auto_wrap"]
WORDS += ["[]", "{}", '["labels"]', "[1", "a=1", "a\tb", "é", "inputs,loss", "false", "on", "group_by_length"]
TEXTS = st.sampled_from(WORDS) | st.text(st.sampled_from("0123456789eE+-._ ,\ttruefalsnoN[]{}"), max_size=8)
# The loader reads them more closely than a pattern can: options apart by blanks or by commas, and just two betas.
CLOSER = ("TRAINSPEC_FSDP", "TRAINSPEC_DEBUG", "__BETAS")


@given(st.sampled_from(sorted(set(NAMES) - ELSEWHERE)), TEXTS)
def test_schema_and_loader_agree_on_one_variable(name: str, text: str) -> None:
    if name == "TRAINSPEC_WARMUP_STEPS" and not codes({name: text}):
        return  # a share is warmup_ratio in transformers 5.x, and the schema leaves it out
    if text.strip().startswith(("{", "[")) or name.endswith("_FILE") or name.endswith(CLOSER):
        assert taken({name: text}) or codes({name: text})
    else:
        assert differ({name: text}) is None


UNKNOWN = {"SRC101", "SCH201", "OPT201"}
TYPED = [
    (f"TRAINSPEC_{chooser.upper()}", choice.value, f"TRAINSPEC_{name.upper()}__{key.upper()}", info)
    for name, (chooser, _) in ARGUMENTS.items()
    for choice, section in argument_models(name).items()
    for key, info in section.model_fields.items()
]


def test_the_example_of_every_argument_is_taken() -> None:
    for chooser, choice, name, info in TYPED:
        example = info.examples[0]
        shown = {chooser: choice, name: example if isinstance(example, str) else json.dumps(example)}
        assert taken(shown) and not {code for code in codes(shown) if code[3] == "2"}, shown


@given(st.sampled_from(TYPED), TEXTS)
def test_the_schema_refuses_no_argument_that_the_loader_takes(typed: tuple[str, str, str, Any], text: str) -> None:
    chooser, choice, name, _ = typed
    assert taken({chooser: choice, name: text}) or codes({chooser: choice, name: text})


@given(st.sampled_from(NAMES), st.sampled_from(["X", "_X", "__X", "S", ""]), st.integers(0, 3))
def test_schema_and_loader_agree_on_names(name: str, tail: str, cut: int) -> None:
    mutated = name[: len(name) - cut] + tail
    if mutated not in ELSEWHERE and not mutated.endswith(("_FILE", "_DIR")):
        refused = {code for code in codes({mutated: "1"}) if code[:3] == "VAL" or code in UNKNOWN}
        known = VALIDATORS["7"].is_valid({mutated: ""})
        assert known or refused


def test_a_subclass_has_its_own_prefix_fields_and_secrets() -> None:
    schema = json.loads(json.dumps(render(Extended)))
    validator = jsonschema_rs.validator_for(schema)
    assert validator.is_valid({"ACME_RANK": "8", "ACME_API_KEY": "x", "TRAINSPEC_RANK": "x", "ACME_LAYERS": "1, 2"})
    assert validator.is_valid({"ACME_API_KEY_FILE": "/run/secrets/key"})
    for wrong in ({"ACME_RANK": "x"}, {"ACME_RANKS": "8"}, {"ACME_LAYERS": "1,x"}):
        assert not validator.is_valid(wrong)
        assert codes(wrong, Extended)


def test_no_variable_is_listed_twice() -> None:
    names = [one.name for one in variables(TrainingArguments)]
    assert len(names) == len(set(names))
