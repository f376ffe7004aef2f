"""`trainspec plan`: a run in numbers."""

import json
import re
from collections.abc import Callable
from pathlib import Path

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
    several = any(name in line for name in ("--devices", "--world-size"))
    assert data.keys() == {"version", "ok", "plan", "diagnostics", *(["scale"] if several else [])}
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


BIG = "--target h100x8 --nodes 1250 --params 70e9 --fsdp full_shard --bf16"


def test_ten_thousand_processes(run: Callable) -> None:
    code, out, _ = run("plan", "--rows", "1000000", "--format", "json", *BIG.split())
    scale = json.loads(out)["scale"]
    assert (code, scale["world_size"], scale["nodes"], scale["data_ranks"]) == (0, 10_000, 1250, 10_000)
    assert scale["memory_per_rank"]["parameters"] == 28_000_000
    assert scale["fits"] is False, "without auto_wrap all of it is gathered at once"
    assert scale["checkpoint"]["optimizer_files"] == 10_000


def test_the_seeds_example_in_words(run: Callable) -> None:
    line = "--rows 30000 --world-size 3 --gradient_accumulation_steps 2 --fsdp full_shard --params 3M"
    code, out, err = run("plan", *line.split())
    assert (code, err) == (0, "")
    lines = {line[:20].strip(): line[20:] for line in out.splitlines()}
    assert lines["effective batch"] == "48 rows an update on 3 devices"
    assert lines["updates"].startswith("625 an epoch")
    assert lines["strategy"] == "FSDP2 (ZeRO-3), 3 processes, 8 rows at a time in each"
    assert lines["whole gradients"] == "11.4 MiB"


def test_a_size_needs_no_length_of_the_run(run: Callable) -> None:
    code, out, err = run("plan", "--world-size", "8", "--params", "7B")
    assert code == 0 and "note[CLI107]" in err and "checkpoint" in out
    code, out, err = run("plan", "--world-size", "8")
    assert code == 1 and "error[CLI107]" in err and "7e9" in out


def test_what_does_not_fit_the_processes_is_told(run: Callable) -> None:
    code, out, err = run("plan", "--rows", "100", "--world-size", "6", "--parallelism_config.tp_size", "4")
    assert code == 1 and "error[TGT108]" in err and "updates" in out


def test_what_there_is_to_say_stands_under_each_other(run: Callable) -> None:
    """Also behind the longest label."""
    line = "plan --params 1B --world-size 4 --max_steps 5 --parallelism_config"
    for sizes in (
        '{"sp_size": 2, "dp_shard_size": 2}',
        '{"ep_size": 2, "dp_shard_size": 2}',
        '{"dp_replicate_size": 2, "dp_shard_size": 2}',
    ):
        lines = run(*line.split(), sizes).out.splitlines()
        lines = lines[next(place for place, text in enumerate(lines) if text.startswith("strategy")) :]
        starts = {len(text) - len(re.split(r" {2,}", text.strip(), maxsplit=1)[1]) for text in lines}
        assert len(starts) == 1, lines


def test_experts_are_shared_out_as_far_as_they_are_known(run: Callable) -> None:
    line = ["plan", "--params", "47e9", "--world-size", "8", "--max_steps", "5", "--parallelism_config.ep_size", "8"]
    known = json.loads(run(*line, "--expert-params", "45e9", "--format", "json").out)["scale"]
    assert known["memory_per_rank"]["parameters"] == (2 * 10**9 + 45 * 10**9 // 8) * 4
    unknown = json.loads(run(*line, "--format", "json").out)["scale"]
    assert unknown["memory_per_rank"]["parameters"] == 47 * 10**9 * 4
    assert "say --expert-params" in run(*line).out
    assert "45,000,000,000 of them of experts" in run(*line, "--expert-params", "45e9").out


def test_a_picture(run: Callable, tmp_path: Path) -> None:
    for name, begins in (("plan.svg", "<svg"), ("plan.html", "<!doctype html>")):
        file = tmp_path / name
        code, _, _ = run("plan", "--params", "7B", "--world-size", "8", "--plot", str(file))
        assert code == 0 and file.read_text(encoding="utf-8").startswith(begins)


def test_the_size_of_a_folder(run: Callable, tmp_path: Path) -> None:
    config = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 100}
    (tmp_path / "config.json").write_text(json.dumps(config))
    line = f"--params-from {tmp_path} --sequence-length 32 --world-size 2 --format json"
    code, out, _ = run("plan", *line.split())
    scale = json.loads(out)["scale"]
    assert code == 0 and scale["model"]["approximate"] and scale["memory_per_rank"]["activations"] > 0


@pytest.mark.parametrize("task", ["digits", "lm"])
def test_the_model_of_a_task(run: Callable, task: str, write: Callable) -> None:
    path = write("run.yaml", "fsdp: full_shard\ntask: {depth: 3}\n")
    line = f"plan {path} --world-size 2 --task {task} --task.width 64 --format json"
    code, out, _ = run(*line.split())
    model = json.loads(out)["scale"]["model"]
    assert (code, model["source"]) == (0, f"of the task {task}")
    assert model["parameters"] > 64 * 64 * 3
    assert "did you mean --task.width?" in run("plan", "--task", task, "--task.widht", "64").err


MISTAKES: dict[str, tuple[str, str]] = {
    "nodes of nothing": ("--nodes 2", "CLI102"),
    "no number": ("--params many", "CLI103"),
    "no number of experts": ("--params 1B --expert-params some", "CLI103"),
    "more experts than all": ("--params 1B --expert-params 2B", "CLI103"),
    "experts of nothing": ("--expert-params 2B", "CLI102"),
    "two sizes": ("--params 1B --params-from x", "CLI103"),
    "a task that tells none": ("--task json:dumps", "CLI115"),
    "no such task": ("--task dogits", "CLI105"),
    "no size there": ("--params-from no/such/folder", "CLI115"),
    "no such picture": ("--params 1B --plot plan.png", "CLI116"),
    "nowhere to draw": ("--params 1B --plot no/such/plan.svg", "CLI116"),
    "no such machine": ("--target h10", "CLI103"),
}


@pytest.mark.parametrize(("line", "code"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_asking(run: Callable, line: str, code: str) -> None:
    found = run("plan", *line.split())
    assert found.code == 2 and f"error[{code}]" in found.err
