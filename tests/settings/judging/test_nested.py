"""Dataclasses, models and typed dicts inside settings: typed, strict, said by flag, variable and file at any depth."""

# ruff: noqa: UP006, UP007, UP035, UP045
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Union

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import TypedDict

from trainspec import SettingsParser, SettingsWarning, TrainingArguments, diagnostics, load
from trainspec.export.env_template import render as env_template
from trainspec.export.environment_schema import render as environment_schema
from trainspec.export.json_schema import settings_schema
from trainspec.export.markdown import render as markdown


@dataclass
class Deep:
    alpha: float = 1.0
    on: bool = False


@dataclass
class Lora:
    """Which weights are added."""

    rank: int = field(default=8, metadata={"help": "The rank.", "choices": [4, 8, 16]})
    targets: List[str] = field(default_factory=list)
    deep: Deep = field(default_factory=Deep)
    maybe: Optional[Deep] = None
    revision: str = None  # type: ignore[assignment]


class Net(BaseModel):
    width: int = Field(default=1, ge=1)
    inner: Optional["Net"] = None
    named: str = Field(default="n", validation_alias="called")


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    a: int = 1


class Loose(BaseModel):
    model_config = ConfigDict(extra="ignore")

    a: int = 1


class Keys(TypedDict, total=False):
    k: int


class Pair(NamedTuple):
    a: int
    b: str = "x"


@dataclass
class Mine(TrainingArguments):
    lora: Lora = field(default_factory=Lora)
    opt: Optional[Lora] = None
    net: Net = field(default_factory=Net)
    many: List[Lora] = field(default_factory=list)
    nets: List[Net] = field(default_factory=list)
    named: Dict[str, Lora] = field(default_factory=dict)
    either: Union[Lora, Net, None] = None
    keys: Optional[Keys] = None
    pair: Optional[Pair] = None
    open: Open = field(default_factory=Open)
    loose: Loose = field(default_factory=Loose)


SAID: dict[str, tuple[list[str], dict[str, Any]]] = {
    "a key": (["--lora.rank", "4"], {"lora": Lora(rank=4)}),
    "keys": (["--lora.rank=4", "--lora.targets", "a", "b"], {"lora": Lora(rank=4, targets=["a", "b"])}),
    "deep": (["--lora.deep.alpha", "2", "--lora.deep.on"], {"lora": Lora(deep=Deep(2.0, True))}),
    "an optional inside": (["--lora.maybe.alpha", "3"], {"lora": Lora(maybe=Deep(3.0))}),
    "an optional": (["--opt.rank", "16"], {"opt": Lora(rank=16)}),
    "JSON": (["--lora", '{"rank": 4, "targets": ["x"]}'], {"lora": Lora(rank=4, targets=["x"])}),
    "JSON and a key": (["--lora", '{"rank": 4}', "--lora.targets", "x"], {"lora": Lora(rank=4, targets=["x"])}),
    "null": (["--opt", "null"], {"opt": None}),
    "a model": (["--net.width", "4", "--net.inner.width", "3"], {"net": Net(width=4, inner=Net(width=3))}),
    "a list": (["--many", '{"rank": 4}', '{"rank": 16}'], {"many": [Lora(rank=4), Lora(rank=16)]}),
    "a list as JSON": (["--nets", '[{"width": 2}]'], {"nets": [Net(width=2)]}),
    "a mapping": (["--named.a.rank", "4"], {"named": {"a": Lora(rank=4)}}),
    "a union": (["--either.width", "4"], {"either": Net(width=4)}),
    "the other of a union": (["--either", '{"rank": 4}'], {"either": Lora(rank=4)}),
    "a typed dict": (["--keys.k", "4"], {"keys": {"k": 4}}),
    "a named tuple": (["--pair", "4", "y"], {"pair": Pair(4, "y")}),
    "dashes": (["--lora.deep.alpha=2"], {"lora": Lora(deep=Deep(2.0))}),
}


@pytest.mark.parametrize(("words", "expected"), SAID.values(), ids=SAID)
def test_flags(words: list[str], expected: dict[str, Any]) -> None:
    (args,) = SettingsParser(Mine).parse_args(words)
    assert {name: getattr(args, name) for name in expected} == expected
    assert Mine.from_dict(args.to_dict()) == args


VARIABLES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "keys": ({"LORA__RANK": "4", "LORA__DEEP__ALPHA": "2"}, {"lora": Lora(rank=4, deep=Deep(2.0))}),
    "JSON": ({"LORA": '{"rank": 4}', "OPT": '{"rank": 16}'}, {"lora": Lora(rank=4), "opt": Lora(rank=16)}),
    "both": ({"LORA": '{"rank": 4}', "LORA__TARGETS": "a,b"}, {"lora": Lora(rank=4, targets=["a", "b"])}),
    "a model": ({"NET__INNER__WIDTH": "4"}, {"net": Net(inner=Net(width=4))}),
    "a list": ({"MANY": '[{"rank": 4}]'}, {"many": [Lora(rank=4)]}),
    "a union": ({"EITHER__RANK": "4"}, {"either": Lora(rank=4)}),
}


@pytest.mark.parametrize(("variables", "expected"), VARIABLES.values(), ids=VARIABLES)
def test_variables(variables: dict[str, str], expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"TRAINSPEC_{name}", value)
    args = load(Mine, [])
    assert {name: getattr(args, name) for name in expected} == expected


def test_provenance_tells_of_each_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("lora:\n  rank: 16\n  deep:\n    alpha: 2\n")
    monkeypatch.setenv("TRAINSPEC_CONFIG", str(path))
    monkeypatch.setenv("TRAINSPEC_LORA__RANK", "4")
    found = load(Mine, ["--lora.targets", "q"]).provenance
    assert str(found["lora.rank"]) == f"4  (TRAINSPEC_LORA__RANK (environment), over 16 from {path}:2:3)"
    assert str(found["lora.deep.alpha"]) == f"2.0  ({path}:4:5)"
    assert str(found["lora.targets"]) == '["q"]  (--lora.targets (command line))'
    for name in ("lora.rnk", "lora.rank.x", "many.0"):
        with pytest.raises(KeyError):
            found[name]


FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "a key of a dataclass": ({"lora": {"rnk": 1}}, "VAL107", "lora has no key rnk(.|\n)*did you mean rank"),
    "deep": ({"lora": {"deep": {"alpah": 1}}}, "VAL107", "lora.deep has no key alpah(.|\n)*did you mean alpha"),
    "a key of a model": ({"net": {"widht": 1}}, "VAL107", "net has no key widht(.|\n)*did you mean width"),
    "deep in a model": ({"net": {"inner": {"widht": 1}}}, "VAL107", "net.inner has no key widht"),
    "in a list": ({"many": [{}, {"rnk": 1}]}, "VAL107", "many.1 has no key rnk"),
    "in a list of models": ({"nets": [{"widht": 1}]}, "VAL107", "nets.0 has no key widht"),
    "in a mapping": ({"named": {"a": {"rnk": 1}}}, "VAL107", "named.a has no key rnk"),
    "of an optional": ({"opt": {"rnk": 1}}, "VAL107", "opt has no key rnk"),
    "of a union": ({"either": {"rnk": 1}}, "VAL107", "either has no key rnk"),
    "of a typed dict": ({"keys": {"q": 1}}, "VAL107", "keys has no key q"),
    "text for a number": ({"lora": {"rank": "4"}}, "VAL101", "lora.rank must be one of 4, 8, 16"),
    "text for a number of a model": ({"net": {"width": "4"}}, "VAL101", "net.width must be a whole number >= 1"),
    "true for a number": ({"net": {"width": True}}, "VAL101", "net.width must be a whole number"),
    "in a mapping, of another type": ({"named": {"a": {"deep": {"on": 1}}}}, "VAL101", "named.a.deep.on must be true"),
    "a choice": ({"lora": {"rank": 5}}, "VAL103", "lora.rank must be one of 4, 8, 16, not 5"),
    "a bound": ({"net": {"width": 0}}, "VAL102", "net.width must be a whole number >= 1, not 0"),
    "no mapping": ({"lora": 3}, "VAL101", "lora must be a mapping with keys of Lora, not 3"),
    "no mapping, optional": ({"opt": "x"}, "VAL101", "opt must be a mapping with keys of Lora, or null"),
    "null": ({"lora": None}, "VAL101", "lora must be a mapping with keys of Lora, not null"),
}


@pytest.mark.parametrize(("document", "code", "said"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_inside_is_said_once(document: dict[str, Any], code: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said) as caught:
        Mine.from_dict(document)
    assert [item.code for item in diagnostics(caught.value)] == [code]


def test_faults_name_the_flag_or_variable(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        SettingsParser(Mine).parse_args(["--lora.rnk", "canary", "--lroa.rank", "4"])
    said = capsys.readouterr().err
    assert "lora.rnk   --lora.rnk (command line)" in said and "did you mean --lora.rank?" in said
    assert "canary" not in said
    monkeypatch.setenv("TRAINSPEC_NET__WIDHT", "4")
    with pytest.raises(ValidationError, match=r"TRAINSPEC_NET__WIDHT \(environment\)(.|\n)*did you mean width"):
        load(Mine, [])


def test_a_model_that_says_that_it_takes_more_takes_it() -> None:
    args = Mine.from_dict({"open": {"b": 2}, "loose": {"b": 2}, "net": {"called": "x"}})
    assert (args.open.b, args.loose, args.net.named) == (2, Loose(), "x")  # type: ignore[attr-defined]


def test_python_gives_instances_and_mappings() -> None:
    args = Mine(lora=Lora(rank=4), net={"width": "3"}, many=[Lora(), {"rank": "16"}], opt={"revision": None})  # type: ignore
    assert (args.lora.rank, args.net.width, args.many[1].rank, args.opt) == (4, 3, 16, Lora())


def test_a_parser_s_own_dataclasses_are_as_strict(capsys: pytest.CaptureFixture[str]) -> None:
    @dataclass
    class Model:
        net: Net = field(default_factory=Net)

    (model,) = SettingsParser(Model).parse_args(["--net.width", "3"])
    assert model.net == Net(width=3)
    with pytest.raises(SystemExit):
        SettingsParser(Model).parse_args(["--net.widht", "3"])
    assert "did you mean width?" in capsys.readouterr().err


def test_what_is_generated_tells_of_the_keys() -> None:
    schema = settings_schema(Mine)
    lora = schema["definitions"]["Lora"]
    assert (lora["additionalProperties"], lora["description"]) == (False, "Which weights are added.")
    assert lora["properties"]["rank"]["enum"] == [4, 8, 16]
    assert lora["properties"]["rank"]["description"] == "The rank."
    assert schema["definitions"]["Open"]["additionalProperties"] is True
    assert "TRAINSPEC_LORA__RANK" in json.dumps(environment_schema(Mine))
    assert "TRAINSPEC_LORA" in env_template(Mine) and "lora" in markdown(Mine)
    said = SettingsParser(Mine).format_help()
    assert "keys: --lora.rank N, --lora.targets ITEM ..., --lora.deep JSON" in " ".join(said.split())


class Plain(TrainingArguments):
    texts: dict[str, str] = Field(default_factory=dict)
    maybe: Optional[dict[str, str]] = None
    lists: dict[str, list[str]] = Field(default_factory=dict)
    rows: list[dict[str, str]] = Field(default_factory=list)
    grid: list[list[str]] = Field(default_factory=list)
    flat: list[str] = Field(default_factory=list)
    pair: tuple[int, str] = (1, "a")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"texts": {"a": 1}}, "texts.a must be text, not 1"),
        ({"texts": 1}, "texts must be a mapping, not 1"),
        ({"maybe": {"a": 1}}, "maybe.a must be text, not 1"),
        ({"lists": {"a": [1]}}, "lists.a must be a list, each item text, not 1"),
        ({"lists": {"a": 1}}, "lists.a must be a list, each item text, not 1"),
        ({"rows": [{"a": "b"}, {"a": 1}]}, "rows.1.a must be text, not 1"),
        ({"grid": [["a"], [1]]}, "grid.1 must be a list, each item text, not 1"),
        ({"flat": [1]}, "flat must be a list, each item text, not 1"),
        ({"pair": [1]}, "pair must be a list, each item a whole number, or text, not [1]"),
    ],
)
def test_what_is_wrong_in_plain_containers_is_named_where_it_stands(document: dict[str, Any], said: str) -> None:
    found = Plain.check(document).diagnostics
    assert [item.message for item in found] == [said]
    assert found[0].fields == (said.split(maxsplit=1)[0],)


def test_a_mapping_of_several_variables_cites_each() -> None:
    names = {f"TRAINSPEC_FSDP_CONFIG__{key}": value for key, value in (("MIN_NUM_PARAMS", "5"), ("VERSION", "2"))}
    with pytest.warns(SettingsWarning, match="PAR301") as warned:
        load(environ=names)
    found = next(one.message.diagnostic for one in warned if isinstance(one.message, SettingsWarning))
    cited = {str(item.source) for item in found.evidence if item.field.startswith("fsdp_config.")}
    assert cited == {f"{name} (environment)" for name in names}
