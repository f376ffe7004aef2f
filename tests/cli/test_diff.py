"""`trainspec diff`: settings are compared, not texts."""

import json
from collections.abc import Callable

import pytest

CANARY = "canary-9f8e7d6c"

# Two files (name, text) that say the same.
SAME: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "formats": (("a.yaml", "seed: 1\nbf16: true\n"), ("b.json", '{"bf16": true, "seed": 1}')),
    "toml": (("a.yaml", "seed: 1\n"), ("b.toml", "seed = 1\n")),
    "numbers": (("a.yaml", "learning_rate: 3e-4"), ("b.yaml", "learning_rate: 0.0003")),
    "an old name": (("a.yaml", "evaluation_strategy: steps"), ("b.yaml", "eval_strategy: steps")),
    "a default spelled out": (("a.yaml", "seed: 42"), ("b.yaml", "")),
    "options as text": (("a.yaml", "fsdp: full_shard"), ("b.yaml", "fsdp: [full_shard]")),
    "a nested default": (
        ("a.yaml", "accelerator_config: {split_batches: true, even_batches: true}"),
        ("b.yaml", "accelerator_config: {split_batches: true}"),
    ),
    "the task": (("a.yaml", "task: {width: 1}"), ("b.json", '{"task": {"width": 1}}')),
}


@pytest.mark.parametrize(("a", "b"), SAME.values(), ids=SAME)
def test_the_same(run: Callable, write: Callable, a: tuple[str, str], b: tuple[str, str]) -> None:
    found = run("diff", write(*a), write(*b))
    assert (found.code, found.out) == (0, "the same settings\n")


def test_what_differs_is_shown_with_both_sources(run: Callable, write: Callable) -> None:
    a = write("a.yaml", "bf16: true\nlogging_steps: 10\n")
    b = write("b.json", '{"logging_steps": 20, "task": {"width": 3}}')
    code, out, err = run("diff", a, b)
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "eval_steps",
        "  10  derived from logging_steps",
        "  20  derived from logging_steps",
        "logging_steps",
        f"  10  {a}:2:1",
        f"  20  {b}:1:2",
        "bf16",
        f"  true   {a}:1:1",
        "  false  default",
        "task.width",
        f"  not there  {a}:1:1",
        f"  3          {b}:1:32",
    ]


def test_json(run: Callable, write: Callable) -> None:
    code, out, err = run("diff", "--format", "json", write("a.yaml", "seed: 1"), write("b.yaml", "seed: 2"))
    data = json.loads(out)
    assert (code, err, data["same"]) == (1, "", False)
    named = {item["setting"]: (item["a"]["value"], item["b"]["value"]) for item in data["differences"]}
    assert named == {"seed": ("1", "2"), "data_seed": ("1", "2")}


def test_secrets_differ_unseen(run: Callable, write: Callable) -> None:
    found = run("diff", write("a.yaml", f"hub_token: {CANARY}"), write("b.yaml", f"hub_token: {CANARY}2"))
    assert found.code == 1
    assert "hub_token" in found.out
    assert CANARY not in found.out + found.err


FAULTS: dict[str, tuple[str, str]] = {
    "a wrong value": ("seed: x", "VAL101"),
    "bad syntax": ("a: [", "SRC107"),
    "two documents": ("seed: 1\n---\nseed: 2", "SRC108"),
}


@pytest.mark.parametrize(("text", "code"), FAULTS.values(), ids=FAULTS)
def test_what_is_not_valid_is_not_compared(run: Callable, write: Callable, text: str, code: str) -> None:
    found = run("diff", write("a.yaml", text), write("b.yaml", "seed: 1"))
    assert (found.code, found.out) == (2, "")
    assert f"error[{code}]" in found.err
