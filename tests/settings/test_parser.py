"""SettingsParser plays HfArgumentParser's role, for settings classes, pydantic models and dataclasses together."""

import json
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Optional

import pytest
from pydantic import BaseModel, Field, ValidationError

from trainspec import Settings, SettingsParser, SettingsWarning, TrainingArguments


class Shade(Enum):
    DARK = "dark"
    LIGHT = "light"


@dataclass
class ModelArguments:
    """Which model."""

    name: str = field(metadata={"help": "Name of the model.", "aliases": ["-m", "--model"]})
    fast: bool = True
    layers: Optional[int] = None  # noqa: UP045 - as scripts write it
    shade: Shade = Shade.DARK
    norm: Literal["pre", "post", 3] = "pre"
    sizes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.layers == 13:
            raise ValueError("13 layers are unlucky")


class DataArguments(BaseModel):
    """Which data."""

    rows: int = Field(10, ge=1, description="Rows to read.")


class MoreSettings(Settings):
    depth: int = 2


def parse(models: Any, line: str, **options: Any) -> Any:
    return SettingsParser(models).parse_args_into_dataclasses(line.split(), look_for_args_file=False, **options)


DATACLASS_FLAGS: dict[str, tuple[str, dict[str, Any]]] = {
    "required": ("--name bert", {}),
    "alias": ("-m bert", {}),
    "long alias": ("--model bert", {}),
    "on by default": ("--name bert --no_fast", {"fast": False}),
    "on by default, dashed": ("--name bert --no-fast", {"fast": False}),
    "on by default, with a word": ("--name bert --fast false", {"fast": False}),
    "optional": ("--name bert --layers 3", {"layers": 3}),
    "optional, unset again": ("--name bert --layers null", {}),
    "enum": ("--name bert --shade light", {"shade": Shade.LIGHT}),
    "literal": ("--name bert --norm post", {"norm": "post"}),
    "literal number": ("--name bert --norm 3", {"norm": 3}),
    "list": ("--name bert --sizes 1 2 3", {"sizes": [1, 2, 3]}),
}


@pytest.mark.parametrize(("line", "changed"), DATACLASS_FLAGS.values(), ids=DATACLASS_FLAGS)
def test_a_dataclass_is_made_of_flags(line: str, changed: dict[str, Any]) -> None:
    assert parse(ModelArguments, line) == (ModelArguments(name="bert", **changed),)


def test_each_model_gets_its_flags_in_order() -> None:
    models = (ModelArguments, DataArguments, TrainingArguments)
    found = parse(models, "--rows 5 --learning-rate 1e-3 --name bert --report_to jsonl plot")
    expected = (
        ModelArguments("bert"),
        DataArguments(rows=5),
        TrainingArguments(learning_rate=1e-3, report_to=["jsonl", "plot"]),
    )
    assert found == expected


def test_remaining_strings_are_returned_in_order() -> None:
    *_, rest = parse(DataArguments, "--other 1 --rows 5 more --flag", return_remaining_strings=True)
    assert rest == ["--other", "1", "more", "--flag"]


FAULTS: dict[str, tuple[str, list[str]]] = {
    "unknown": ("--name b --rwos 5", ["error[SRC103] --rwos", "did you mean --rows?"]),
    "required": ("", ["error[VAL105] name is required"]),
    "bounds": ("--name b --rows 0", ["error[VAL102] rows must be a whole number >= 1"]),
    "post_init": ("--name b --layers 13", ["13 layers are unlucky"]),
    "several models": ("--rows x --seed y", ["name is required", "--rows (command line)", "--seed (command line)"]),
}


@pytest.mark.parametrize(("line", "expected"), FAULTS.values(), ids=FAULTS)
def test_faults_are_told_together_and_end_the_process(
    line: str, expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse((ModelArguments, DataArguments, TrainingArguments), line)
    assert caught.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert all(text in said.err for text in expected)


def test_settings_read_the_environment_below_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SEED", "1")
    monkeypatch.setenv("TRAINSPEC_LEARNING_RATE", "0.5")
    monkeypatch.setenv("TRAINSPEC_DEPTH", "7")
    more, args = parse((MoreSettings, TrainingArguments), "--seed 2")
    assert (more.depth, args.seed, args.learning_rate) == (7, 2, 0.5)


def test_a_variable_that_no_settings_class_knows_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRAINSPEC_DEPHT", "7")
    with pytest.raises(SystemExit):
        parse((MoreSettings, TrainingArguments), "")
    assert "TRAINSPEC_DEPHT matches no setting" in capsys.readouterr().err


def test_an_args_file_lies_below_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "run.args"
    path.write_text("--seed 1 --report_to jsonl plot\n--bf16\n")
    parser = SettingsParser(TrainingArguments)
    (args,) = parser.parse_args_into_dataclasses(["--seed", "2", "--report_to", "plot"], args_filename=str(path))
    assert args == TrainingArguments(seed=2, report_to="plot", bf16=True)
    (args,) = parser.parse_args_into_dataclasses(["--args", str(path), "--seed", "3"], args_file_flag="--args")
    assert args == TrainingArguments(seed=3, report_to=["jsonl", "plot"], bf16=True)


def test_args_files_override_one_another_and_only_what_one_of_them_repeats_is_said(tmp_path: Path) -> None:
    paths = [tmp_path / "a.args", tmp_path / "b.args"]
    paths[0].write_text("--seed 1 --learning_rate 0.5")
    paths[1].write_text("--seed 2")
    words = [word for path in paths for word in ("--args", str(path))]
    parser = SettingsParser(TrainingArguments)
    (args,) = parser.parse_args_into_dataclasses([*words, "--learning_rate", "0.25"], args_file_flag="--args")
    assert (args.seed, args.learning_rate) == (2, 0.25)
    assert [item.value for item in args.provenance["seed"].overrode] == ["1"]
    paths[1].write_text("--seed 2 --seed 3")
    with pytest.warns(SettingsWarning, match=r"SRC117\] --seed is given twice"):
        assert parser.parse_args_into_dataclasses(words, args_file_flag="--args")[0].seed == 3


def test_the_args_file_beside_the_script_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", [str(tmp_path / "train.py"), "--seed", "2"])
    parser = SettingsParser(TrainingArguments)
    assert parser.parse_args_into_dataclasses() == (TrainingArguments(seed=2),)
    (tmp_path / "train.args").write_text("--bf16")
    assert parser.parse_args_into_dataclasses() == (TrainingArguments(seed=2, bf16=True),)
    assert parser.parse_args_into_dataclasses(look_for_args_file=False) == (TrainingArguments(seed=2),)


def test_a_missing_args_file_that_was_named_is_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(DataArguments, "", args_filename="nowhere.args")
    assert "cannot read nowhere.args" in capsys.readouterr().err


DOCUMENT = {"name": "bert", "rows": 5, "seed": 3}


def test_documents_are_pure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_BF16", "true")
    parser = SettingsParser((ModelArguments, DataArguments, TrainingArguments))
    expected = (ModelArguments("bert"), DataArguments(rows=5), TrainingArguments.from_dict({"seed": 3}))
    (tmp_path / "a.json").write_text(json.dumps(DOCUMENT))
    (tmp_path / "a.yaml").write_text("name: bert\nrows: 5\nseed: 3\n")
    (tmp_path / "a.toml").write_text('name = "bert"\nrows = 5\nseed = 3\n')
    assert parser.parse_dict(DOCUMENT) == expected
    assert parser.parse_json_file(tmp_path / "a.json") == expected
    assert parser.parse_yaml_file(tmp_path / "a.yaml") == expected
    assert parser.parse_toml_file(tmp_path / "a.toml") == expected


def test_an_extra_key_is_a_fault_unless_allowed() -> None:
    parser = SettingsParser((ModelArguments, DataArguments))
    with pytest.raises(ValueError, match=r"did you mean rows\?"):
        parser.parse_dict({"name": "bert", "rwos": 5})
    assert parser.parse_dict({"name": "bert", "rwos": 5}, allow_extra_keys=True)[1] == DataArguments()


def test_faults_of_all_models_are_in_one_error() -> None:
    with pytest.raises(ValidationError) as caught:
        SettingsParser((DataArguments, TrainingArguments)).parse_dict({"rows": 0, "seed": "x"})
    assert [line["type"] for line in caught.value.errors()] == ["VAL102", "VAL101"]


def test_a_flag_of_two_models_is_refused_at_construction() -> None:
    @dataclass
    class Other:
        seed: int = 1

    with pytest.raises(ValueError, match="Other and TrainingArguments both have the flag --seed"):
        SettingsParser((Other, TrainingArguments))


def test_what_is_no_model_is_refused_at_construction() -> None:
    with pytest.raises(TypeError, match="neither a settings class nor"):
        SettingsParser((int,))


HELP = {
    "description": "Trains a model.",
    "a dataclass under its name": "\nModelArguments\n  Which model.\n",
    "aliases": "  -m, --model, --name TEXT\n      Name of the model.\n      text; required\n",
    "a switch that is on": "  --[no_]fast\n      true or false; default: true\n",
    "a plain model": "  --rows N\n      Rows to read.\n      a whole number >= 1; default: 10\n",
    "a group of ours": "\nBatch\n",
    "choices": "one of no, steps, epoch;",
    "the variable": "TRAINSPEC_LEARNING_RATE",
}


@pytest.mark.parametrize("text", HELP.values(), ids=HELP)
def test_help_says(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = SettingsParser((ModelArguments, DataArguments, TrainingArguments), description="Trains a model.")
    with pytest.raises(SystemExit) as caught:
        parser.parse_args(["--help"])
    assert caught.value.code == 0
    assert text in capsys.readouterr().out


def test_help_names_every_setting_and_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    text = SettingsParser(TrainingArguments, prog="train.py").format_help()
    assert all(f"--{name}" in text or f"--[no_]{name}" in text for name in TrainingArguments.field_kinds())
    prose = [line for line in text.splitlines() if not line.lstrip().startswith(("--", "TRAINSPEC_"))]
    assert max(map(len, prose)) <= 60


@dataclass
class Adapter:
    rank: int = 1
    width: int = 2


@dataclass
class WithAdapter:
    adapter: Adapter = field(default_factory=Adapter)
    rows: int = 1


def test_an_unknown_key_hides_no_other_fault(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(WithAdapter, "--adapter.rnak 3 --adapter.width x --rows y")
    said = capsys.readouterr().err
    for fault in ("adapter has no key rnak", "adapter.width must be a whole number", "rows must be a whole number"):
        assert said.count(fault) == 1
    with pytest.raises(ValidationError) as caught:
        SettingsParser(WithAdapter).parse_dict({"adapter": {"rnak": 1, "width": "x"}, "rows": "y"})
    assert [one["loc"] for one in caught.value.errors()] == [("adapter", "rnak"), ("adapter", "width"), ("rows",)]


def test_several_files_are_laid_over_one_another(tmp_path: Path) -> None:
    base, site, bad = tmp_path / "base.yaml", tmp_path / "site.yaml", tmp_path / "bad.yaml"
    base.write_text("adapter: {rank: 3, width: 4}\nseed: 1\nfsdp_config: {min_num_params: 2}\n")
    site.write_text("adapter: {width: 5}\nseed: 2\n")
    bad.write_text("sede: 3\nrows: x\n")
    parser = SettingsParser((WithAdapter, TrainingArguments))
    for files in ([base, str(site)], (one for one in (base, site))):
        with pytest.warns(SettingsWarning, match="fsdp_config"):
            own, args = parser.parse_yaml_file(files)
        assert (own.adapter, args.seed) == (Adapter(3, 5), 2)
    with pytest.raises(ValidationError, match="did you mean seed") as caught:
        parser.parse_yaml_file([base, bad])
    assert "bad.yaml:1:1" in str(caught.value) and "rows must be a whole number" in str(caught.value)
    with pytest.raises(ValidationError, match=r"cannot read .*none\.yaml"):
        parser.parse_yaml_file([base, tmp_path / "none.yaml"])


def test_a_flag_for_config_files_is_told_how_they_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(TrainingArguments, "--config run.yaml")
    assert "help: name config files in TRAINSPEC_CONFIG=FILE,FILE\n" in capsys.readouterr().err
