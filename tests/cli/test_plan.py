"""`trainspec plan`: a run in numbers."""

import json
from collections.abc import Callable

import pytest

# Arguments -> what the plan says.
EXAMPLES: dict[str, tuple[str, dict[str, int]]] = {
    "one device": (
        "--rows 10000 --per_device_train_batch_size 8 --gradient_accumulation_steps 2 --num_train_epochs 3",
        {"effective_batch_rows": 16, "updates_per_epoch": 625, "total_updates": 1875},
    ),
    "three devices": (
        "--rows 30000 --devices 3 --per_device_train_batch_size 8 --gradient_accumulation_steps 2",
        {"effective_batch_rows": 48, "updates_per_epoch": 625},
    ),
    "three processes": (
        "--rows 30,000 --world-size 3 --gradient_accumulation_steps 2",
        {"effective_batch_rows": 48, "updates_per_epoch": 625},
    ),
    "without a length": ("--max_steps 100 --warmup_ratio 0.03", {"total_updates": 100, "warmup_updates": 3}),
    "evaluation rows": ("--rows 100 --eval-rows 17", {"eval_batches": 3}),
    "dropped rows": ("--rows 100 --dataloader_drop_last", {"dropped_rows_per_epoch": 4}),
}


@pytest.mark.parametrize(("line", "expected"), EXAMPLES.values(), ids=EXAMPLES)
def test_an_example(run: Callable, line: str, expected: dict[str, int]) -> None:
    code, out, err = run("plan", "--format", "json", *line.split())
    data = json.loads(out)
    assert (code, err) == (0, "")
    assert data.keys() == {"version", "ok", "plan", "diagnostics"}
    assert {name: data["plan"][name] for name in expected} == expected


def test_the_text(run: Callable, write: Callable) -> None:
    path = write("run.yaml", "gradient_accumulation_steps: 2\nsave_total_limit: 2\n")
    code, out, err = run("plan", path, "--rows", "10000")
    assert (code, err) == (0, "")
    lines = {line[:20].strip(): line[20:] for line in out.splitlines()}
    assert lines["updates"] == "625 an epoch, 1,875 in all (3 epochs begun)"
    assert lines["saves after"] == "500, 1000, 1500, 1875"
    assert lines["left at the end"] == "1500, 1875"


def test_the_environment_counts(run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_PER_DEVICE_TRAIN_BATCH_SIZE", "10")
    assert "100 an epoch" in run("plan", "--rows", "1000").out


FAULTS: dict[str, tuple[str, str]] = {
    "no rows said": ("", "CLI107"),
    "no rows": ("--rows 0", "CLI107"),
    "every row dropped": ("--rows 3 --dataloader_drop_last", "CLI107"),
    "a wrong setting": ("--rows 100 --seed x", "VAL101"),
}


@pytest.mark.parametrize(("line", "code"), FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_planned(run: Callable, line: str, code: str) -> None:
    found = run("plan", *line.split())
    assert (found.code, found.out) == (1, "")
    assert f"error[{code}]" in found.err
    data = json.loads(run("plan", "--format", "json", *line.split()).out)
    assert (data["ok"], data["plan"], data["diagnostics"][0]["code"]) == (False, None, code)
