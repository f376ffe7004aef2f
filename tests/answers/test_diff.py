"""Two documents are compared as settings, and each difference has the sources of both."""

import pytest
from tests.answers.conftest import as_json, document, settings_of

from trainspec.answers.diff import compare
from trainspec.answers.documents import judged

SAME: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "formats": (("seed: 1\nbf16: true\n", "yaml"), ('{"bf16": true, "seed": 1}', "json")),
    "numbers": (("learning_rate: 3e-4", "yaml"), ("learning_rate = 0.0003", "toml")),
    "an old name": (("evaluation_strategy: steps", "yaml"), ("eval_strategy: steps", "yaml")),
    "a default spelled out": (("seed: 42", "yaml"), ("", "yaml")),
    "the task": (("task: {a: {b: 1}}", "yaml"), ('{"task": {"a": {"b": 1}}}', "json")),
    "an empty task": (("task:", "yaml"), ("", "yaml")),
}


@pytest.mark.parametrize(("a", "b"), SAME.values(), ids=SAME)
def test_the_same(a: tuple[str, str], b: tuple[str, str]) -> None:
    found = compare(*(judged(document(text, "a", format)) for text, format in (a, b)))
    assert found.differences == ()
    assert as_json(found)["same"] is True


# Two texts -> setting -> both values as shown, with the lines where they stand or what they come from.
DIFFERENT: dict[str, tuple[str, str, dict[str, tuple[str, str, str, str]]]] = {
    "a value": ("bf16: true\n", "\nbf16: false\n", {"bf16": ("true", "run.yaml:1:1", "false", "run.yaml:2:1")}),
    "a default": ("bf16: true\n", "", {"bf16": ("true", "run.yaml:1:1", "false", "default")}),
    "what follows": (
        "logging_steps: 10\n",
        "logging_steps: 20\n",
        {
            "eval_steps": ("10", "derived from logging_steps", "20", "derived from logging_steps"),
            "logging_steps": ("10", "run.yaml:1:1", "20", "run.yaml:1:1"),
        },
    ),
    "a secret": (
        "hub_token: a\n",
        "hub_token: b\n",
        {"hub_token": ("**********", "run.yaml:1:1", "**********", "run.yaml:1:1")},
    ),
    "the task": (
        "task:\n  a: 1\n  b: {c: 2}\n",
        "task:\n  b: {c: 3}\n  api_token: x\n",
        {
            "task.a": ("1", "run.yaml:2:3", "not there", "run.yaml:1:1"),
            "task.b.c": ("2", "run.yaml:3:7", "3", "run.yaml:2:7"),
            "task.api_token": ("not there", "run.yaml:1:1", "**********", "run.yaml:3:3"),
        },
    ),
}


@pytest.mark.parametrize(("a", "b", "wanted"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs(a: str, b: str, wanted: dict[str, tuple[str, str, str, str]]) -> None:
    found = compare(settings_of(a), settings_of(b))
    assert found.differences is not None
    shown = {
        item.setting: (item.a.value, str(item.a.source), item.b.value, str(item.b.source)) for item in found.differences
    }
    assert shown == wanted
    answer = as_json(found)
    assert (answer["same"], [item["setting"] for item in answer["differences"]]) == (False, list(wanted))


@pytest.mark.parametrize(("a", "b"), [("seed: x\n", "seed: 1\n"), ("seed: 1\n", "seed: x\n"), ("seed: x", "seed: y")])
def test_what_is_not_valid_is_not_compared(a: str, b: str) -> None:
    found = compare(settings_of(a), settings_of(b))
    assert found.differences is None
    assert {item.code for item in found.diagnostics} == {"VAL101"}
    assert len(found.diagnostics) == (a + b).count("x") + (a + b).count("y")
    assert (as_json(found)["same"], as_json(found)["differences"]) == (None, None)


def test_warnings_of_both_are_told() -> None:
    found = compare(settings_of("evaluation_strategy: steps\n"), settings_of("no_cuda: true\n"))
    assert [item["code"] for item in as_json(found)["diagnostics"]] == ["REN101", "REN101"]
