"""Dotenv files: variables with their lines, names expanded as python-dotenv does; a line that is none is an error."""

from __future__ import annotations

import os
from typing import Any

import fsspec
import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from trainspec import TrainingArguments
from trainspec.settings.sources.dotenv import read_dotenv
from trainspec.settings.sources.variables import USUAL

READ = {
    "plain": ("TRAINSPEC_RUN_NAME=x", "x", 1),
    "exported": ("\n\nexport TRAINSPEC_RUN_NAME=x\n", "x", 3),
    "blanks around": ("  TRAINSPEC_RUN_NAME = x  \n", "x", 1),
    "double quotes": ('A=1\nTRAINSPEC_RUN_NAME="a b # c"\n', "a b # c", 2),
    "single quotes": ("# one\n\nTRAINSPEC_RUN_NAME='a b' # two\n", "a b", 3),
    "a comment behind": ("TRAINSPEC_RUN_NAME=x # y", "x", 1),
    "a hash inside": ("TRAINSPEC_RUN_NAME=x#y", "x#y", 1),
    "a name in braces": ("A=1\nTRAINSPEC_RUN_NAME=${A}-$A\n", "1-$A", 2),
    "a default": ("TRAINSPEC_RUN_NAME=${A:-x y}\n", "x y", 1),
    "a name of ours": ("TRAINSPEC_OUTPUT_DIR=/a\nTRAINSPEC_RUN_NAME=${TRAINSPEC_OUTPUT_DIR}/b", "/a/b", 2),
    "a name that is expanded itself": ("A=1\nB=${A}2\nTRAINSPEC_RUN_NAME=${B}3", "123", 3),
    "a name in quotes": ('A=1\nTRAINSPEC_RUN_NAME="${A} b"', "1 b", 2),
    "an equals sign": ("TRAINSPEC_RUN_NAME=a=b", "a=b", 1),
    "after one of several lines": ('OTHER="a\nb\nc"\nTRAINSPEC_RUN_NAME=x', "x", 4),
    "after blank lines and comments": ("\n# a\n\n# b\n\nTRAINSPEC_RUN_NAME=x", "x", 6),
    "CRLF": ("A=1\r\n\r\nTRAINSPEC_RUN_NAME=x\r\n", "x", 3),
    "lower case": ("trainspec_run_name=x", "x", 1),
    "a mark of byte order": ("\ufeffTRAINSPEC_RUN_NAME=x", "x", 1),
    "other text": ("TRAINSPEC_RUN_NAME=Größe", "Größe", 1),
}


@pytest.mark.parametrize(("text", "value", "line"), READ.values(), ids=READ)
def test_read(text, value, line, judge, write):
    path = write(".env", text)
    settings = judge({"TRAINSPEC_ENV_FILE": path}).settings
    assert settings.run_name == value
    source = settings.provenance["run_name"].source
    assert (str(source), source.line) == (f"{path}:{line} (dotenv)", line)


@pytest.mark.parametrize(
    "text", ["", "\n", "# none\n", "OTHER=1\nXTRAINSPEC_SEED=2", "TRAINSPEC_SEED=\n", "TRAINSPEC_SEED=''"]
)
def test_says_nothing(text, judge, write):
    verdict = judge({"TRAINSPEC_ENV_FILE": write(".env", text)})
    assert verdict.settings.model_fields_set == set() and not verdict.diagnostics


REFUSED = {
    "no equals sign": ("A=1\nTRAINSPEC_SEED 3\n", "SRC107", 2),
    "a name alone": ("\nTRAINSPEC_SEED\n", "SRC107", 2),
    "an open quote": ('TRAINSPEC_RUN_NAME="x\n', "SRC107", 1),
    "twice": ("TRAINSPEC_SEED=1\n# two\nTRAINSPEC_SEED=1\n", "SRC104", 3),
    "twice in two cases": ("TRAINSPEC_SEED=1\ntrainspec_seed=2\n", "SRC113", 1),
    "unknown": ("\nTRAINSPEC_LEARNNG_RATE=1\n", "SRC101", 2),
    "a wrong value": ("A=1\n\nTRAINSPEC_SEED=x\n", "VAL101", 3),
    "a wrong nested key": ("\nTRAINSPEC_FSDP_CONFIG__X=1\nTRAINSPEC_FSDP=full_shard", "VAL107", 2),
}


@pytest.mark.parametrize(("text", "code", "line"), REFUSED.values(), ids=REFUSED)
def test_refused_at_its_line(text, code, line, judge, write):
    path = write(".env", text)
    (error,) = judge({"TRAINSPEC_ENV_FILE": path}).errors
    assert (error.code, error.source.name, error.source.line) == (code, path, line)


def test_suggests_the_variable(judge, write):
    (error,) = judge({"TRAINSPEC_ENV_FILE": write(".env", "TRAINSPEC_LEARNNG_RATE=1")}).errors
    assert error.remedy == "did you mean TRAINSPEC_LEARNING_RATE?"


def unreadable(name: str, write: Any, tmp_path: Any) -> tuple[str, str]:
    large = write("large", "")
    os.truncate(large, 17 * 2**20)
    return {
        "missing": (str(tmp_path / "no"), "SRC105"),
        "a folder": (str(tmp_path), "SRC106"),
        "not UTF-8": (write("latin", b"A=\xff"), "SRC106"),
        "too large": (large, "SRC109"),
    }[name]


@pytest.mark.parametrize("name", ["missing", "a folder", "not UTF-8", "too large"])
def test_one_that_cannot_be_read_does_not_hide_other_faults(name, judge, write, tmp_path):
    path, code = unreadable(name, write, tmp_path)
    found = judge({"TRAINSPEC_ENV_FILE": path, "TRAINSPEC_SEED": "x"}).errors
    assert [item.code for item in found] == [code, "VAL101"]
    assert found[0].source.name == path


def test_at_a_url_and_only_when_named(judge, write, monkeypatch, tmp_path):
    fsspec.filesystem("memory").pipe("/dot/env", b"TRAINSPEC_SEED=5")
    assert judge({"TRAINSPEC_ENV_FILE": "memory://dot/env"}).settings.seed == 5
    write(".env", "TRAINSPEC_SEED=6")
    monkeypatch.chdir(tmp_path)
    assert TrainingArguments().seed == 42
    monkeypatch.setenv("TRAINSPEC_ENV_FILE", ".env")
    assert TrainingArguments().seed == 6
    assert "TRAINSPEC_SEED" not in os.environ


NAMES = ("A", "B", "TRAINSPEC_RUN_NAME", "TRAINSPEC_OUTPUT_DIR")
VALUES = st.lists(
    st.sampled_from(["x", "/", "${A}", "${B}", "${C}", "${HOST}", "${B:-d}", "${}", "$A", "{", "}", "${A", ":-"]),
    min_size=1,
    max_size=5,
).map("".join)


@given(lines=st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1), host=st.sampled_from(["", "h"]))
def test_names_stand_for_what_python_dotenv_says(lines: dict[str, str], host: str) -> None:
    """Against python-dotenv itself, in an environment with and without the name."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = f"{folder}/.env"
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.writelines(f"{name}='{value}'\n" for name, value in lines.items())
        environ = {"HOST": host} if host else {}
        for name in (*NAMES, "C", "HOST"):
            patch.delenv(name, raising=False)
        for name, value in environ.items():
            patch.setenv(name, value)
        variables, unset = read_dotenv(path, TrainingArguments, USUAL, environ)
        expected = dotenv_values(path)
    for name in lines.keys() & {"TRAINSPEC_RUN_NAME", "TRAINSPEC_OUTPUT_DIR"}:
        short = name.removeprefix("TRAINSPEC_").lower()
        assert variables.values.get(short, "") == (expected[name] or "").strip()
    assert all(item.code == "SRC130" and item.severity == "warning" for item in unset)


def test_a_name_that_nothing_sets_is_a_warning_at_its_line(judge, write):
    path = write(".env", "A=1\n\nTRAINSPEC_OUTPUT_DIR=${BASE}/run\nOTHER=${NONE}\n")
    verdict = judge({"TRAINSPEC_ENV_FILE": path})
    (item,) = verdict.diagnostics
    assert (item.code, item.severity, str(item.source)) == ("SRC130", "warning", f"{path}:3 (dotenv)")
    assert "${BASE}" in item.message and "TRAINSPEC_OUTPUT_DIR" in item.message
    assert verdict.settings.output_dir == "/run"


def test_the_environment_stands_behind_the_lines_above(judge, write):
    path = write(".env", "A=file\nTRAINSPEC_RUN_NAME=${A}-${B}\n")
    assert judge({"TRAINSPEC_ENV_FILE": path, "A": "process", "B": "process"}).settings.run_name == "file-process"


def test_a_secret_may_stand_behind_a_name_and_is_told_nowhere(judge, write):
    path = write(".env", "TRAINSPEC_HUB_TOKEN=${TOKEN}\nTRAINSPEC_PUSH_TO_HUB=true\nTRAINSPEC_HUB_MODEL_ID=a/b\n")
    settings = judge({"TRAINSPEC_ENV_FILE": path, "TOKEN": "hf_canary"}).settings
    assert settings.hub_token.get_secret_value() == "hf_canary"
    assert "canary" not in repr(settings) + str(settings.to_dict()) + str(settings.provenance)
