"""A class is described once, anew when it is rebuilt, and its description goes when it goes."""

from __future__ import annotations

import dataclasses
import gc
import pickle
import weakref
from typing import Any

import pytest
from pydantic import BaseModel, Field

from trainspec import Rule, Settings, TrainingArguments
from trainspec.settings.rules.conditions import Above
from trainspec.settings.sections.fsdp import FSDPConfig
from trainspec.settings.values.shape import shape_of


class Model(BaseModel):
    width: int = Field(3, ge=1)
    depth: int | None = None


@dataclasses.dataclass
class Script:
    name: str = dataclasses.field(metadata={"help": "Its name.", "aliases": ["-n"]})
    fast: bool
    sizes: list[int] = dataclasses.field(default_factory=list)


class Mine(Settings):
    rank: int = 8
    too_many = Rule(code="ACME101", name="n", message="m", reason="r", fix="f", when=Above("rank", 9))


class Further(Mine):
    extra: bool = False


DESCRIBED = [TrainingArguments, Mine, Further, Model, FSDPConfig, Script]


@pytest.mark.parametrize("model", DESCRIBED, ids=lambda model: model.__name__)
def test_a_class_is_described_once(model: type[Any]) -> None:
    assert shape_of(model) is shape_of(model)
    assert shape_of(model).model is model and shape_of(model).kinds.keys() == shape_of(model).fields.keys()


def test_every_fact_is_there() -> None:
    shape = shape_of(Script)
    assert (shape.name, shape.settings, dict(shape.aliases)) == ("Script", None, {"-n": "name"})
    assert shape.fields["name"].description == "Its name." and shape.fields["name"].is_required()
    assert shape.defaults["fast"] is False and shape.defaults["sizes"] == []
    assert shape.lenient == {"fast", "sizes"} and shape.rules == () and shape.secrets == set()
    of_settings = shape_of(Mine)
    assert of_settings.settings is Mine and [rule.code for rule in of_settings.rules] == ["ACME101"]
    assert of_settings.judge({"rank": 10}, {"rank"}, None) == [(0, None)]
    assert shape_of(TrainingArguments).resolvable >= {"deepspeed", "optim_args"}


def test_a_subclass_has_a_shape_of_its_own() -> None:
    assert "extra" not in shape_of(Mine).fields and "extra" in shape_of(Further).fields
    assert Further.rules() == Mine.rules() == shape_of(Further).rules


def test_what_is_no_model_has_none() -> None:
    for other in (int, Model(), 3):
        with pytest.raises(TypeError):
            shape_of(other)  # type: ignore[arg-type]


def test_a_shape_cannot_be_changed() -> None:
    shape: Any = shape_of(Mine)
    with pytest.raises(dataclasses.FrozenInstanceError):
        shape.secrets = frozenset({"rank"})
    with pytest.raises(TypeError):
        shape.kinds["rank"] = None


@pytest.mark.parametrize("base", [Settings, BaseModel], ids=lambda base: base.__name__)
def test_a_name_found_later_is_described_when_the_class_is_rebuilt(base: Any) -> None:
    body = {"__annotations__": {"wanted": "list[Later] | None"}, "wanted": None, "__module__": __name__}
    cls = type(base)("Early", (base,), body)
    assert shape_of(cls).kinds["wanted"].items is None
    cls.model_rebuild(_types_namespace={"Later": int})
    items = shape_of(cls).kinds["wanted"].items
    assert items is not None and items.integer


@pytest.mark.parametrize("base", [Settings, BaseModel], ids=lambda base: base.__name__)
def test_a_field_that_was_changed_is_described_when_the_class_is_rebuilt(base: Any) -> None:
    body = {"__annotations__": {"width": int}, "width": 1, "__module__": __name__}
    cls = type(base)("Changing", (base,), body)
    cls.model_validate({"width": 2})
    assert shape_of(cls).defaults["width"] == 1 and shape_of(cls).kinds["width"].integer
    cls.model_fields["width"].annotation = str
    cls.model_fields["width"].default = "wide"
    cls.model_rebuild(force=True)
    assert shape_of(cls).defaults["width"] == "wide" and shape_of(cls).kinds["width"].text
    assert cls.model_validate({"width": "2"}).width == "2"


def test_a_class_that_waits_to_be_built_is_not_described_twice() -> None:
    body = {"__annotations__": {"width": int}, "width": 1, "__module__": __name__}
    cls: Any = type(Settings)("Waiting", (Settings,), body, defer_build=True)
    before = shape_of(cls)
    assert cls.from_dict({"width": 2}).width == 2
    assert shape_of(cls).kinds is before.kinds and shape_of(cls).fields is before.fields


def made_and_described(base: Any) -> weakref.ref[Any]:
    body = {"__annotations__": {"width": int}, "width": 1, "__module__": __name__}
    cls: Any = type(base)("Passing", (base,), body)
    if base is object:
        cls = dataclasses.dataclass(cls)
    else:
        cls.model_validate({"width": 2})
    assert shape_of(cls).defaults["width"] == 1
    return weakref.ref(cls)


@pytest.mark.parametrize("base", [Settings, BaseModel, object], ids=lambda base: base.__name__)
def test_a_shape_keeps_no_class_alive(base: Any) -> None:
    left = made_and_described(base)
    gc.collect()
    assert left() is None


def test_a_class_that_is_pickled_with_all_that_is_on_it_takes_none_of_it_along() -> None:
    """As data sets hash what a function of a script refers to."""

    @dataclasses.dataclass
    class Data:
        file: str = "x"

    shape = shape_of(Data)
    assert shape_of(Data) is shape
    assert pickle.loads(pickle.dumps(shape)) is None
    Data.__trainspec_shape__ = None  # type: ignore[attr-defined]
    assert shape_of(Data).kinds.keys() == {"file"}
