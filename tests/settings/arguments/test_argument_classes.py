"""Argument classes as scripts write them work: in every source, in copies, dumps, the schema, the help and explain."""

import copy
import dataclasses
import json
import pickle
import warnings
from typing import Any

import pytest
from pydantic import ValidationError
from tests.settings.arguments import argument_classes as classes
from tests.settings.arguments.argument_classes import CLASSES

from trainspec import HfArgumentParser, SettingsParser, TrainingArguments, diagnostics, load
from trainspec.export.env_template import render as env_template
from trainspec.export.json_schema import settings_schema

NEEDED: dict[type, dict[str, Any]] = {classes.KeywordArguments: {"dataset": "d"}}


def made(cls: type[Any], **settings: Any) -> Any:
    return cls(output_dir="out", **NEEDED.get(cls, {}), **settings)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_there_are_many() -> None:
    assert len(CLASSES) >= 25


@pytest.mark.parametrize("cls", CLASSES)
class TestEvery:
    def test_it_is_made_and_reads_its_defaults(self, cls: type[Any]) -> None:
        warnings.simplefilter("default")  # a default of a class may have no effect, which one is told
        args = made(cls)
        assert args.output_dir == "out"
        shown = {one.name: one for one in dataclasses.fields(args) if one.init}
        assert shown.keys() == cls.model_fields.keys() > TrainingArguments.model_fields.keys()

    def test_it_is_replaced_and_copied_with_every_setting(self, cls: type[Any]) -> None:
        warnings.simplefilter("ignore")
        args = made(cls, weight_decay=0.25)
        for other in (dataclasses.replace(args, seed=3), args.replace(seed=3), args.__replace__(seed=3)):
            assert (other.weight_decay, other.seed, other.output_dir) == (0.25, 3, "out")
            assert other == args.replace(seed=3)
        for other in (copy.copy(args), copy.deepcopy(args), pickle.loads(pickle.dumps(args))):
            assert other == args and vars(other).keys() == vars(args).keys()

    def test_its_dump_reads_back(self, cls: type[Any]) -> None:
        warnings.simplefilter("ignore")
        args = made(cls, weight_decay=0.25)
        assert cls.from_json(json.dumps(args.to_dict())) == args

    def test_it_is_a_flag_a_variable_and_a_property_of_the_schema(self, cls: type[Any]) -> None:
        new = cls.model_fields.keys() - TrainingArguments.model_fields.keys()
        schema, said = settings_schema(cls)["properties"], SettingsParser(cls).format_help()
        template = env_template(cls)
        for name in new:
            assert name in schema and f"--{name}" in said.replace("--[no_]", "--")
            assert f"TRAINSPEC_{name.upper()}" in template

    def test_the_parsers_of_both_libraries_agree(self, cls: type[Any]) -> None:
        transformers = pytest.importorskip("transformers")
        warnings.simplefilter("ignore")
        if cls in (classes.EmbeddingArguments, classes.TwoPhaseArguments):
            pytest.skip(
                "their own unions and tuples are nothing that transformers' parser takes, of its classes either"
            )
        needed = [f"--{name}={value}" for name, value in NEEDED.get(cls, {}).items()]
        words = ["--output_dir", "out", "--weight_decay", "0.25", "--seed", "7", *needed]
        (theirs,) = transformers.HfArgumentParser(cls).parse_args_into_dataclasses(words)
        (ours,) = HfArgumentParser(cls).parse_args_into_dataclasses(words, look_for_args_file=False)
        assert theirs == ours


REDEFINED: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "a float": (classes.SupervisedConfig, {"learning_rate": 2e-5, "logging_steps": 10, "gradient_checkpointing": True}),
    "through a subclass": (classes.RewardConfig, {"learning_rate": 1e-4, "gradient_checkpointing": True}),
    "a choice": (classes.VisionArguments, {"optim": "adamw_torch", "model_max_length": 512, "bits": 16}),
    "many": (
        classes.QuantArguments,
        {"optim": "paged_adamw_32bit", "lr_scheduler_type": "constant", "save_steps": 250},
    ),
    "a count": (classes.InstructArguments, {"seed": 8, "num_train_epochs": 2}),
    "a list": (classes.DistillationArguments, {"report_to": ["jsonl"], "log_level": "info"}),
    "without the decorator": (classes.UndecoratedArguments, {"weight_decay": 0.1, "lora_rank": 8, "extra": []}),
    "of a mixin": (classes.SwiftArguments, {"target_modules": ["all-linear"], "dataset_seed": 42}),
}


@pytest.mark.parametrize(("cls", "expected"), REDEFINED.values(), ids=REDEFINED)
def test_a_redefined_default_holds_everywhere(
    cls: type[Any], expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings.simplefilter("ignore")
    properties, faces = settings_schema(cls)["properties"], {one.name: one for one in dataclasses.fields(cls)}
    monkeypatch.setenv("TRAINSPEC_WARMUP_STEPS", "3")
    (parsed,) = SettingsParser(cls).parse_args([])
    for args in (cls(), cls.from_dict({}), load(cls, []), parsed):
        assert {name: getattr(args, name) for name in expected} == expected
    for name, value in expected.items():
        assert getattr(cls, name) == value
        assert properties[name]["default"] == value
        assert value in (faces[name].default, faces[name].default_factory is not dataclasses.MISSING and value)


def test_a_setting_with_another_default_stays_the_setting_it_is() -> None:
    with pytest.raises(ValidationError) as caught:
        classes.QuantArguments.from_dict({"optim": "adamw_torhc", "learning_rate": -1, "logging_steps": True})
    assert [item.code for item in diagnostics(caught.value)] == ["VAL101", "VAL103", "VAL102"] or {
        item.code for item in diagnostics(caught.value)
    } == {"VAL101", "VAL102", "VAL103"}
    assert "did you mean adamw_torch" in str(caught.value)
    assert (
        classes.QuantArguments.model_fields["optim"].description == TrainingArguments.model_fields["optim"].description
    )


def test_a_setting_may_be_none_where_its_class_says_so() -> None:
    assert classes.SwiftArguments(output_dir=None, model="m").output_dir == "output/m"
    assert classes.SwiftArguments("o", tuner_type="full").learning_rate == 1e-5
    assert classes.ChatArguments(min_lr=None).min_lr is None
    assert classes.SupervisedConfig(bf16=None).bf16 is True


def test_what_a_class_computes_stays_with_it() -> None:
    args = classes.FinetuningArguments("out", lora_target="q, v", stage="rm")
    assert (args.target_modules, args.use_ref_model, args.lora_alpha) == (["q", "v"], True, 16)
    assert (args.compute_dtype, args.device_map) == ("bfloat16", None)
    assert "target_modules" not in args.to_dict() and "compute_dtype" not in classes.FinetuningArguments.model_fields
    assert copy.deepcopy(args).target_modules == ["q", "v"]
    assert dataclasses.replace(args, lora_target="k").target_modules == ["k"]
    assert classes.RayTrainingArguments("out", ray_init_kwargs='{"a": 1}').ray_init_kwargs == {"a": 1}


def test_an_init_only_argument_is_no_setting() -> None:
    assert classes.ScaledArguments("out", lr_scale=3.0).scaled_by == 3.0
    assert classes.ScaledArguments.from_dict({}).scaled_by == 1.0
    assert "lr_scale" not in classes.ScaledArguments.model_fields
    with pytest.raises(ValidationError, match="lr_scale matches no setting"):
        classes.ScaledArguments.from_dict({"lr_scale": 3.0})


def test_what_a_class_refuses_itself_is_a_diagnostic_without_secrets() -> None:
    with pytest.raises(ValidationError) as caught:
        classes.InstructArguments(reduce_loss="sum", clip_grad_norm=1.0, hub_key="canary")
    assert [item.code for item in diagnostics(caught.value)] == ["VAL106"]
    assert "InstructArguments: sums are not clipped" in str(caught.value)
    assert "canary" not in str(caught.value) + str(caught.value.errors())


def test_choices_hold_in_every_source(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    cls = classes.SupervisedConfig
    for read in (lambda: cls(loss_type="nlll"), lambda: cls.from_dict({"loss_type": "nlll"})):
        with pytest.raises(
            ValidationError, match=r'loss_type must be one of nll, dft, not "nlll"(.|\n)*did you mean nll'
        ):
            read()
    with pytest.raises(SystemExit):
        SettingsParser(cls).parse_args(["--loss_type", "nlll"])
    assert "did you mean nll?" in capsys.readouterr().err
    monkeypatch.setenv("TRAINSPEC_LOSS_TYPE", "dftt")
    with pytest.raises(ValidationError, match=r"TRAINSPEC_LOSS_TYPE(.|\n)*did you mean dft"):
        cls()
    assert settings_schema(cls)["properties"]["loss_type"]["enum"] == ["nll", "dft"]
    assert cls.model_json_schema()["properties"]["loss_type"]["enum"] == ["nll", "dft"]
    assert "one of nll, dft; default" in SettingsParser(cls).format_help()
