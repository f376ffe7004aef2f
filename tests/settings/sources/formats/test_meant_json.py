"""Text that begins as a mapping does is JSON, in every source; what is none is told of without a secret in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from trainspec import TrainingArguments, diagnostics, load

pytestmark = pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
MAPPINGS: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"lr_scheduler_type": "cosine_with_restarts"}, "lr_scheduler_kwargs", {"num_cycles": 3}),
    ({}, "accelerator_config", {"split_batches": True, "gradient_accumulation_kwargs": {"num_steps": 1}}),
    ({"gradient_checkpointing": True}, "gradient_checkpointing_kwargs", {"use_reentrant": False}),
    ({"fsdp": "full_shard"}, "fsdp_config", {"version": 1}),
    ({"use_liger_kernel": True}, "liger_kernel_config", {"rope": True}),
    ({}, "deepspeed", {"zero_optimization": {"stage": 2}}),
    ({"optim": "sgd"}, "optim_args", {"momentum": 0.9}),
    ({}, "parallelism_config", {"tp_size": 2}),
]
by_name = pytest.mark.parametrize(("beside", "name", "value"), MAPPINGS, ids=[row[1] for row in MAPPINGS])


@by_name
def test_it_says_what_the_mapping_says_in_every_source(beside: dict[str, Any], name: str, value: Any) -> None:
    text = json.dumps(value)
    expected = TrainingArguments.from_dict({**beside, name: value})
    said = [
        TrainingArguments(**beside, **{name: text}),
        TrainingArguments(**beside, **{name: f"\n {text} "}),
        TrainingArguments.from_dict({**beside, name: text}),
        TrainingArguments.from_yaml(json.dumps({**beside, name: text})),
        load(argv=[f"--{name}", text], environ={}, **beside),
        load(environ={f"TRAINSPEC_{name.upper()}": text}, **beside),
        TrainingArguments(**beside).replace(**{name: text}),
    ]
    assert said == [expected] * len(said)
    assert all(args.to_dict() == expected.to_dict() for args in said)
    assert getattr(said[2], name) == getattr(expected, name)


@by_name
def test_a_fault_inside_has_its_place(beside: dict[str, Any], name: str, value: Any) -> None:
    (fault,) = TrainingArguments.check({**beside, name: '{"use_reentrantt": 1}'}).errors
    assert fault.fields[0] == f"{name}.use_reentrantt"


@by_name
@pytest.mark.parametrize(
    ("text", "shown"),
    [("{'min_lr': 1e-6}", '{"min_lr": 1e-06}'), ("{'a': True, 'b': None}", '{"a": true, "b": null}'), ("{a: 1}", "{")],
)
def test_a_dict_of_python_is_shown_as_json(
    beside: dict[str, Any], name: str, value: Any, text: str, shown: str
) -> None:
    (fault,) = TrainingArguments.check({**beside, name: text}).errors
    assert fault.code == "VAL106"
    assert f"{name} is text that is not valid JSON" in fault.message
    assert fault.remedy.startswith("write JSON, with double quotes: " + shown)
    with pytest.raises(ValidationError) as caught:
        load(environ={f"TRAINSPEC_{name.upper()}": text}, **beside)
    (fault,) = diagnostics(caught.value)
    assert (fault.code, str(fault.source)) == ("VAL106", f"TRAINSPEC_{name.upper()} (environment)")


@pytest.mark.parametrize("name", ["lr_scheduler_kwargs", "gradient_checkpointing_kwargs", "liger_kernel_config"])
def test_pairs_are_shown_as_json(name: str) -> None:
    (fault,) = TrainingArguments.check({name: "num_cycles=3, last=x"}).errors
    assert fault.remedy == 'write JSON, with double quotes: {"num_cycles": 3, "last": "x"}'


@pytest.mark.parametrize(("name", "words"), [("report_to", "wandb, tensorboard"), ("label_names", "a")])
def test_words_in_brackets_are_shown_as_a_list(name: str, words: str) -> None:
    (fault,) = TrainingArguments.check({name: f"[{words}]"}).errors
    assert fault.remedy == f"write JSON, with double quotes: {json.dumps(words.split(', '))}"


def test_an_old_name_takes_it_too() -> None:
    args = TrainingArguments(activation_checkpointing_kwargs='{"use_reentrant": true}', gradient_checkpointing=True)
    assert args.gradient_checkpointing_kwargs.use_reentrant is True


@dataclass
class Lora:
    """What somebody's class has."""

    rank: int = 8


class Login(BaseModel):
    """Something with a secret in it."""

    user: str = ""
    token: SecretStr = SecretStr("")


@dataclass
class Own(TrainingArguments):
    """A class with mappings of its own."""

    lora: Lora | None = None
    login: Login | None = None
    extra: dict[str, int] = field(default_factory=dict)
    template: dict[str, Any] | str = ""


def test_mappings_of_a_users_own_class_take_it() -> None:
    text = {
        "lora": '{"rank": 4}',
        "login": '{"user": "a", "token": "hf_abc"}',
        "extra": '{"a": 1}',
        "template": '{"b": 2}',
    }
    for args in (Own(**text), Own.from_dict(text), load(Own, [f"--{name}={said}" for name, said in text.items()])):
        assert args.lora == Lora(4)
        assert args.login is not None
        assert args.login.token.get_secret_value() == "hf_abc"
        assert args.extra == {"a": 1}
        assert args.template == {"b": 2}


def test_a_template_that_takes_text_is_no_broken_json() -> None:
    assert Own(template="{name}: {value}").template == "{name}: {value}"


@pytest.mark.parametrize(
    "text",
    ['{"token": "hf_secret"', "{'token': 'hf_secret'}", '{"hf_secret": 1, "hf_secret": 2}', '{"token": hf_secret}'],
)
def test_broken_json_with_a_secret_in_it_is_named_and_not_shown(text: str) -> None:
    found = [*Own.check({"login": text}).errors]
    for environ, argv in (({"TRAINSPEC_LOGIN": text}, []), ({}, ["--login", text])):
        with pytest.raises(ValidationError) as caught:
            load(Own, argv, environ=environ)
        assert "hf_secret" not in str(caught.value)
        found += diagnostics(caught.value)
    assert [item.code for item in found] == ["VAL106"] * 3
    assert all("login is text that is not valid JSON" in item.message for item in found)
    assert not [item for item in found if "hf_secret" in item.render()]


def test_a_list_in_a_text_is_no_path() -> None:
    (fault,) = TrainingArguments.check({"deepspeed": "[1, 2]"}).errors
    assert (fault.code, fault.fields) == ("VAL101", ("deepspeed",))


def test_the_schema_takes_it() -> None:
    import jsonschema_rs

    validator = jsonschema_rs.validator_for(Own.model_json_schema())
    assert validator.is_valid(
        {"lora": '{"rank": 4}', "extra": "{}", "accelerator_config": ' {"split_batches": true}\n'}
    )
    assert not validator.is_valid({"lora": "rank=4"})
    assert not validator.is_valid({"accelerator_config": "{"})
