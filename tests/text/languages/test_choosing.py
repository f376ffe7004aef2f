"""Which language names and locales stand for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from trainspec.text.languages import LANGUAGES, language_of, language_of_system, words_of

NAMED = {
    **dict.fromkeys(("zh", "ZH", "zh_CN", "zh-CN", "zh_CN.UTF-8", "zh_SG", "zh-Hans", "zh_CN.GB18030@pinyin"), "zh"),
    **dict.fromkeys(("en", "en_GB.UTF-8", "C", "C.UTF-8", "POSIX"), "en"),
    **dict.fromkeys(("zh_TW.UTF-8", "zh-Hant-HK", "de_DE.UTF-8", "fr", "zhuang", ""), None),
}
SYSTEMS = {
    "nothing said": ({}, "en"),
    "a language": ({"LANG": "zh_CN.UTF-8"}, "zh"),
    "one that is not here": ({"LANG": "de_DE.UTF-8"}, "en"),
    "messages before the rest": ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
    "all before messages": ({"LC_ALL": "zh_CN.UTF-8", "LC_MESSAGES": "C", "LANG": "C"}, "zh"),
    "an empty one says nothing": ({"LC_ALL": "", "LANG": "zh_CN"}, "zh"),
}


@pytest.mark.parametrize(("name", "language"), NAMED.items())
def test_names(name: str, language: str | None) -> None:
    assert language_of(name) == language


@pytest.mark.parametrize(("environ", "language"), SYSTEMS.values(), ids=SYSTEMS)
def test_the_locale(environ: dict[str, str], language: str) -> None:
    assert language_of_system(environ) == language


def test_every_language_has_words() -> None:
    for language in LANGUAGES:
        assert words_of(language)("") == ""
    assert words_of("en")("Never.") == "Never."
    assert words_of("zh")("Never.") == "从不。"


def test_chinese_is_loaded_only_when_it_is_asked_for() -> None:
    script = "import sys; from trainspec.cli import main; main(['rule', 'PRE101'])\n"
    script += "assert not [name for name in sys.modules if name.startswith('trainspec.text.languages.zh')]"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env={"PATH": ""}, timeout=60)
    assert done.returncode == 0, done.stderr
