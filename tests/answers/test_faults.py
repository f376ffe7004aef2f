"""What cannot be answered is said by diagnostics, under codes that do not change."""

import pytest

from trainspec.answers.faults import NoAnswer, command_codes, mistake

NAMES = {
    "CLI101": "unknown-command",
    "CLI102": "missing-argument",
    "CLI103": "bad-option",
    "CLI104": "unknown-name",
    "CLI105": "no-such-task",
    "CLI106": "no-such-model",
    "CLI107": "no-such-run",
    "CLI108": "cannot-train-here",
    "CLI109": "cannot-rewrite",
    "CLI110": "refused-pickle",
    "CLI111": "not-writable",
    "CLI112": "file-exists",
    "CLI113": "no-checkpoint-there",
    "CLI115": "no-size-there",
    "CLI116": "no-such-picture",
    "CLI120": "launched-twice",
    "CLI121": "no-such-processes",
    "CLI123": "no-such-number",
    "CLI124": "no-such-name-there",
    "CLI125": "contradicting-options",
    "CLI126": "unreadable-variable",
    "CLI127": "answer-not-written",
    "SVC101": "body-too-large",
    "SVC102": "out-of-time",
    "SVC103": "unknown-format",
    "SVC104": "bad-parameter",
    "SVC105": "not-allowed",
    "SVC106": "no-such-address",
    "SVC107": "too-busy",
    "SVC108": "cannot-serve",
    "SVC120": "unusable-certificate",
    "SVC121": "unusable-tokens",
    "SVC122": "unusable-socket",
    "SVC130": "no-page",
    "SVC132": "secret-elsewhere",
}


def test_codes_are_permanent() -> None:
    assert {code: text.name for code, text in command_codes().items()} == NAMES


@pytest.mark.parametrize("code", NAMES)
def test_a_mistake_has_the_name_of_its_code_and_shows_no_control_characters(code: str) -> None:
    found = mistake(code, "a\x1b[2Jb", "write\nthis")
    assert (found.code, found.name, found.severity) == (code, NAMES[code], "error")
    assert (found.message, found.remedy) == ("a\\x1b[2Jb", "write\\x0athis")


def test_no_answer_carries_all_that_is_wrong() -> None:
    faults = (mistake("CLI104", "there is no setting x"), mistake("CLI103", "there is no machine y"))
    error = NoAnswer(*faults)
    assert error.diagnostics == faults
    assert str(error) == "there is no setting x\nthere is no machine y"
