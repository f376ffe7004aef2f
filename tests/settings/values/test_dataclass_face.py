"""Settings answer to `dataclasses` and `copy` with every setting, and keep attributes that are none."""

import copy
import dataclasses
import pickle
import warnings
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError, create_model

from trainspec import OptimizerNames, TrainingArguments, diagnostics


@dataclass
class Mine(TrainingArguments):
    width: int = field(default=8, metadata={"help": "How wide.", "aliases": ["-w"]})
    tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.area = self.width**2


BOTH = pytest.mark.parametrize("cls", [TrainingArguments, Mine])


@BOTH
def test_every_setting_is_a_field(cls: type[Any]) -> None:
    assert dataclasses.is_dataclass(cls) and dataclasses.is_dataclass(cls())
    found = {one.name: one for one in dataclasses.fields(cls)}
    assert list(found) == list(cls.model_fields) == [one.name for one in dataclasses.fields(cls())]
    assert (found["learning_rate"].default, found["learning_rate"].metadata["help"]) == (5e-5, "Initial learning rate.")
    assert found["include_for_metrics"].default_factory() == []


@BOTH
def test_replace_keeps_what_was_said_and_only_that(cls: type[Any]) -> None:
    args = cls("out", learning_rate=1e-3, logging_steps=7, eval_strategy="steps", hub_token="hf", push_to_hub=True)
    for other in (dataclasses.replace(args, seed=3), args.replace(seed=3), args.__replace__(seed=3)):
        assert other.model_fields_set == args.model_fields_set | {"seed"}
        assert (other.learning_rate, other.eval_steps, other.seed, type(other)) == (1e-3, 7, 3, cls)
        assert other.hub_token.get_secret_value() == "hf"
        assert str(other.provenance["eval_steps"]) == "7  (derived from logging_steps)"
        assert str(other.provenance["learning_rate"].source) == "constructor"
    assert dataclasses.replace(args, eval_strategy="no").eval_strategy == "no"
    assert args.seed == 42


@BOTH
def test_replace_judges(cls: type[Any]) -> None:
    for change, code in (({"sead": 3}, "SRC102"), ({"seed": -3}, "VAL102"), ({"bf16": True, "fp16": True}, "PRE101")):
        with pytest.raises(ValidationError) as caught:
            dataclasses.replace(cls(), **change)
        assert code in [item.code for item in diagnostics(caught.value)]


@BOTH
def test_asdict_and_astuple_have_every_setting(cls: type[Any]) -> None:
    args = cls("out", learning_rate=1e-3, report_to=["jsonl"], hub_token="canary", push_to_hub=True)
    everything = dataclasses.asdict(args)
    assert list(everything) == list(cls.model_fields) and len(dataclasses.astuple(args)) == len(everything)
    assert (everything["learning_rate"], everything["optim"]) == (1e-3, OptimizerNames.ADAMW_TORCH)
    assert "canary" not in str(everything)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cls(**everything) == args


def test_a_call_with_everything_says_what_is_not_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SEED", "7")
    everything = dataclasses.asdict(TrainingArguments.from_dict({"learning_rate": 1e-3}))
    args = TrainingArguments(**everything)
    assert (args.model_fields_set, args.seed) == ({"seed", "learning_rate"}, 7)


DEFAULTS: dict[str, Any] = {
    "learning_rate": 5e-5,
    "optim": "adamw_torch",
    "include_for_metrics": [],
    "do_eval": None,
    "eval_steps": None,
    "hub_token": None,
    "output_dir": "trainer_output",
}


@pytest.mark.parametrize(("name", "default"), DEFAULTS.items())
def test_a_default_is_read_from_the_class(name: str, default: Any) -> None:
    assert getattr(TrainingArguments, name) == getattr(Mine, name) == default


def test_a_default_of_a_class_further_down() -> None:
    class Child(Mine):
        width: int = 9
        learning_rate: float = 1e-3

    class Grandchild(Child):
        pass

    assert (Child.width, Child.learning_rate, Child.tags, Mine.width) == (9, 1e-3, [], 8)
    assert (Grandchild.width, Grandchild().learning_rate, Grandchild.from_dict({}).width) == (9, 1e-3, 9)
    Mine.tags.append("x")
    assert Mine.tags == []


def test_what_is_not_there_is_not_read() -> None:
    class Needy(TrainingArguments):
        must: int

    for cls, name in ((TrainingArguments, "learning_rat"), (Needy, "must"), (Mine, "_private")):
        with pytest.raises(AttributeError, match=name):
            getattr(cls, name)


def test_pydantic_makes_the_same_of_subclasses() -> None:
    made = create_model("Made", __base__=Mine, depth=(int, 3))
    assert made(depth=4, width=2).depth == 4 and made.model_fields["learning_rate"].metadata
    built = dataclasses.make_dataclass("Built", [("depth", int, 3)], bases=(TrainingArguments,))
    assert built(depth=4, seed=1).depth == 4

    class App(BaseModel):
        args: Mine

    assert App(args={"width": 3}).args.width == 3  # type: ignore[arg-type]


def test_attributes_of_a_class_of_ones_own_stay() -> None:
    args = Mine(width=3)
    args.started = ["now"]  # type: ignore[attr-defined]
    for other in (copy.copy(args), copy.deepcopy(args), pickle.loads(pickle.dumps(args))):
        assert (other.area, other.started) == (9, ["now"])
    args.seed = 5
    assert args.area == 9 and args == Mine(width=3, seed=5)
    assert "area" not in args.to_dict(derived=True) and "area" not in args.model_dump() and "area" not in repr(args)
    # As with dataclasses: a new object, whose own work is done anew.
    assert dataclasses.replace(args, width=4).area == 16 and not hasattr(args.replace(width=4), "started")


@pytest.mark.parametrize("name", ["learning_rat", "lerning_rate", "bf_16", "warmup_step", "seeed"])
def test_a_setting_with_a_slip_in_its_name_is_no_attribute(name: str) -> None:
    for args in (Mine(), TrainingArguments()):
        with pytest.raises(AttributeError, match=f"has no setting '{name}'; did you mean"):
            setattr(args, name, 1)


@pytest.mark.parametrize("name", ["distributed_state", "target_modules", "run", "model", "lr", "device_map", "extra"])
def test_other_names_are_attributes_of_subclasses_alone(name: str) -> None:
    args = Mine()
    setattr(args, name, 1)
    assert getattr(args, name) == 1
    with pytest.raises(AttributeError, match=f"has no setting '{name}'"):
        setattr(TrainingArguments(), name, 1)


def test_a_name_near_a_setting_is_an_attribute_where_it_is_declared() -> None:
    @dataclass
    class Sweep(TrainingArguments):
        seeds: Any = field(init=False)
        found: list[int] = field(init=False, default_factory=list)

        def __post_init__(self) -> None:
            self.seeds = [1, 2]
            self.found.append(1)

    assert (Sweep().seeds, Sweep().found, "seeds" in Sweep.model_fields) == ([1, 2], [1], False)
    with pytest.raises(ValidationError, match="seeds matches no setting"):
        Sweep.from_dict({"seeds": [3]})
