"""GitHub's workflow commands: one line a diagnostic, whatever the text in it."""

import re

import pytest
from tests.reports.conftest import Judge

from trainspec.reports.github import render
from trainspec.reports.report import Manner, Report
from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.source import Source, SourceKind

_LINE = re.compile(r"::(error|warning) ((?:[a-z]+=[^,:\r\n]*,?)+)::([^\r\n]*)")


def test_an_annotation_a_diagnostic(judge: Judge) -> None:
    code, text = judge("github", {"configs/a.yaml": "seed: x\nevaluation_strategy: steps\n", "b.yaml": "seed: 1"})
    lines = text.splitlines()
    assert (code, len(lines)) == (1, 2)
    assert all(_LINE.fullmatch(line) for line in lines)
    assert "::error file=configs/a.yaml,line=1,col=1,title=VAL101 wrong-type::seed must be a whole number" in text
    assert "::warning file=configs/a.yaml,line=2,col=1,title=REN101 deprecated-name::" in text
    assert "%0A  help: " in text


def test_files_together_are_annotated_each_in_its_own(judge: Judge) -> None:
    _, text = judge("github", {"a.yaml": "seed: x\n", "b/c.yaml": "learning_rate: 1\nbf16: 7\n"}, "--together")
    places = {line.partition("title=")[0] for line in text.splitlines()}
    assert places == {"::error file=a.yaml,line=1,col=1,", "::error file=b/c.yaml,line=2,col=1,"}


def test_nothing_wrong_says_nothing(judge: Judge) -> None:
    assert judge("github", {"a.yaml": "seed: 1"}) == (0, "")


TEXTS = {
    "a line break": ("a\nb\r\nc", "a%0Ab%0D%0Ac"),
    "a percent sign": ("100%0A", "100%250A"),
    "another command": ("x\n::set-output name=a::b", "x%0A::set-output name=a::b"),
}


@pytest.mark.parametrize(("text", "written"), TEXTS.values(), ids=TEXTS)
def test_a_message_stays_one_line(text: str, written: str) -> None:
    line = render([Report("a.yaml", diagnostics=[Diagnostic("VAL101", "x", "error", text)])], Manner("/"))
    assert line.endswith(f"::{written}")
    assert _LINE.fullmatch(line)


def test_a_path_cannot_add_properties() -> None:
    evidence = (Evidence("seed", "1", Source(SourceKind.FILE, "a,line=9::x.yaml", 3, 1)),)
    item = Diagnostic("VAL101", "wrong-type", "error", "m", evidence=evidence)
    line = render([Report("a,line=9::x.yaml", diagnostics=[item])], Manner("/"))
    assert "a%2Cline=9%3A%3Ax.yaml,line=3,col=1,title=" in line
    assert _LINE.fullmatch(line)


def test_a_variable_has_no_file(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SEDE", "1")
    _, text = judge("github", {}, "--env")
    assert text.startswith("::error title=SRC101 unknown-variable::")
