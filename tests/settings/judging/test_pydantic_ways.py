"""pydantic's own ways of making, copying and writing models, each with the judgement of ours."""

from typing import Annotated, Any, Generic, TypeVar

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, create_model

from trainspec import TrainingArguments, diagnostics
from trainspec.settings.values.choices import OptimizerNames

CANARY = "canary-of-pydantic"
SAID: dict[str, Any] = {
    "learning_rate": 1e-3,
    "lr_scheduler_type": "cosine",
    "fsdp": ["full_shard", "auto_wrap"],
    "fsdp_config": {"min_num_params": 3},
    "push_to_hub": True,
    "hub_token": CANARY,
}
T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    item: T


@pytest.fixture
def args() -> TrainingArguments:
    return TrainingArguments.from_dict(SAID)


TEXTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "number": ({"learning_rate": "1e-3"}, {"learning_rate": 0.001}),
    "boolean": ({"bf16": "yes"}, {"bf16": True}),
    "list": ({"report_to": "jsonl,plot"}, {"report_to": ["jsonl", "plot"]}),
    "list as JSON": ({"report_to": '["jsonl", "plot"]'}, {"report_to": ["jsonl", "plot"]}),
    "null": ({"save_total_limit": "null"}, {"save_total_limit": None}),
    "keys": (
        {"fsdp": "full_shard auto_wrap", "fsdp_config": {"min_num_params": "3"}},
        {"fsdp": "full_shard auto_wrap", "fsdp_config": {"min_num_params": 3}},
    ),
    "mapping as JSON": (
        {"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": '{"power": 2.0}'},
        {"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"power": 2.0}},
    ),
    "what another setting chooses": (
        {"lr_scheduler_type": "cosine_with_restarts", "lr_scheduler_kwargs": {"num_cycles": "2"}},
        {"lr_scheduler_type": "cosine_with_restarts", "lr_scheduler_kwargs": {"num_cycles": 2}},
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_strings_are_read_as_from_the_environment(case: str) -> None:
    strings, said = TEXTS[case]
    assert TrainingArguments.model_validate_strings(strings).to_dict() == said
    assert TypeAdapter(dict[str, TrainingArguments]).validate_strings({"a": strings})["a"].to_dict() == said
    assert Box[TrainingArguments].model_validate_strings({"item": strings}).item.to_dict() == said


def test_faults_in_strings() -> None:
    with pytest.raises(ValidationError) as caught:
        TrainingArguments.model_validate_strings({"learning_rate": "x", "lerning_rate": "3", "hub_token": CANARY})
    assert {item.code for item in diagnostics(caught.value)} == {"SRC102", "VAL101"}
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("text", ['{"hub_token": "%s"', '{"hub_token": "%s"}}', "%s", '{"hub_token": %s}'])
def test_of_json_that_cannot_be_read_nothing_is_shown(text) -> None:
    for said in (text % CANARY, (text % CANARY).encode()):
        with pytest.raises(ValidationError, match=r"the document is not valid JSON: .* at line 1 column") as caught:
            TrainingArguments.model_validate_json(said)
        assert [item.code for item in diagnostics(caught.value)] == ["SRC107"]
        assert CANARY not in f"{caught.value}{caught.value.errors()}"


def test_a_choice_as_text_where_strict_is_asked_for() -> None:
    with pytest.raises(
        ValidationError, match="optim must be a member of OptimizerNames where strict=True is asked for"
    ):
        TrainingArguments.model_validate({"optim": "adamw_torch"}, strict=True)
    made = TrainingArguments.model_validate({"optim": OptimizerNames.ADAMW_TORCH, "seed": 3}, strict=True)
    assert made.to_dict() == {"optim": "adamw_torch", "seed": 3}
    assert TrainingArguments.model_validate_json('{"optim": "adamw_torch"}', strict=True).optim == "adamw_torch"


def test_input_is_shown_as_it_was_written() -> None:
    document = {"learning_rate": "3e-4", "seed": 1.5, "report_to": ["wandb", 3], "hub_token": [CANARY], "bf16": "é\n"}
    with pytest.raises(ValidationError) as caught:
        TrainingArguments.from_dict(document)
    shown = {line["loc"][0]: line["input"] for line in caught.value.errors()}
    assert shown["learning_rate"] == "3e-4" and shown["seed"] == 1.5 and shown["report_to"] == ["wandb", 3]
    assert shown["bf16"] == "é" and CANARY not in str(shown)
    assert "input_value='3e-4'" in str(caught.value)


def test_input_of_a_broken_rule_names_each_value() -> None:
    with pytest.raises(ValidationError) as caught:
        TrainingArguments.from_dict({"bf16": True, "fp16": True})
    assert caught.value.errors()[0]["input"] == {"bf16": True, "fp16": True}


def test_a_copy_with_an_update_is_judged(args: TrainingArguments) -> None:
    changed = args.model_copy(update={"learning_rate": 1e-4})
    assert changed.learning_rate == 1e-4 and args.learning_rate == 1e-3
    assert changed.provenance["learning_rate"].overrode[0].value == "0.001"
    assert changed.hub_token.get_secret_value() == CANARY  # type: ignore[union-attr]
    assert changed == args.replace(learning_rate=1e-4)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("update", "code"),
    [({"learning_rate": -1}, "VAL102"), ({"lerning_rate": 1}, "SRC102"), ({"bf16": True, "fp16": True}, "PRE101")],
)
def test_a_copy_is_never_invalid(args: TrainingArguments, update: dict[str, Any], code: str, deep: bool) -> None:
    with pytest.raises(ValidationError) as caught:
        args.model_copy(update=update, deep=deep)
    assert [item.code for item in diagnostics(caught.value)] == [code]


def test_copies_shallow_and_deep(args: TrainingArguments) -> None:
    assert args.model_copy() == args and args.model_copy().fsdp_config is args.fsdp_config
    assert args.model_copy(deep=True) == args and args.model_copy(deep=True).fsdp_config is not args.fsdp_config
    deep = args.model_copy(update={"seed": 3}, deep=True)
    assert deep.seed == 3 and deep.fsdp_config is not args.fsdp_config
    assert args.model_copy(update={}).origin is args.origin


def test_dumps_read_back(args: TrainingArguments) -> None:
    said = args.model_dump(exclude_unset=True)
    assert TrainingArguments.model_validate(said) == args
    assert TrainingArguments.model_validate(said).hub_token.get_secret_value() == CANARY  # type: ignore[union-attr]
    text = args.model_dump_json(exclude_unset=True)
    assert CANARY not in text and TrainingArguments.model_validate_json(text) == args
    assert TrainingArguments.model_validate(args.model_dump(mode="json", exclude_unset=True)) == args


@pytest.mark.filterwarnings("ignore::trainspec.settings.diagnostics.SettingsWarning")
def test_whole_dumps_read_back(args: TrainingArguments) -> None:
    for back in (
        TrainingArguments.model_validate(args.model_dump()),
        TrainingArguments.model_validate_json(args.model_dump_json()),
    ):
        assert back.to_dict(derived=True) == args.to_dict(derived=True)


def test_models_around_it(args: TrainingArguments) -> None:
    assert Box[TrainingArguments](item={"seed": 3}).item.seed == 3
    assert Box[TrainingArguments](item=args).item is args
    back = Box[TrainingArguments].model_validate_json(Box(item=args).model_dump_json(exclude_unset=True))
    assert back.item == args
    with pytest.raises(ValidationError) as caught:
        Box[TrainingArguments](item={"seed": "3"})
    assert caught.value.errors()[0]["loc"] == ("item", "seed")


def test_adapters() -> None:
    adapter = TypeAdapter(list[TrainingArguments])
    assert [one.seed for one in adapter.validate_python([{"seed": 3}, {}])] == [3, 42]
    with pytest.raises(ValidationError) as caught:
        adapter.validate_json('[{"seed": 3}, {"sede": 1}]')
    assert caught.value.errors()[0]["loc"] == (1, "sede")
    annotated = TypeAdapter(Annotated[TrainingArguments, Field(description="of this run")])
    assert annotated.validate_python({"seed": 3}).seed == 3


def test_classes_made_by_create_model(monkeypatch: pytest.MonkeyPatch) -> None:
    made = create_model("Made", __base__=TrainingArguments, width=(int, 3), tags=(list[str], []))
    assert made.from_dict({"width": 5, "seed": 2}).to_dict() == {"width": 5, "seed": 2}
    with pytest.raises(ValidationError):
        made.from_dict({"width": "5"})
    monkeypatch.setenv("TRAINSPEC_WIDTH", "7")
    monkeypatch.setenv("TRAINSPEC_TAGS", "a,b")
    assert made().to_dict() == {"width": 7, "tags": ["a", "b"]}


def test_model_construct_judges_nothing() -> None:
    built = TrainingArguments.model_construct(seed=3, learning_rate="x")
    assert built.to_dict() == {"seed": 3, "learning_rate": "x"} and built.provenance["seed"].value == "3"
