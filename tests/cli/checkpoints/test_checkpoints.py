"""`trainspec checkpoints`: what lies in a folder, and checkpoints of transformers made ours."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainspec.cli.checkpoints import ACTIONS

pytest.importorskip("torch")


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two checkpoints of a run of transformers."""
    pytest.importorskip("transformers")
    from tests.training.foreign.theirs import trained

    folder = tmp_path_factory.mktemp("theirs")
    trained(folder, max_steps=8)
    return folder


@pytest.fixture
def imported(run: Callable[..., Any], theirs: Path, tmp_path: Path) -> Path:
    assert run("checkpoints", "import", theirs, tmp_path / "ours").code == 0
    return tmp_path / "ours"


def test_a_folder_of_them_is_imported_and_resumed(imported: Path, theirs: Path, tmp_path: Path) -> None:
    from tests.training.foreign.test_resume import ours
    from tests.training.foreign.theirs import Small, largest_difference, trained

    assert sorted(path.name for path in imported.iterdir()) == ["checkpoint-4", "checkpoint-8"]
    assert (imported / "checkpoint-4" / "manifest.json").exists()
    expected = trained(tmp_path / "again", Small(seed=99), resume=theirs / "checkpoint-8", max_steps=12)
    mine = ours(imported, resume="latest", max_steps=12)
    assert largest_difference(expected.model, mine.model) < 1e-9
    again = ours(imported, resume=str(imported / "checkpoint-12"), max_steps=14)
    longer = trained(tmp_path / "longer", Small(seed=99), resume=theirs / "checkpoint-8", max_steps=12)
    assert again.state.global_step == 14 and longer.state.global_step == 12


def test_a_model_beside_them_does_not_stand_in_their_way(run: Callable[..., Any], theirs: Path, tmp_path: Path) -> None:
    """As scripts leave an output folder that end with `save_model()` and `save_state()`."""
    folder = shutil.copytree(theirs, tmp_path / "run")
    for name in ("model.safetensors", "trainer_state.json", "training_args.bin"):
        shutil.copy(theirs / "checkpoint-8" / name, folder)
    code, out, err = run("checkpoints", "import", folder, tmp_path / "ours")
    assert (code, err) == (0, "") and out.count("->") == 2
    assert sorted(path.name for path in (tmp_path / "ours").iterdir()) == ["checkpoint-4", "checkpoint-8"]
    assert not list((tmp_path / "ours").rglob("checkpoint-*/checkpoint-*"))


def test_one_is_imported(run: Callable[..., Any], theirs: Path, tmp_path: Path) -> None:
    code, out, err = run("checkpoints", "import", theirs / "checkpoint-4", tmp_path / "ours")
    assert (code, err) == (0, "")
    assert out == f"{theirs}/checkpoint-4 -> {tmp_path}/ours/checkpoint-4\n"


def test_what_is_there_is_replaced_by_force_alone(run: Callable[..., Any], theirs: Path, imported: Path) -> None:
    code, out, err = run("checkpoints", "import", theirs / "checkpoint-4", imported)
    assert code == 1 and "not imported" in out and "pass --force" in err
    assert run("checkpoints", "import", theirs / "checkpoint-4", imported, "--force").code == 0


def test_the_json_of_an_import(run: Callable[..., Any], theirs: Path, tmp_path: Path) -> None:
    code, out, err = run("checkpoints", "import", theirs, tmp_path / "ours", "--format", "json")
    assert (code, err) == (0, "")
    assert [(one["step"], one["resumable"], one["diagnostics"]) for one in json.loads(out)["imported"]] == [
        (4, True, []),
        (8, True, []),
    ]


def test_a_model_alone_is_imported_with_a_finding(run: Callable[..., Any], theirs: Path, tmp_path: Path) -> None:
    import shutil

    copy = shutil.copytree(theirs / "checkpoint-4", tmp_path / "checkpoint-4")
    (copy / "optimizer.pt").unlink()
    code, out, err = run("checkpoints", "import", copy, tmp_path / "ours")
    assert code == 1 and "warning[RUN111]" in err and "cannot be resumed" in out
    assert run("checkpoints", "list", tmp_path / "ours").out.count("the model alone") == 1


def test_list_tells_whose_each_is(run: Callable[..., Any], theirs: Path, imported: Path) -> None:
    assert [line.split("  ")[1].split(", ")[2] for line in run("checkpoints", "list", theirs).out.splitlines()] == [
        "transformers",
        "transformers",
    ]
    code, out, _ = run("checkpoints", "list", imported)
    assert code == 0 and out.count("transformers, imported") == 2
    (imported / "checkpoint-9").mkdir()
    code, out, _ = run("checkpoints", "list", imported)
    assert code == 1 and "checkpoint-9  not whole" in out
    data = json.loads(run("checkpoints", "list", imported, "--format", "json").out)
    assert [(one["step"], one["problem"] is None) for one in data["checkpoints"]] == [
        (4, True),
        (8, True),
        (None, False),
    ]


def test_show_compares_every_file(run: Callable[..., Any], imported: Path) -> None:
    code, out, _ = run("checkpoints", "show", imported / "checkpoint-4")
    assert code == 0 and "  optimizer.pt\n" in out and out.endswith("files, each as it was written\n")
    weights = imported / "checkpoint-4" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    code, out, _ = run("checkpoints", "show", imported / "checkpoint-4")
    assert code == 1 and "the content of model.safetensors has changed" in out


MISTAKES = {
    "no action": ([], "one of diff, export, import, list, prune, show, verify"),
    "a misspelled action": (["imprt"], "did you mean import?"),
    "no path": (["list"], "list takes 1 path, not 0"),
    "a path too few": (["import", "a"], "import takes 2 paths, not 1"),
    "a path too many": (["show", "a", "b"], "show takes 1 path, not 2"),
    "nowhere": (["list", "nowhere"], "there is no such folder"),
    "nothing to show": (["show", "nowhere"], "there is no such folder"),
    "nothing to import": (["import", "nowhere", "x"], "there is no such folder"),
    "a secret in an address": (["list", "nosuch://me:hunter22@host/x"], "nosuch"),
}


@pytest.mark.parametrize(("words", "said"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_told(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run("checkpoints", *words)
    assert (code, out) == (2, "") and said in err and "hunter22" not in err


def test_one_of_ours_is_not_imported(run: Callable[..., Any], imported: Path, tmp_path: Path) -> None:
    code, _, err = run("checkpoints", "import", imported, tmp_path / "x")
    assert code == 2 and "one of trainspec already" in err


@pytest.mark.fully_installed
def test_list_and_show_need_no_torch(theirs: Path) -> None:
    program = "import sys; from trainspec.cli import main; main(['checkpoints', 'list', sys.argv[1]]); "
    program += "main(['checkpoints', 'show', sys.argv[1] + '/checkpoint-4']); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program, theirs], check=True, capture_output=True)


def test_help_and_completion_know_the_actions(run: Callable[..., Any]) -> None:
    from trainspec.cli.completion.words import all_words

    text = run("checkpoints", "--help").out
    assert all(action in text for action in ACTIONS)
    (words,) = [command.words for command in all_words().commands if command.name == "checkpoints"]
    assert words == ACTIONS


def test_the_web_has_no_folders(run: Callable[..., Any]) -> None:
    code, _, err = run("checkpoints", "list", "http://example.invalid/out")
    assert code == 2 and "the web has no folders" in err and "s3://" in err
