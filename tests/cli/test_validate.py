"""`trainspec validate`: every document of every file is judged, and the exit code tells the worst of it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

GOOD = "learning_rate: 3e-4\nbf16: true\n"
BAD = "save_steps: -3\nleraning_rate: 1\n"
WARNED = "evaluation_strategy: steps\n"

# Name -> content, exit code, texts of stdout.
FILES: dict[str, tuple[str, str, int, list[str]]] = {
    "good": ("a.yaml", GOOD, 0, ["1 file: nothing wrong"]),
    "empty": ("a.yaml", "", 0, ["nothing wrong"]),
    "json": ("a.json", '{"bf16": true}', 0, ["nothing wrong"]),
    "toml": ("a.toml", "bf16 = true", 0, ["nothing wrong"]),
    "two faults": ("a.yaml", BAD, 1, ["a.yaml:1:1", "a.yaml:2:1", "1 file, 2 errors, 0 warnings"]),
    "a warning": ("a.yaml", WARNED, 0, ["warning[REN101]", "1 file, 0 errors, 1 warning"]),
    "bad YAML": ("a.yaml", "a: [1,\nb: 2", 1, ["error[SRC107]"]),
    "bad JSON": ("a.json", '{"a": 1,}', 1, ["error[SRC107]", "a.json:1:"]),
    "bad TOML": ("a.toml", "a = ", 1, ["error[SRC107]"]),
    "a key twice": ("a.yaml", "seed: 1\nseed: 2", 1, ["error[SRC104]", "a.yaml:2:1"]),
    "a list": ("a.yaml", "- 1", 1, ["error[SRC108]"]),
    "an unknown ending": ("a.txt", GOOD, 2, ["error[SRC114]"]),
    "several documents": ("a.yaml", f"{GOOD}---\n{BAD}", 1, ["(document 2)", "1 file, 2 documents, 2 errors"]),
    "a broken second document": ("a.yaml", f"{GOOD}---\na: [", 1, ["(document 2)", "error[SRC107]"]),
    "a task that is not checked": ("a.yaml", "task: {width: x}", 0, ["nothing wrong"]),
    "a task that is no mapping": ("a.yaml", "task: digits", 1, ["error[SRC108] task must be a mapping"]),
}


@pytest.mark.parametrize(("name", "text", "code", "texts"), FILES.values(), ids=FILES)
def test_a_file(run: Callable, write: Callable, name: str, text: str, code: int, texts: list[str]) -> None:
    found = run("validate", write(name, text))
    assert found.code == code
    assert all(item in found.out for item in texts), found.out


def test_a_bad_file_does_not_stop_the_rest(run: Callable, write: Callable) -> None:
    found = run("validate", write("a.yaml", BAD), "nowhere.yaml", write("b.yaml", WARNED), write("c.yaml", GOOD))
    assert found.code == 2
    assert found.out.endswith("4 files, 3 errors, 1 warning\n")
    assert str(Path("b.yaml")) in found.out


def test_a_folder_is_searched(run: Callable, write: Callable, tmp_path: Path) -> None:
    write("configs/b.yml", BAD)
    write("configs/a.yaml", BAD)
    write("configs/deep/c.toml", "seed = 1")
    write("configs/.hidden/d.yaml", BAD)
    write("configs/notes.txt", "no settings")
    found = run("validate", tmp_path / "configs")
    assert found.out.endswith("3 files, 4 errors, 0 warnings\n")
    assert found.out.index("a.yaml") < found.out.index("b.yml")


def test_a_folder_without_settings_is_a_mistake(run: Callable, tmp_path: Path) -> None:
    found = run("validate", tmp_path)
    assert found.code == 2
    assert "there is no file of settings" in found.out


def test_a_file_that_may_not_be_read(run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("a.yaml", GOOD)

    def refuse(*args: object, **known: object) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("io.open", refuse)
    monkeypatch.setattr("os.open", refuse)
    found = run("validate", path)
    assert found.code == 2
    assert "error[SRC106]" in found.out


def test_json_is_nothing_but_json(run: Callable, write: Callable) -> None:
    bad, good = write("a.yaml", f"{BAD}task: {{a: 1}}"), write("b.yaml", GOOD)
    code, out, err = run("validate", "--format", "json", bad, good)
    data = json.loads(out)
    assert (code, err) == (1, "")
    assert data.keys() == {"version", "ok", "files", "summary"}
    assert (data["version"], data["ok"]) == (1, False)
    assert data["summary"] == {"files": 2, "documents": 2, "errors": 2, "warnings": 0, "notes": 0}
    first, second = data["files"]
    assert first.keys() == {"file", "under", "document", "ok", "task", "ignored", "diagnostics"}
    assert (first["file"], first["ok"], first["task"]) == (str(bad), False, "unchecked")
    assert {item["code"] for item in first["diagnostics"]} == {"VAL102", "SRC102"}
    assert (second["ok"], second["task"], second["diagnostics"]) == (True, None, [])


def test_the_environment_is_no_file(run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("validate", "--env").out == "environment: nothing wrong\n"
    monkeypatch.setenv("TRAINSPEC_SEED", "x")
    assert run("validate", "--env").out.endswith("\n\n1 error, 0 warnings\n")


def test_a_subtree(run: Callable, write: Callable) -> None:
    path = write("a.yaml", "train:\n  args: {seed: -1}\nother: 1\n")
    found = run("validate", path, "--at", "train.args")
    assert (found.code, "seed = -1   " in found.out) == (1, True)
    assert "error[SRC110]" in run("validate", path, "--at", "train.nothing").out


def test_keys_of_other_programs_are_passed_over_and_listed(run: Callable, write: Callable) -> None:
    path = write("a.yaml", "lora_rank: 8\nseed: 1\n")
    assert run("validate", path).code == 1
    found = run("validate", path, "--ignore-unknown")
    assert (found.code, found.out) == (0, "1 file: nothing wrong\n")
    assert "lora_rank" in found.err
    data = json.loads(run("validate", path, "--ignore-unknown", "--format", "json").out)
    assert data["files"][0]["ignored"] == ["lora_rank"]


def test_the_environment_is_judged_only_when_asked(
    run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINSPEC_FP16", "true")
    monkeypatch.setenv("TRAINSPEC_CONFIG", "nowhere.yaml")
    path = write("a.yaml", GOOD)
    assert run("validate", path).code == 0
    found = run("validate", "--env", path)
    assert found.code == 1
    assert "error[PRE101]" in found.out
    assert "TRAINSPEC_FP16 (environment)" in found.out


def test_the_environment_alone(run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SEDE", "1")
    monkeypatch.setenv("TRAINSPEC_CONFIG", str(write("a.yaml", BAD)))
    found = run("validate", "--env")
    assert (found.code, "did you mean TRAINSPEC_SEED?" in found.out) == (1, True)
    assert "a.yaml:1:1" in found.out


def test_a_setting_as_a_flag_is_told_what_to_read(run: Callable, write: Callable) -> None:
    path = write("a.yaml", GOOD)
    found = run("validate", path, "--learning_rate", "1")
    assert found.code == 2 and "help: validate takes no settings as flags" in found.err
    assert "did you mean --world_size?" in run("validate", path, "--worldsize", "4").err


def test_a_declared_machine(run: Callable, write: Callable) -> None:
    path = write("a.yaml", "bf16: true\n")
    assert run("validate", path, "--target", "h100x8").code == 0
    assert run("validate", path, "--target", "v100").code == 1


def test_a_declared_number_of_processes(run: Callable, write: Callable) -> None:
    path = write("run.yaml", "parallelism_config: {tp_size: 4}\n")
    code, out, _ = run("validate", path, "--world-size", "6")
    assert code == 1 and out.count("error[") == 1 and "multiply to 4, but there are 6 processes" in out
    assert run("validate", path, "--world-size", "4").code == run("validate", path).code == 0
    path = write("hybrid.yaml", "fsdp: hybrid_shard\n")
    assert run("validate", path, "--world-size", "8", "--nodes", "2", "--strict").code == 0
    assert "PAR121" in run("validate", path, "--world-size", "8", "--nodes", "3").out
    assert run("validate", path, "--target", "h100x8", "--nodes", "2", "--strict").code == 0
    assert "CLI102" in run("validate", path, "--nodes", "2").err


TASKS: dict[str, tuple[str, int, list[str]]] = {
    "good": ("task: {width: 64}", 0, []),
    "absent": ("seed: 1", 0, []),
    "a bound": (
        "seed: 1\ntask:\n  width: 0",
        1,
        ["error[VAL102] task.width must be", "task.width = 0   ", "a.yaml:3:3"],
    ),
    "an unknown key": ("task: {widht: 64}", 1, ["error[SRC102]", "task.widht", "did you mean width?"]),
    "the settings too": ("seed: x\ntask: {model: rnn}", 1, ["seed must be", "task.model must be one of mlp, cnn"]),
}


@pytest.mark.parametrize(("text", "code", "texts"), TASKS.values(), ids=TASKS)
def test_a_task_section(run: Callable, write: Callable, text: str, code: int, texts: list[str]) -> None:
    found = run("validate", "--task", "digits", write("a.yaml", text))
    assert found.code == code
    assert all(item in found.out for item in texts), found.out


def test_an_unchecked_task_section_is_mentioned(run: Callable, write: Callable) -> None:
    found = run("validate", write("a.yaml", "task: {width: 64}"))
    assert "the task section was not checked; --task NAME does that" in found.err


def test_another_settings_class(run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "from trainspec import Settings\nclass Mine(Settings):\n    width: int = 3\n"
    monkeypatch.chdir(write("cli_test_models.py", module).parent)
    assert run("validate", "--model", "cli_test_models:Mine", write("a.yaml", "width: 4")).code == 0
    assert run("validate", "--model", "cli_test_models:Mine", write("b.yaml", "seed: 4")).code == 1


def test_a_thousand_files(run: Callable, write: Callable, tmp_path: Path) -> None:
    for number in range(1000):
        write(f"many/{number}.yaml", f"seed: {number}\n")
    found = run("validate", tmp_path / "many")
    assert found.out == "1,000 files: nothing wrong\n"
    assert os.listdir(tmp_path) == ["many"]
