"""JUnit XML: well-formed whatever is in it, one test case a document, counts that agree."""

from xml.etree import ElementTree

import pytest
from tests.reports.conftest import Judge

from trainspec.reports.junit import render
from trainspec.reports.report import Manner, Report
from trainspec.settings.diagnostics import Diagnostic

WARNED = "evaluation_strategy: steps\n"
BAD = "seed: x\nleraning_rate: 1\n"

# Name -> files, options, tests, failures, errors.
FILES: dict[str, tuple[dict[str, str], list[str], int, int, int]] = {
    "nothing wrong": ({"a.yaml": "seed: 1"}, [], 1, 0, 0),
    "two faults": ({"a.yaml": BAD, "b.yaml": "seed: 1"}, [], 2, 2, 0),
    "files together": ({"a.yaml": BAD, "b.yaml": "seed: 1"}, ["--together"], 1, 1, 0),
    "a stream": ({"a.yaml": f"seed: 1\n---\n{BAD}"}, [], 2, 2, 0),
    "a warning": ({"a.yaml": WARNED}, [], 1, 0, 0),
    "a warning, strictly": ({"a.yaml": WARNED}, ["--strict"], 1, 1, 0),
    "a file that is not there": ({}, ["nowhere.yaml"], 1, 0, 1),
}


@pytest.mark.parametrize(("files", "words", "tests", "failures", "errors"), FILES.values(), ids=FILES)
def test_the_counts(
    judge: Judge, files: dict[str, str], words: list[str], tests: int, failures: int, errors: int
) -> None:
    _, text = judge("junit", files, *words)
    suites = ElementTree.fromstring(text)
    wanted = {"tests": str(tests), "failures": str(failures), "errors": str(errors), "skipped": "0"}
    assert wanted.items() <= suites.attrib.items()
    assert wanted.items() <= suites[0].attrib.items()
    assert len(suites.findall("testsuite/testcase")) == tests
    assert len(suites.findall("testsuite/testcase/failure")) == failures
    assert len(suites.findall("testsuite/testcase/error")) == errors


def test_a_failure_says_all(judge: Judge) -> None:
    _, text = judge("junit", {"configs/a.yaml": BAD})
    case = ElementTree.fromstring(text)[0][0]
    assert (case.get("name"), case.get("file")) == ("configs/a.yaml", "configs/a.yaml")
    failure = next(item for item in case if item.get("type") == "VAL101")
    assert (failure.get("message") or "").startswith("VAL101 seed must be")
    assert "configs/a.yaml:1:1" in (failure.text or "")


def test_files_together_are_one_case_that_names_them(judge: Judge) -> None:
    _, text = judge("junit", {"base.yaml": "seed: x", "sites/a.yaml": "bf16: true"}, "--together")
    case = ElementTree.fromstring(text)[0][0]
    assert (case.get("name"), case.get("file")) == ("base.yaml, sites/a.yaml", "sites/a.yaml")


def test_a_warning_is_noted(judge: Judge) -> None:
    _, text = judge("junit", {"a.yaml": WARNED})
    note = ElementTree.fromstring(text).find("testsuite/testcase/system-out")
    assert note is not None and "warning[REN101]" in (note.text or "")


TEXTS = {
    "control characters": "a\x00b\x1b[31m\x07\x0b",
    "markup": "<b>&\"'</b>]]>",
    "half a surrogate pair": "a\ud800b",
    "no characters": "\ufffe\uffff",
    "letters": "é 漢 😀",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_it_is_well_formed(text: str) -> None:
    found = Report(text, diagnostics=[Diagnostic("VAL101", "x", "error", text, text, text)])
    rendered = render([found], Manner("/"))
    assert rendered.isascii()
    assert ElementTree.fromstring(rendered)[0][0][0].get("type") == "VAL101"
