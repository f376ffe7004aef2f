"""A run in numbers, or the one diagnostic why there is none."""

from typing import Any

import pytest
from tests.answers.conftest import as_json, settings_of

from trainspec.answers.plan import plan

# Document, what is known of the run -> part of the plan.
RUNS: dict[str, tuple[str, dict[str, int], dict[str, Any]]] = {
    "one process": (
        "per_device_train_batch_size: 8\ngradient_accumulation_steps: 2\n",
        {"rows": 10_000},
        {"effective_batch_rows": 16, "updates_per_epoch": 625, "total_updates": 1875},
    ),
    "three": ("gradient_accumulation_steps: 2\n", {"rows": 30_000, "world_size": 3}, {"updates_per_epoch": 625}),
    "no length": ("max_steps: 100\nwarmup_ratio: 0.03\n", {}, {"total_updates": 100, "warmup_updates": 3}),
    "evaluation": ("", {"rows": 100, "eval_rows": 17}, {"eval_batches": 3}),
}


@pytest.mark.parametrize(("text", "known", "wanted"), RUNS.values(), ids=RUNS)
def test_a_run(text: str, known: dict[str, int], wanted: dict[str, Any]) -> None:
    answer = as_json(plan(settings_of(text).settings, **known))
    assert (answer["ok"], answer["diagnostics"]) == (True, [])
    assert {name: answer["plan"][name] for name in wanted} == wanted


NONE: dict[str, tuple[str, dict[str, int], str, str]] = {
    "rows not said": ("", {}, "", "say how many rows there are"),
    "no rows": ("", {"rows": 0}, "the training data set has no rows", ""),
    "all dropped": ("dataloader_drop_last: true\n", {"rows": 3}, "dataloader_drop_last drops every row", ""),
}


@pytest.mark.parametrize(("text", "known", "message", "remedy"), NONE.values(), ids=NONE)
def test_none(text: str, known: dict[str, int], message: str, remedy: str) -> None:
    found = plan(settings_of(text).settings, **known)
    (why,) = found.diagnostics
    assert (found.plan, why.code, why.severity, why.remedy) == (None, "CLI107", "error", remedy)
    assert why.message.startswith(message)
    assert (as_json(found)["ok"], as_json(found)["plan"]) == (False, None)


def test_how_to_say_the_rows_is_told_in_the_words_of_whoever_asks() -> None:
    (why,) = plan(settings_of("").settings, remedy="pass rows").diagnostics
    assert why.remedy == "pass rows"


@pytest.mark.parametrize("rows", [100, None])
def test_what_was_said_of_the_settings_comes_first(rows: int | None) -> None:
    one = settings_of("evaluation_strategy: steps\n")
    codes = [item.code for item in plan(one.settings, tuple(one.diagnostics), rows=rows).diagnostics]
    assert codes == ["REN101", "CLI107"][: 1 if rows else 2]
