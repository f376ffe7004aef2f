"""Several files on the command line, each laid over those before it; and options that are given again."""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from tests.cli.test_show import blocks

from trainspec.cli import COMMANDS
from trainspec.cli.options import Command, Option

CANARY = "canary-9f8e7d6c"
BASE = "eval_strategy: epoch\nlearning_rate: 5e-5\nmax_steps: 100\ntask: {width: 1, depth: 2}\n"
SITE = "learning_rate: 3e-4\nmax_steps: 200\ntask: {width: 8}\n"


@pytest.fixture
def files(write: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write("base.yaml", BASE)
    write("site.yaml", SITE)
    write("bad.yaml", "load_best_model_at_end: true\n")
    write("c,d.yaml", "seed: 3\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# How two files are named, variables apart -> words, variables.
WAYS: dict[str, tuple[list[str], dict[str, str]]] = {
    "words": (["base.yaml", "site.yaml"], {}),
    "one word": (["base.yaml,site.yaml"], {}),
    "a JSON list": (['["base.yaml", "site.yaml"]'], {}),
    "a variable": ([], {"TRAINSPEC_CONFIG": "base.yaml,site.yaml"}),
    "a variable with a list": ([], {"TRAINSPEC_CONFIG": '["base.yaml", "site.yaml"]'}),
    "words over a variable": (["base.yaml", "site.yaml"], {"TRAINSPEC_CONFIG": "bad.yaml"}),
}


def test_validate_says_how_several_files_are_written(run: Callable, files: Path) -> None:
    said = run("validate", "base.yaml,site.yaml")
    assert said.code == 2 and "help: write base.yaml site.yaml, and --together" in said.out
    assert run("validate", "c,d.yaml").code == 0
    assert "there is no such file" in run("validate", "x,y.yaml").out


@pytest.mark.parametrize(("words", "variables"), WAYS.values(), ids=WAYS)
def test_show_and_plan_take_several_files(
    run: Callable, files: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    code, out, err = run("show", *words, "--task", "digits", "--max_steps", "300")
    assert (code, err) == (0, "")
    found = blocks(out)
    assert found["set"]["eval_strategy"].split(maxsplit=1) == ['"epoch"', "base.yaml:1:1"]
    assert found["set"]["learning_rate"].split(maxsplit=1) == ["0.0003", "site.yaml:1:1, over 5e-05 from base.yaml:2:1"]
    below = "over 200 from site.yaml:2:1, over 100 from base.yaml:3:1"
    assert found["set"]["max_steps"].split(maxsplit=1) == ["300", f"--max_steps (command line), {below}"]
    assert found["task"]["task.width"].split(maxsplit=1) == ["8", "site.yaml:3:8, over 1 from base.yaml:4:8"]
    assert found["task"]["task.depth"].split(maxsplit=1) == ["2", "base.yaml:4:18"]
    assert "updates             200 in all" in run("plan", *words).out.replace("13 an epoch, ", "")


def test_a_mapping_of_several_files_is_shown_key_by_key(run: Callable, files: Path, write: Callable) -> None:
    write("a.yaml", "fsdp: [full_shard, auto_wrap]\nfsdp_config: {min_num_params: 1, forward_prefetch: true}\n")
    write("b.yaml", "fsdp_config: {min_num_params: 2}\n")
    found = blocks(run("show", "a.yaml", "b.yaml").out)["set"]
    assert found.keys() == {"fsdp", "fsdp_config.min_num_params", "fsdp_config.forward_prefetch"}
    assert found["fsdp_config.forward_prefetch"].split(maxsplit=1) == ["true", "a.yaml:2:34"]
    data = json.loads(run("show", "a.yaml", "b.yaml", "--format", "json").out)["settings"]["fsdp_config"]
    assert data["value"] == {"min_num_params": 2, "forward_prefetch": True}
    assert data["keys"]["fsdp_config.min_num_params"]["source"]["name"] == "b.yaml"
    assert [item["source"]["name"] for item in data["keys"]["fsdp_config.min_num_params"]["overrode"]] == ["a.yaml"]
    assert blocks(run("show", "a.yaml").out)["set"].keys() == {"fsdp", "fsdp_config"}


def test_null_lies_over_a_whole_task(run: Callable, files: Path, write: Callable) -> None:
    write("null.yaml", "task: null\n")
    found = blocks(run("show", "base.yaml", "null.yaml", "--task", "digits").out)["task"]
    assert found["task.width"].split(maxsplit=1)[1] == "default"
    assert "not checked" in run("show", "null.yaml", "base.yaml").err
    assert "not checked" not in run("show", "base.yaml", "null.yaml").err


def test_train_takes_a_file_with_each_config(run: Callable, files: Path, write: Callable) -> None:
    pytest.importorskip("torch")
    write(
        "layers_task.py",
        "from dataclasses import dataclass\nfrom trainspec.tasks import TaskError\n\n@dataclass\nclass Own:\n"
        "    width: int = 0\n    depth: int = 0\n\ndef task(args, settings: Own):\n"
        "    raise TaskError(f'{args.learning_rate} {args.max_steps} {args.seed} {settings.width} {settings.depth}')\n",
    )
    words = ("--config", "base.yaml", "--config=site.yaml", "--seed", "7")
    assert "0.0003 200 7 8 2" in run("train", "layers_task:task", *words).err
    assert "5e-05 100 7 1 2" in run("train", "layers_task:task", *words, "--config", "base.yaml").err
    assert "0.0003 200 3 8 2" in run("train", "layers_task:task", "--config", "base.yaml,site.yaml,c,d.yaml").err
    assert "a config file is --config FILE" in run("train", "layers_task:task", "base.yaml", "site.yaml").err


def test_validate_judges_each_alone_or_all_as_one(run: Callable, files: Path) -> None:
    alone = run("validate", "base.yaml", "bad.yaml")
    assert (alone.code, alone.out.count("error[CKP101]")) == (1, 1)
    assert alone.out.endswith("2 files, 1 error, 0 warnings\n")
    together = run("validate", "--together", "base.yaml", "bad.yaml", "--task", "digits")
    assert together.out.startswith("base.yaml, bad.yaml\nerror[CKP101]")
    assert 'eval_strategy = "epoch"         base.yaml:1:1' in together.out
    assert together.out.endswith("2 files, 1 document, 1 error, 0 warnings\n")
    good = run("validate", "--together", "bad.yaml", "base.yaml", "--env", "--task", "digits")
    assert good.code == 1
    assert run("validate", "--together", "base.yaml", "site.yaml", "--task", "digits").out.endswith("nothing wrong\n")
    assert run("validate", "--together", "base.yaml", "nowhere.yaml").code == 2


def test_the_environment_alone_names_several(run: Callable, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_CONFIG", "base.yaml,bad.yaml")
    found = run("validate", "--env", "--task", "digits", "--format", "github")
    assert found.code == 1
    assert found.out.startswith("::error file=bad.yaml,line=1,col=1,title=CKP101")


def test_together_takes_patterns_standard_input_and_a_faulty_task(
    run: Callable, files: Path, write: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("conf/20-site.yaml", "task: {width: x}\n")
    write("conf/10-base.yaml", "task: {width: 3}\nseed: x\n")
    found = run("validate", "--together", "conf", "--task", "digits").out
    assert found.startswith("conf/10-base.yaml, conf/20-site.yaml\n")
    assert "task.width" in found and "conf/20-site.yaml:1:8" in found
    (files / "in.txt").write_text("seed: 1\ntask: {width: 2}\n")
    with (files / "in.txt").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        found = run("validate", "--together", "conf", "-", "--stdin-name", "in.yaml", "--task", "digits").out
    assert found.endswith("nothing wrong\n"), found


def test_the_json_of_files_together_names_them_all(run: Callable, files: Path) -> None:
    data = json.loads(run("validate", "--together", "base.yaml", "bad.yaml", "--format", "json").out)
    (report,) = data["files"]
    assert (report["under"], report["file"], report["document"]) == (["base.yaml"], "bad.yaml", 1)
    assert data["summary"] == {"files": 2, "documents": 1, "errors": 1, "warnings": 0, "notes": 0}


def test_diff_compares_stacks_of_files(run: Callable, files: Path) -> None:
    found = run("diff", "base.yaml,site.yaml", "base.yaml")
    assert found.out.splitlines() == [
        *("max_steps", "  200  site.yaml:2:1", "  100  base.yaml:3:1"),
        *("learning_rate", "  0.0003  site.yaml:1:1", "  5e-05   base.yaml:2:1"),
        *("task.width", "  8  site.yaml:3:8", "  1  base.yaml:4:8"),
    ]
    assert run("diff", "base.yaml,site.yaml", "site.yaml,base.yaml,site.yaml").out == "the same settings\n"
    assert run("diff", "base.yaml,", "base.yaml").code == 2


@pytest.mark.parametrize("form", ["yaml", "json", "toml", "env", "cli"])
def test_export_writes_one_document_of_several(run: Callable, files: Path, write: Callable, form: str) -> None:
    write("whole.yaml", "eval_strategy: epoch\nlearning_rate: 3e-4\nmax_steps: 200\ntask: {width: 8, depth: 2}\n")
    assert run("export", "base.yaml", "site.yaml", "--to", form) == run("export", "whole.yaml", "--to", form)


OPTIONS = [
    (name, option)
    for name in COMMANDS
    for option in import_module(f"trainspec.cli.{name}").COMMAND.options
    if option.value
]


@pytest.mark.parametrize(("name", "option"), OPTIONS, ids=[f"{name} --{option.name}" for name, option in OPTIONS])
def test_an_option_that_is_given_again_is_said(name: str, option: Option) -> None:
    command: Command = import_module(f"trainspec.cli.{name}").COMMAND
    one, other = option.choices[:2] or ("1", "2")
    flag = f"--{option.name}"
    given = command.parse([flag, one, f"{flag}={other}"])
    if option.several:
        assert (given.lists[option.key], given.unknown) == ([one, other], [])
        return
    assert given.values[option.key] == other
    assert [(item.code, item.severity) for item in given.unknown] == [("SRC117", "warning")]
    assert command.parse([flag, one, flag, one]).unknown == []


def test_an_option_again_is_a_warning_on_stderr_and_the_last_holds(run: Callable, files: Path) -> None:
    code, out, err = run(
        "plan", "base.yaml", "--rows", "80", "--rows=800", "--num_train_epochs", "1", "--max_steps", "-1"
    )
    assert (code, "train rows          800" in out) == (0, True)
    assert "warning[SRC117] --rows is given twice; the last holds" in err
    code, out, err = run(
        "validate", "base.yaml", "--format", "json", "--format", "text", "--at", f"https://a:{CANARY}@b", "--at=x"
    )
    assert (code, err.count("SRC117"), CANARY in out + err) == (1, 2, False)


def test_a_settings_flag_again_is_a_warning_of_show(run: Callable) -> None:
    code, out, err = run("show", "--seed", "1", "--seed", "2", "--format", "json")
    data = json.loads(out)
    assert (code, err, data["settings"]["seed"]["value"]) == (0, "", 2)
    assert [(item["code"], item["severity"]) for item in data["diagnostics"]] == [("SRC117", "warning")]
    assert run("show", "--seed", "1", "--seed", "1").err == ""


@pytest.mark.parametrize("command", ["show", "plan", "validate", "export", "migrate"])
def test_a_command_that_takes_files_as_words_says_so_of_config(command: str, run: Callable, files: Path) -> None:
    said = run(command, "--config", "base.yaml")
    assert said.code in (1, 2) and f"files stand by themselves: trainspec {command} FILE" in said.out + said.err


@pytest.mark.parametrize("command", ["show", "plan", "validate", "export"])
def test_pickled_settings_are_for_migrate(command: str, run: Callable, files: Path) -> None:
    said = run(command, "training_args.bin", *(["--to", "yaml"] if command == "export" else []))
    assert said.code == 2 and "help: trainspec migrate reads pickled settings" in said.out + said.err
