"""`trainspec migrate`: files rewritten in place, all or not at all; other sources written as settings."""

import io
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

OLD = "# mine\nno_cuda: true  # why\nseed: 1\n"
NEW = "# mine\nuse_cpu: true  # why\nseed: 1\n"

# Name -> file, before, options, exit code, after.
FILES: dict[str, tuple[str, str, list[str], int, str]] = {
    "in place": ("a.yaml", OLD, [], 0, NEW),
    "checked": ("a.yaml", OLD, ["--check"], 1, OLD),
    "shown": ("a.yaml", OLD, ["--diff"], 0, OLD),
    "checked and shown": ("a.yaml", OLD, ["--check", "--diff"], 1, OLD),
    "nothing to do": ("a.yaml", NEW, ["--check"], 0, NEW),
    "toml": ("a.toml", "no_cuda = true # why\n", [], 0, "use_cpu = true # why\n"),
    "json": ("a.json", '{"no_cuda": true}', [], 0, '{"use_cpu": true}'),
    "without a successor": ("a.yaml", f"use_ipex: true\n{OLD}", [], 1, f"use_ipex: true\n{NEW}"),
    "removed and off": ("a.yaml", f"use_ipex: false\n{OLD}", [], 0, f"use_ipex: false\n{NEW}"),
    "two names of one setting": (
        *("a.yaml", f"{OLD}use_cpu: false\n", [], 1),
        f"{OLD}use_cpu: false\n",
    ),
    "an anchor": (
        "a.yaml",
        f"&a adafactor: true\nrun_name: *a\n{OLD}",
        [],
        1,
        f"&a adafactor: true\nrun_name: *a\n{NEW}",
    ),
    "bad syntax": ("a.yaml", "a: [", [], 1, "a: ["),
    "a subtree": ("a.yaml", "t:\n  no_cuda: true\n", ["--at", "t"], 0, "t:\n  use_cpu: true\n"),
    "a byte order mark": ("a.yaml", f"\ufeff{OLD}", [], 0, f"\ufeff{NEW}"),
}


@pytest.mark.parametrize(("name", "before", "words", "code", "after"), FILES.values(), ids=FILES)
def test_a_file(
    run: Callable, write: Callable, name: str, before: str, words: list[str], code: int, after: str
) -> None:
    path = write(name, before)
    found = run("migrate", path, *words)
    assert (found.code, path.read_text()) == (code, after), found.err
    assert os.listdir(path.parent) == [name]


def test_line_breaks_and_permissions_stay(run: Callable, write: Callable) -> None:
    path = write("a.yaml", "")
    path.write_bytes(b"no_cuda: true\r\nseed: 1\r\n")
    path.chmod(0o640)
    assert run("migrate", path).code == 0
    assert path.read_bytes() == b"use_cpu: true\r\nseed: 1\r\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(run: Callable, write: Callable, tmp_path: Path) -> None:
    path = write("real/a.yaml", OLD)
    (tmp_path / "a.yaml").symlink_to(path)
    assert run("migrate", tmp_path / "a.yaml").code == 0
    assert (tmp_path / "a.yaml").is_symlink()
    assert path.read_text() == NEW


def test_a_file_is_whole_when_writing_fails(run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("a.yaml", OLD)

    def fail(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    found = run("migrate", path)
    assert (found.code, path.read_text()) == (2, OLD)
    assert "No space left on device" in found.err
    assert os.listdir(path.parent) == ["a.yaml"]


def test_the_difference(run: Callable, write: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.yaml", OLD)
    monkeypatch.chdir(tmp_path)
    found = run("migrate", "a.yaml", "--diff")
    assert found.out.splitlines() == [
        *("--- a/a.yaml", "+++ b/a.yaml", "@@ -1,3 +1,3 @@"),
        *(" # mine", "-no_cuda: true  # why", "+use_cpu: true  # why", " seed: 1"),
    ]
    assert found.err == "a.yaml:2:1: no_cuda is use_cpu\na.yaml: 1 name or value would change\n"


def test_folders_and_patterns(run: Callable, write: Callable, tmp_path: Path) -> None:
    paths = [write("c/a.yaml", OLD), write("c/deep/b.yml", OLD), write("d/x.yaml", OLD)]
    assert run("migrate", tmp_path / "c", tmp_path / "d/*.yaml").code == 0
    assert [path.read_text() for path in paths] == [NEW] * 3


def test_what_is_said_of_a_missing_file(run: Callable) -> None:
    found = run("migrate", "nowhere.yaml")
    assert (found.code, "error[SRC105]" in found.err) == (2, True)


def test_secrets_are_not_shown(run: Callable, write: Callable) -> None:
    found = run("migrate", write("a.yaml", "push_to_hub_token: hf_x\nhub_token: hf_y\n"))
    assert (found.code, "hf_" in found.out + found.err) == (1, False)
    found = run("migrate", write("b.yaml", "push_to_hub_token: hf_x\n"), "--to", "json")
    assert (found.code, "hf_" in found.out + found.err) == (0, False)
    assert "secrets are not written: hub_token" in found.err


FORMS = {
    "yaml": "use_cpu: true\nseed: 7\n",
    "toml": "use_cpu = true\nseed = 7\n",
    "json": '{\n  "use_cpu": true,\n  "seed": 7\n}\n',
    "env": "TRAINSPEC_USE_CPU=true\nTRAINSPEC_SEED=7\n",
    "cli": "--use_cpu --seed=7\n",
}
SOURCES = {
    "file": ("a.yaml", "no_cuda: true\nseed: 7\n"),
    "python": ("a.py", "TrainingArguments(no_cuda=True, seed=7)"),
    "script": ("a.sh", "torchrun train.py --no_cuda --seed 7"),
}


@pytest.mark.parametrize(("form", "text"), FORMS.items(), ids=FORMS)
@pytest.mark.parametrize(("name", "content"), SOURCES.values(), ids=SOURCES)
def test_a_source_in_a_form(run: Callable, write: Callable, name: str, content: str, form: str, text: str) -> None:
    path = write(name, content)
    found = run("migrate", path, "--to", form)
    assert (found.code, found.out, found.err) == (0, text, "")
    assert path.read_text() == content


def test_a_command_line_as_a_word_and_from_stdin(run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "python train.py --no_cuda --model_name x --seed 7"
    found = run("migrate", "--from", "cli", line)
    assert (found.code, found.out) == (0, FORMS["yaml"])
    assert found.err == "note: the command line: no settings, left out: model_name\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(line.encode())))
    assert run("migrate", "--from", "cli", "-", "--to", "cli").out == FORMS["cli"]


def test_several_calls_are_a_stream(run: Callable, write: Callable) -> None:
    path = write("a.py", "TrainingArguments(seed=1)\nTrainingArguments(seed=2)\n")
    assert run("migrate", path).out == "seed: 1\n---\nseed: 2\n"
    assert run("migrate", path, "--to", "json").code == 2


def test_a_hostile_pickle(run: Callable, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> object:
            return os.system, (f"touch {tmp_path}/ran",)

    path = tmp_path / "training_args.bin"
    path.write_bytes(pickle.dumps(Evil()))
    found = run("migrate", path)
    assert (found.code, found.out) == (1, "")
    assert "error[CLI110]" in found.err
    assert "system, which settings have no use for" in found.err
    assert not (tmp_path / "ran").exists()


MISTAKES = {
    "no file": ([], "CLI102"),
    "stdin in place": (["-"], "CLI103"),
    "a URL in place": (["memory://a.yaml"], "CLI103"),
    "a check of a conversion": (["a.py", "--check"], "CLI103"),
    "a command of a file": (["a.yaml", "--command", "1"], "CLI103"),
    "a form that there is not": (["a.yaml", "--to", "xml"], "CLI103"),
}


@pytest.mark.parametrize(("words", "code"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake(run: Callable, words: list[str], code: str) -> None:
    found = run("migrate", *words)
    assert (found.code, f"error[{code}]" in found.err) == (2, True)


TWO = "python a.py --seed 1\npython b.py --seed 2\n"


def test_one_command_is_chosen_and_the_others_are_listed(run: Callable, write: Callable) -> None:
    path = write("two.sh", TWO)
    found = run("migrate", path)
    assert (found.code, found.out) == (1, "seed: 1\n")
    assert "error[SRC142] 2 commands" in found.err
    assert f"  2: python b.py   {path}:2:1" in found.err
    found = run("migrate", path, "--command", "2")
    assert (found.code, found.out) == (0, "seed: 2\n")
    assert found.err == f"note: {path}: not migrated, choose with --command: 1: line 1, python a.py\n"
    assert run("migrate", path, "--command", "3").code == 1
    assert run("migrate", path, "--command", "none").code == 2


def test_json_has_everything(run: Callable, write: Callable) -> None:
    text = "export TRAINSPEC_BF16=true HF_TOKEN=hf_x\n"
    text += "torchrun --nproc_per_node 8 a.py --seed 7 --model m --output_dir $OUT\n"
    found = run("migrate", write("a.sh", text), "--format", "json")
    (said,) = json.loads(found.out)["sources"]
    assert found.code == 1
    assert (said["ok"], said["settings"], said["others"]) == (False, {"seed": 7, "bf16": True}, ["model"])
    assert (said["command"]["line"], said["command"]["script"]) == (2, "a.py")
    assert (said["command"]["program"], said["command"]["launcher_flags"]) == ("torchrun", ["nproc_per_node"])
    assert said["foreign"] == [{"name": "model", "line": 2, "column": 43}]
    assert said["environment"] == ["HF_TOKEN", "TRAINSPEC_BF16"]
    (finding,) = said["diagnostics"]
    source = finding["evidence"][0]["source"]
    assert (finding["code"], finding["fields"], source["line"], source["column"]) == ("SRC141", ["output_dir"], 2, 66)
    assert finding["evidence"][0]["value"] == "$OUT"
    assert "hf_x" not in found.out + found.err


def test_json_of_files_in_place(run: Callable, write: Callable) -> None:
    found = run("migrate", write("a.yaml", OLD), write("b.sh", "ls\n"), "--format", "json")
    first, second = json.loads(found.out)["sources"]
    assert (first["changed"], second["ok"], second["diagnostics"][0]["code"]) == (True, False, "SRC143")


NAMED = {
    "Makefile": ("all:\n\tpython t.py --seed 7\n", 2, "a Makefile"),
    "build.mk": ("all:\n\tpython t.py --seed 7\n", 2, "a Makefile"),
    "Dockerfile": ('FROM x\nCMD ["python", "t.py"]\n', 2, "a Dockerfile"),
    "launch": ("#!/usr/bin/env bash\npython t.py --seed 7\n", 0, ""),
    "job.slurm": ("#!/bin/bash\n#SBATCH -N 1\nsrun python t.py --seed 7\n", 0, "#SBATCH lines (1)"),
    "sources.sh": (". venv/bin/activate\n. ./vars.sh\npython t.py --seed 7\n", 0, "set variables: ./vars.sh (line 2)"),
    "empty.sh": ("", 1, "no command in it"),
    "private.sh": ("python t.py --run_name \U000f0000\n", 2, "private plane"),
}


@pytest.mark.parametrize(("name", "case"), NAMED.items(), ids=NAMED)
def test_files_by_their_names(run: Callable, write: Callable, name: str, case: tuple[str, int, str]) -> None:
    text, code, said = case
    found = run("migrate", write(name, text))
    assert (found.code, said in found.err) == (code, True), found.err
    assert found.out == ("seed: 7\n" if code == 0 else "")
