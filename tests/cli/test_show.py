"""`trainspec show`: values with their sources, the strongest source first, secrets never."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainspec import TrainingArguments

CANARY = "canary-9f8e7d6c"


def blocks(text: str) -> dict[str, dict[str, str]]:
    """The printed blocks as title -> name -> the rest of the line."""
    found: dict[str, dict[str, str]] = {}
    title = ""
    for line in text.splitlines():
        if line.startswith("  "):
            name, _, rest = line.strip().partition(" ")
            found[title][name] = rest.strip()
        elif line:
            title = line
            found.setdefault(title, {})
    return found


def test_what_was_said_comes_first_then_what_follows(run: Callable, write: Callable) -> None:
    path = write("run.yaml", "logging_steps: 7\neval_strategy: steps\n")
    code, out, err = run("show", path, "--seed", "5")
    assert (code, err) == (0, "")
    found = blocks(out)
    assert list(found)[:2] == ["set", "follows"]
    assert found["set"].keys() == {"logging_steps", "eval_strategy", "seed"}
    assert found["set"]["logging_steps"].endswith(f"{path}:1:1")
    assert found["set"]["seed"].endswith("--seed (command line)")
    assert found["follows"]["eval_steps"].split(maxsplit=1) == ["7", "derived from logging_steps"]
    assert "others at their defaults: --all shows them" in out


def test_all_shows_the_defaults_too(run: Callable) -> None:
    found = blocks(run("show", "--all").out)
    assert found["default"]["learning_rate"] == "5e-05"
    assert sum(map(len, found.values())) == len(TrainingArguments.model_fields)


def test_what_was_overridden_is_shown(run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SEED", "2")
    path = write("run.yaml", "seed: 1\n")
    shown = blocks(run("show", path, "--seed", "3").out)["set"]["seed"]
    assert shown.split(maxsplit=1) == [
        "3",
        f"--seed (command line), over 2 from TRAINSPEC_SEED (environment), over 1 from {path}:1:1",
    ]


SOURCES = ["file", "dotenv", "environment", "flag"]


@pytest.mark.parametrize("write_secret", [True, False])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=16)
@given(chosen=st.sets(st.sampled_from(SOURCES)))
def test_the_strongest_source_wins(run: Callable, write: Callable, chosen: set[str], write_secret: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        words: list[str] = ["show", "--format", "json"]
        if "file" in chosen:
            words.append(str(write("run.yaml", "seed: 1\n")))
        if write_secret:
            patch.setenv("TRAINSPEC_SECRETS_DIR", str(write("secrets/seed", "2").parent))
        if "dotenv" in chosen:
            patch.setenv("TRAINSPEC_ENV_FILE", str(write("a.env", "TRAINSPEC_SEED=3\n")))
        if "environment" in chosen:
            patch.setenv("TRAINSPEC_SEED", "4")
        if "flag" in chosen:
            words += ["--seed", "5"]
        shown = json.loads(run(*words).out)["settings"]["seed"]
    said = [(1, "file"), (3, "dotenv"), (4, "environment"), (5, "flag")]
    present = sorted([value for value, name in said if name in chosen] + ([2] if write_secret else []))
    assert shown["value"] == (present[-1] if present else 42)
    assert [int(item["value"]) for item in shown["overrode"]] == present[-2::-1]


def test_json_has_a_stable_shape(run: Callable, write: Callable) -> None:
    code, out, err = run("show", write("run.yaml", "logging_steps: 7\n"), "--format", "json", "--hub_token", CANARY)
    data = json.loads(out)
    assert (code, err) == (0, "")
    assert data.keys() == {"version", "ok", "diagnostics", "ignored", "settings", "task"}
    assert len(data["settings"]) == len(TrainingArguments.model_fields)
    assert data["settings"]["eval_steps"] == {
        "value": 7,
        "shown": "7",
        "source": {"kind": "derived", "name": "logging_steps", "line": None, "column": None},
        "overrode": [],
        "follows_from": ["logging_steps"],
        "keys": {},
    }
    assert data["settings"]["hub_token"]["value"] is None
    assert CANARY not in out


def test_faults_are_told_and_nothing_is_shown(run: Callable, write: Callable) -> None:
    path = write("run.yaml", "seed: x\n")
    code, out, err = run("show", path, "--max_steps", "y")
    assert (code, out) == (1, "")
    assert "run.yaml:1:1" in err
    assert "--max_steps (command line)" in err
    data = json.loads(run("show", path, "--format", "json").out)
    assert (data["ok"], data["settings"], len(data["diagnostics"])) == (False, None, 1)


def test_the_task_has_its_settings_from_all_sources(
    run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINSPEC_TASK__DEPTH", "3")
    monkeypatch.setenv("TRAINSPEC_TASK", '{"depth": 2, "dropout": 0.5}')
    path = write("run.yaml", "task:\n  width: 1\n  depth: 1\n  model: cnn\n")
    found = blocks(run("show", path, "--task", "digits", "--task.width", "9").out)["task"]
    assert found["task.width"].split(maxsplit=1) == ["9", f"--task.width (command line), over 1 from {path}:2:3"]
    assert found["task.depth"].split(maxsplit=1) == [
        "3",
        f"TRAINSPEC_TASK__DEPTH (environment), over 1 from {path}:3:3",
    ]
    assert found["task.dropout"].split(maxsplit=1) == ["0.5", "TRAINSPEC_TASK (environment)"]
    assert found["task.model"].split(maxsplit=1) == ['"cnn"', f"{path}:4:3"]
    assert found["task.split_seed"].split(maxsplit=1) == ["0", "default"]


TASK_FAULTS: dict[str, tuple[dict[str, str], list[str], list[str]]] = {
    "a flag": ({}, ["--task.widht", "1"], ["--task.widht matches no setting", "did you mean --task.width?"]),
    "a variable": (
        {"TRAINSPEC_TASK__WIDHT": "1"},
        [],
        ["TRAINSPEC_TASK__WIDHT matches no setting", "did you mean TRAINSPEC_TASK__WIDTH?"],
    ),
    "a value": ({"TRAINSPEC_TASK__WIDTH": "x"}, [], ['task.width = "x"   TRAINSPEC_TASK__WIDTH (environment)']),
    "no mapping": ({"TRAINSPEC_TASK": "x"}, [], ["task must be a mapping"]),
}


@pytest.mark.parametrize(("environ", "words", "texts"), TASK_FAULTS.values(), ids=TASK_FAULTS)
def test_a_fault_of_the_task_is_told_like_any_other(
    run: Callable, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], words: list[str], texts: list[str]
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    found = run("show", "--task", "digits", *words)
    assert found.code == 1
    assert all(text in found.err for text in texts), found.err


def test_an_unchecked_task_is_mentioned(run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_TASK__WIDTH", "1")
    found = run("show")
    assert (found.code, "--task NAME does that" in found.err) == (0, True)


SECRET_PLACES = ["flag", "variable", "dotenv", "file", "secrets directory", "secret file", "old name", "unknown"]


@pytest.mark.parametrize("place", SECRET_PLACES)
@pytest.mark.parametrize("faulty", [False, True])
def test_a_secret_is_never_shown(
    run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch, place: str, faulty: bool, tmp_path: Path
) -> None:
    words = ["--seed", "x"] if faulty else []
    if place == "flag":
        words += ["--hub_token", CANARY]
    elif place == "file":
        words.append(str(write("run.yaml", f"hub_token: {CANARY}\n")))
    elif place == "unknown":
        words += ["--hub_tokne", CANARY, f"--auth={CANARY}"]
    variables = {
        "variable": ("TRAINSPEC_HUB_TOKEN", CANARY),
        "old name": ("TRAINSPEC_PUSH_TO_HUB_TOKEN", CANARY),
        "dotenv": ("TRAINSPEC_ENV_FILE", str(write("a.env", f"TRAINSPEC_HUB_TOKEN={CANARY}\n"))),
        "secrets directory": ("TRAINSPEC_SECRETS_DIR", str(write("secrets/hub_token", CANARY).parent)),
        "secret file": ("TRAINSPEC_HUB_TOKEN_FILE", str(write("token", CANARY))),
    }
    if place in variables:
        monkeypatch.setenv(*variables[place])
    for extra in ([], ["--format", "json"]):
        found = run("show", "--all", *words, *extra)
        assert CANARY not in found.out + found.err
        assert place == "unknown" or faulty or "hub_token" in found.out
