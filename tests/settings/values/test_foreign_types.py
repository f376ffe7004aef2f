"""Fields of types that pydantic does not know: given in Python as they are; of text, torch.dtype alone."""

# ruff: noqa: UP045
import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Optional

import pytest
from pydantic import ValidationError

from trainspec import SettingsParser, TrainingArguments
from trainspec.export.json_schema import settings_schema

torch = pytest.importorskip("torch")


class Thing:
    """A plain class."""


@dataclass
class Mine(TrainingArguments):
    dtype: torch.dtype = field(default=torch.float32)
    other: Optional[torch.dtype] = None
    thing: Optional[Thing] = None
    call: Optional[Callable[[int], int]] = None


def test_instances_pass() -> None:
    thing = Thing()
    args = Mine("out", dtype=torch.float16, thing=thing, call=abs)
    assert (args.dtype, args.thing, args.call) == (torch.float16, thing, abs)
    assert dataclasses.replace(args, seed=3).thing is thing
    assert Mine.dtype is torch.float32


def test_a_dtype_is_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    args = Mine("out", dtype=torch.bfloat16, other=torch.float16)
    assert args.to_dict() == {"output_dir": "out", "dtype": "bfloat16", "other": "float16"}
    assert Mine.from_json(json.dumps(args.to_dict())) == args
    assert Mine.from_dict({"dtype": "torch.bfloat16"}).dtype is torch.bfloat16
    (args,) = SettingsParser(Mine).parse_args(["--dtype", "bfloat16"])
    assert args.dtype is torch.bfloat16
    monkeypatch.setenv("TRAINSPEC_OTHER", "float16")
    assert Mine().other is torch.float16
    assert settings_schema(Mine)["properties"]["dtype"]["default"] == "float32"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no dtype": ({"dtype": "float17"}, 'dtype must be a torch dtype such as bfloat16, not "float17"'),
    "something else of torch": ({"dtype": "nn"}, "dtype must be a torch dtype"),
    "a number": ({"other": 16}, "other must be a torch dtype such as bfloat16, or null, not 16"),
    "text for a class": ({"thing": "x"}, 'thing must be an instance of Thing, .* or null, not "x"'),
    "text for a function": ({"call": "abs"}, 'call must be a function, .* or null, not "abs"'),
}


@pytest.mark.parametrize(("document", "said"), REFUSED.values(), ids=REFUSED)
def test_text_that_is_no_value_is_refused(document: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Mine.from_dict(document)


def test_the_schema_says_what_no_document_can_give() -> None:
    properties = settings_schema(Mine)["properties"]
    assert properties["thing"]["anyOf"] == properties["call"]["anyOf"] == [{"not": {}}, {"type": "null"}]
