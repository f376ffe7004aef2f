"""`HfArgumentParser` of scripts: ours under that name, and transformers' own on our classes, with the same values."""

# ruff: noqa: UP045
import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

import pytest

import trainspec
from trainspec import HfArgumentParser, SettingsParser, TrainingArguments

transformers = pytest.importorskip("transformers")


@dataclass
class ModelArguments:
    model_name_or_path: str = field(metadata={"help": "Which model."})
    use_fast: bool = True


@dataclass
class DataTrainingArguments:
    rows: Optional[int] = field(default=None, metadata={"help": "Rows to read."})


THREE = (ModelArguments, DataTrainingArguments, TrainingArguments)
NEEDED = ["--model_name_or_path", "bert", "--output_dir", "out"]

LINES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "nothing": ([], {}),
    "numbers": (["--learning_rate", "1e-3", "--seed", "7"], {"learning_rate": 1e-3, "seed": 7}),
    "a count": (["--logging_steps", "10"], {"logging_steps": 10}),
    "a share": (["--save_steps", "0.5"], {"save_steps": 0.5}),
    "switches": (["--do_train", "--no_save_safetensors"], {"do_train": True, "save_safetensors": False}),
    "an optional switch": (["--tf32", "false"], {"tf32": False}),
    "choices": (["--optim", "sgd", "--lr_scheduler_type", "cosine"], {"optim": "sgd", "lr_scheduler_type": "cosine"}),
    "text": (["--report_to", "jsonl", "--run_name", "a"], {"report_to": ["jsonl"], "run_name": "a"}),
    "a list": (["--label_names", "a", "b", "--do_predict"], {"label_names": ["a", "b"]}),
    "a secret": (["--hub_token", "hf", "--push_to_hub"], {"push_to_hub": True}),
    "options": (["--fsdp", "full_shard auto_wrap"], {"fsdp": ["full_shard", "auto_wrap"]}),
    "a mapping": (["--gradient_checkpointing_kwargs", '{"use_reentrant": false}', "--gradient_checkpointing"], {}),
}


@pytest.mark.parametrize(("line", "expected"), LINES.values(), ids=LINES)
@pytest.mark.filterwarnings("error")
def test_both_parsers_give_the_same(line: list[str], expected: dict[str, Any]) -> None:
    theirs = transformers.HfArgumentParser(THREE).parse_args_into_dataclasses([*NEEDED, *line])
    ours = HfArgumentParser(THREE).parse_args_into_dataclasses([*NEEDED, *line], look_for_args_file=False)
    assert theirs == ours and [type(one) for one in theirs] == list(THREE)
    assert theirs[-1].model_fields_set == ours[-1].model_fields_set
    assert {name: getattr(theirs[-1], name) for name in expected} == expected


def test_variables_hold_below_the_flags_of_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SEED", "7")
    monkeypatch.setenv("TRAINSPEC_LEARNING_RATE", "1e-3")
    for parser in (transformers.HfArgumentParser(THREE), HfArgumentParser(THREE)):
        args = parser.parse_args_into_dataclasses([*NEEDED, "--learning_rate", "0.5"])[-1]
        assert (args.seed, args.learning_rate) == (7, 0.5)


def test_the_name_of_scripts_is_ours_with_every_method(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert HfArgumentParser is SettingsParser is trainspec.HfArgumentParser
    theirs = {name for name in vars(transformers.HfArgumentParser) if name.startswith("parse_")}
    assert theirs <= set(dir(HfArgumentParser))
    path = tmp_path / "run.json"
    path.write_text('{"model_name_or_path": "bert", "seed": 7}')
    for parser in (transformers.HfArgumentParser(THREE), HfArgumentParser(THREE)):
        assert parser.parse_json_file(str(path))[-1].seed == 7
        assert parser.parse_dict({"model_name_or_path": "bert", "seed": 7})[-1].seed == 7
    HfArgumentParser(THREE).print_help()
    assert "--model_name_or_path" in capsys.readouterr().out


def test_transformers_help_has_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        transformers.HfArgumentParser(TrainingArguments).parse_args_into_dataclasses(["--help"])
    said = capsys.readouterr().out
    assert all(f"--{one.name}" in said for one in dataclasses.fields(TrainingArguments))


@pytest.mark.parametrize("line", [["--seed", "x"], ["--gradient_checkpointing_kwargs", "{a"], ["--nonsense", "1"]])
def test_what_transformers_parser_cannot_read_it_refuses(line: list[str]) -> None:
    with pytest.raises((SystemExit, ValueError)):
        transformers.HfArgumentParser(TrainingArguments).parse_args_into_dataclasses(line)
