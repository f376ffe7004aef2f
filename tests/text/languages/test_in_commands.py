"""Commands in Chinese: where it is asked for, and for people where their locale is; never for programs unasked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

WRONG = "bf16: true\nfp16: true\nlearning_rat: 1\nno_cuda: true\nfsdp_config: {a: 1}\n"
LOCALES = {"TRAINSPEC_LANG": "zh", "LC_ALL": "zh_CN.UTF-8", "LC_MESSAGES": "zh_CN", "LANG": "zh_CN.UTF-8"}
COMMANDS = {
    "validate": ("validate", "{file}"),
    "show": ("show", "{good}"),
    "explain": ("explain", "learning_rate"),
    "all settings": ("explain",),
    "rule": ("rule", "PRE101"),
    "plan": ("plan", "{good}", "--rows", "1000"),
}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    for name, text in {"file": WRONG, "good": "seed: 7\nmax_steps: 10\n"}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return {name: str(tmp_path / f"{name}.yaml") for name in ("file", "good")}


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= sign <= "\u9fff" for sign in text)


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_text_is_told_as_asked(run: Callable, files: dict[str, str], words: tuple[str, ...]) -> None:
    command = [word.format(**files) for word in words]
    chinese, english = run(*command, "--lang", "zh"), run(*command, "--lang", "en")
    assert is_chinese(chinese.out) and not is_chinese(english.out + english.err)
    assert english == run(*command)
    assert chinese.code == english.code


@pytest.mark.parametrize(("name", "value"), LOCALES.items())
def test_text_is_told_as_the_locale_says(
    run: Callable, files: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    for other in LOCALES:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, value)
    assert run("validate", files["file"]).out.startswith("错误[SRC102] learning_rat 不对应任何设置")
    assert run("validate", files["file"], "--lang", "en").out.startswith("error[SRC102]")
    assert "没有命令 validat" in run("validat").err
    assert "validate 需要一个文件" in run("validate").err


@pytest.mark.parametrize("form", ["json", "sarif", "junit", "github"])
def test_what_programs_read_is_chinese_only_where_it_is_asked_for(
    run: Callable, files: dict[str, str], monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    command = ("validate", files["file"], "--format", form)
    plain = run(*command)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    monkeypatch.setenv("TRAINSPEC_LANG", "zh")
    assert run(*command) == plain
    told = run(*command, "--lang", "zh")
    assert told.code == plain.code
    # SARIF and JUnit are written in ASCII, with other signs escaped.
    assert is_chinese(told.out) or "\\u6ca1" in told.out or "&#" in told.out


def test_json_in_chinese_has_the_same_names(run: Callable, files: dict[str, str]) -> None:
    command = ("validate", files["file"], "--format", "json")
    plain, told = (json.loads(run(*command, *more).out)["files"][0]["diagnostics"] for more in ((), ("--lang", "zh")))
    texts = {"message", "reason", "remedy"}
    for one, other in zip(plain, told, strict=True):
        assert {key: value for key, value in one.items() if key not in texts} == {
            key: value for key, value in other.items() if key not in texts
        }
        assert is_chinese(other["message"])


def test_schemas_are_chinese_only_where_it_is_asked_for(run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = run("schema", "--for", "diagnostics")
    monkeypatch.setenv("TRAINSPEC_LANG", "zh")
    assert run("schema", "--for", "diagnostics") == plain
    assert is_chinese(run("schema", "--for", "diagnostics", "--lang", "zh").out)
    refused = run("schema", "--path", "--lang", "zh")
    assert (refused.code, refused.out) == (2, "")
    assert "CLI103" in refused.err


def test_a_language_that_there_is_not(run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--lang takes en or zh" in run("explain", "seed", "--lang", "fr").err
    monkeypatch.setenv("TRAINSPEC_LANG", "fr")
    refused = run("explain", "seed")
    assert refused.code == 2 and "TRAINSPEC_LANG takes en or zh" in refused.err
    assert run("explain", "seed", "--format", "json").code == 0


def test_the_variable_is_no_setting(run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_LANG", "zh")
    assert run("validate", "--env").out == "环境变量：没有问题\n"
    monkeypatch.setenv("TRAINSPEC_LANGU", "zh")
    assert "TRAINSPEC_LANGU 不对应任何设置" in run("validate", "--env").out
