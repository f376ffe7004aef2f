"""`trainspec validate`: forms, strictness, patterns and stdin."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

GOOD, BAD, WARNED = "seed: 1\n", "seed: x\n", "evaluation_strategy: steps\n"
FORMS = ("text", "json", "github", "sarif", "junit")

CODES: dict[str, tuple[str, list[str], int]] = {
    "good": (GOOD, [], 0),
    "bad": (BAD, [], 1),
    "a warning": (WARNED, [], 0),
    "a warning, strictly": (WARNED, ["--strict"], 1),
    "good, strictly": (GOOD, ["--strict"], 0),
    "not readable, strictly": ("", ["--strict", "nowhere.yaml"], 2),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("text", "words", "code"), CODES.values(), ids=CODES)
def test_the_code_is_the_same_in_every_form(
    run: Callable, write: Callable, form: str, text: str, words: list[str], code: int
) -> None:
    assert run("validate", write("a.yaml", text), "--format", form, *words).code == code


def test_json_says_whether_it_is_well(run: Callable, write: Callable) -> None:
    path = write("a.yaml", WARNED)
    assert json.loads(run("validate", path, "--format", "json").out)["ok"] is True
    assert json.loads(run("validate", path, "--format", "json", "--strict").out)["ok"] is False


def test_a_form_that_there_is_not(run: Callable, write: Callable) -> None:
    found = run("validate", write("a.yaml", GOOD), "--format", "xml")
    assert (found.code, "--format takes text or json or github or sarif or junit" in found.err) == (2, True)


PATTERNS: dict[str, tuple[list[str], list[str]]] = {
    "one folder": (["configs/*.yaml"], ["configs/a.yaml"]),
    "all below": (["configs/**/*.yaml"], ["configs/a.yaml", "configs/deep/b.yaml"]),
    "a question mark": (["configs/?.yaml"], ["configs/a.yaml"]),
    "a set": (["configs/deep/[bc].*"], ["configs/deep/b.yaml", "configs/deep/c.toml"]),
    "folders": (["conf*"], ["configs/a.yaml", "configs/deep/b.yaml", "configs/deep/c.toml"]),
    "a file once": (["configs/a.yaml", "configs/*"], ["configs/a.yaml", "configs/deep/b.yaml", "configs/deep/c.toml"]),
    "two patterns": (["configs/*.yaml", "configs/**/*.yaml"], ["configs/a.yaml", "configs/deep/b.yaml"]),
    "a name that looks like one": (["[a].yaml"], ["[a].yaml"]),
}


@pytest.mark.parametrize(("words", "files"), PATTERNS.values(), ids=PATTERNS)
def test_a_pattern(
    run: Callable, write: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], files: list[str]
) -> None:
    for name in ("configs/a.yaml", "configs/notes.txt", "configs/deep/b.yaml", "configs/.hid/d.yaml", "[a].yaml"):
        write(name, GOOD)
    write("configs/deep/c.toml", "seed = 1")
    monkeypatch.chdir(tmp_path)
    data = json.loads(run("validate", "--format", "json", *words).out)
    assert [item["file"] for item in data["files"]] == files


def test_a_pattern_that_matches_nothing(run: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = run("validate", "configs/**/*.yaml")
    assert (found.code, "that matches configs/**/*.yaml" in found.out) == (2, True)


# Name -> bytes, options, exit code, texts of stdout.
STDIN: dict[str, tuple[bytes, list[str], int, list[str]]] = {
    "yaml": (b"seed: 1", [], 0, ["1 file: nothing wrong"]),
    "a fault": (b"\nseed: x", [], 1, ["stdin:2:1"]),
    "a stream": (b"seed: 1\n---\nseed: x", [], 1, ["stdin (document 2)", "2 documents"]),
    "a name": (b'{"seed": "x"}', ["--stdin-name", "conf/run.json"], 1, ["conf/run.json:1:2"]),
    "a format": (b"seed = 1", ["--stdin-format", "toml"], 0, ["nothing wrong"]),
    "a name and a format": (b"seed = 'x'", ["--stdin-name", "x", "--stdin-format", "toml"], 1, ["x:1:1"]),
    "a name that tells none": (b"seed: 1", ["--stdin-name", "x"], 2, ["error[SRC114]"]),
    "no UTF-8": (b"seed: \xff", [], 2, ["error[SRC106] cannot read stdin: it is not UTF-8"]),
    "nothing": (b"", [], 0, ["nothing wrong"]),
    "a subtree": (b"a: {seed: x}", ["--at", "a"], 1, ["seed must be"]),
}


@pytest.mark.parametrize(("text", "words", "code", "texts"), STDIN.values(), ids=STDIN)
def test_stdin(
    run: Callable, monkeypatch: pytest.MonkeyPatch, text: bytes, words: list[str], code: int, texts: list[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    found = run("validate", "-", *words)
    assert found.code == code, found.out
    assert all(item in found.out for item in texts), found.out


def test_no_form_is_loaded_that_was_not_chosen(write: Callable) -> None:
    program = (
        "import sys; from trainspec.cli import main; main(['validate', sys.argv[1]]);"
        "print([name for name in sys.modules if name != 'trainspec.reports.report' and "
        "name.startswith(('trainspec.reports.', 'trainspec.migration', 'xml', 'glob'))])"
    )
    words = [sys.executable, "-c", program, str(write("a.yaml", GOOD))]
    assert subprocess.run(words, capture_output=True, text=True).stdout.endswith("nothing wrong\n[]\n")
