"""Subclasses get every source, rule and view for free, in pydantic's idiom and in the dataclass idiom of scripts."""

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, List, Literal, Optional  # noqa: UP035 - as scripts write it

import pytest
from pydantic import Field, SecretStr, ValidationError

from trainspec import SettingsWarning, TrainingArguments, diagnostics, load, rule
from trainspec.settings.rules.predicates import all_of, equals, on
from trainspec.settings.rules.rule import Rule


class Extended(TrainingArguments):
    rank: int = Field(default=8, ge=1, description="Rank.")
    mode: Literal["fast", "slow"] = "fast"
    notes: dict[str, int] = Field(default_factory=dict)
    api: SecretStr | None = None

    rank_with_fp16 = Rule(
        code="ACME101",
        name="rank-with-fp16",
        message="rank 1 does not work with fp16",
        reason="it underflows",
        fix="set rank above 1",
        when=all_of(equals("rank", 1), on("fp16")),
    )

    @rule("ACME102", fields=("rank", "seed"), reason="no reason", fix="choose another")
    def rank_is_not_the_seed(self) -> bool:
        """rank must differ from seed"""
        return self.rank == self.seed


@dataclass
class Script(TrainingArguments):
    cache_dir: Optional[str] = field(default=None, metadata={"help": "Where to cache."})  # noqa: UP045
    tags: List[str] = field(default_factory=list)  # noqa: UP006
    width: int = field(default=64)


@dataclass
class Counting(TrainingArguments):
    doubled: int = field(default=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.doubled = self.doubled * 2


def codes(error: ValidationError) -> list[str]:
    return [item.code for item in diagnostics(error)]


def test_new_fields_take_part_in_every_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text("rank: 2\nmode: slow\nnotes: {a: 1}\n")
    assert Extended.from_file(str(config)).to_dict() == {"rank": 2, "mode": "slow", "notes": {"a": 1}}
    monkeypatch.setenv("TRAINSPEC_RANK", "3")
    monkeypatch.setenv("TRAINSPEC_CONFIG", str(config))
    args = load(Extended, ["--mode", "fast"])
    assert (args.rank, args.mode, args.notes) == (3, "fast", {"a": 1})
    assert str(args.provenance["rank"].source) == "TRAINSPEC_RANK (environment)"


def test_new_fields_follow_the_value_rules() -> None:
    for bad in (True, 1.5, "2", 0, None):
        with pytest.raises(ValidationError) as caught:
            Extended.from_dict({"rank": bad})
        assert codes(caught.value)[0].startswith("VAL")
    assert Extended.from_dict({"rank": 2.0}).rank == 2
    assert Extended(rank="2").rank == 2  # type: ignore[arg-type]


def test_a_rule_as_data_and_a_rule_as_a_method_both_judge() -> None:
    with pytest.raises(ValidationError) as caught:
        Extended.from_dict({"rank": 1, "fp16": True, "seed": 1})
    assert codes(caught.value) == ["ACME101", "ACME102"]
    assert "rank must differ from seed" in str(caught.value)
    with pytest.raises(ValidationError) as caught:
        Extended.from_dict({"fp16": True, "bf16": True})
    assert codes(caught.value) == ["PRE101"]


def test_rules_are_inherited_and_the_base_has_none_of_them() -> None:
    class Further(Extended):
        extra: bool = False

    assert Further.check({"rank": 42}).errors[0].code == "ACME102"
    assert not [item for item in TrainingArguments.rules() if item.code.startswith("ACME")]


def test_a_rule_of_severity_warning_warns() -> None:
    class Warned(TrainingArguments):
        @rule("ACME201", fields=("seed",), reason="luck", fix="take another", severity="warning")
        def unlucky(self) -> str | None:
            return "seed 13 is unlucky" if self.seed == 13 else None

    with pytest.warns(SettingsWarning, match="unlucky"):
        Warned.from_dict({"seed": 13})


@pytest.mark.parametrize(
    "broken",
    [
        lambda: Rule(code="X101", name="x", message="x", reason="x", fix="x"),
        lambda: Rule(code="X101", name="x", message="x", reason="x", fix="x", check=lambda args: True),
    ],
    ids=["neither condition nor check", "no fields"],
)
def test_a_rule_that_says_too_little_is_refused_when_declared(broken: Any) -> None:
    with pytest.raises(TypeError, match="X101"):
        broken()


def test_secrets_of_a_subclass_are_secrets() -> None:
    args = Extended.from_dict({"api": "sk-canary"})
    assert args.api is not None and args.api.get_secret_value() == "sk-canary"
    shown = repr(args) + args.to_json_string() + str(args.provenance["api"])
    assert "canary" not in shown and b"canary" not in pickle.dumps(args)


def test_the_dataclass_idiom_works() -> None:
    args = Script("out", cache_dir="c", tags=["a", "b"], learning_rate=1e-3)
    assert (args.output_dir, args.cache_dir, args.tags, args.width) == ("out", "c", ["a", "b"], 64)
    assert args.learning_rate == 1e-3
    assert Script.model_fields["cache_dir"].description == "Where to cache."
    assert Script("out").tags == [] and Script("out").tags is not Script("out").tags
    assert repr(args) == "Script(output_dir='out', learning_rate=0.001, cache_dir='c', tags=['a', 'b'])"
    assert args == Script("out", cache_dir="c", tags=["a", "b"], learning_rate=1e-3)
    assert args != Script("out", cache_dir="d", tags=["a", "b"], learning_rate=1e-3)


def test_the_dataclass_idiom_validates() -> None:
    with pytest.raises(ValidationError) as caught:
        Script("out", cache_dir=3, widht=1)  # type: ignore[arg-type, call-arg]
    assert sorted(codes(caught.value)) == ["SRC102", "VAL101"]
    assert "did you mean width?" in str(caught.value)


def test_the_dataclass_idiom_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_WIDTH", "32")
    monkeypatch.setenv("TRAINSPEC_TAGS", "x,y")
    args = Script("out")
    assert (args.width, args.tags) == (32, ["x", "y"])


def test_post_init_runs_once_and_its_assignments_are_validated() -> None:
    assert Counting("out", doubled=4).doubled == 8
    assert Counting.from_dict({"doubled": 3}).doubled == 6
    with pytest.raises(ValidationError):
        Counting("out", doubled="x")  # type: ignore[arg-type]


def test_post_init_does_not_run_again_on_assignment_copy_or_pickle() -> None:
    args = Counting("out", doubled=4)
    args.seed = 3
    assert args.doubled == 8
    assert pickle.loads(pickle.dumps(args)).doubled == 8


def test_a_required_field_that_nobody_gives_is_named() -> None:
    class Needy(TrainingArguments):
        data: str

    with pytest.raises(ValidationError) as caught:
        Needy.from_dict({"seed": -1})
    assert sorted(codes(caught.value)) == ["VAL102", "VAL105"]
    assert Needy.from_dict({"data": "d"}).data == "d"
