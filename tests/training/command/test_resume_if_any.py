"""What is started again by itself goes on from where it came to, however far that was."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from tests.training.checkpoint.ranks.jobs import settings
from tests.training.command.test_run import Failing, Phases
from tests.training.parallel.world import run_in
from tests.training.small_job import Line

from trainspec import TrainingArguments
from trainspec.storage import open_store
from trainspec.training.checkpoint import Checkpoint, CheckpointError, make_room
from trainspec.training.command.train import COULD_NOT_RUN, FINDINGS, FINE, run_task
from trainspec.training.interruption import TERMINATED, Terminated

Arguments = Callable[..., TrainingArguments]


@pytest.fixture
def saving(arguments: Arguments) -> Arguments:
    return lambda **changes: arguments(save_strategy="steps", save_steps=2, **changes)


def cut_off(out: Path, *steps: int) -> None:
    """What saves leave that somebody's own code writes, and that a kill ends."""
    for step in steps:
        make_room(step, open_store(out), in_place=True)
        (out / f"checkpoint-{step}" / "model.safetensors").write_bytes(b"half")


def trained(model: Line) -> torch.Tensor:
    return model.layer.weight.detach()


def test_a_first_start_begins_at_the_beginning(saving: Arguments, tmp_path: Path) -> None:
    plain, resuming = Phases(), Phases()
    assert run_task(saving(output_dir=str(tmp_path / "plain")), plain) == FINE
    assert run_task(saving(), resuming, resume_if_any=True) == FINE
    assert torch.equal(trained(resuming.model), trained(plain.model))


def test_it_goes_on_from_the_newest_checkpoint(saving: Arguments, tmp_path: Path) -> None:
    whole = Phases()
    assert run_task(saving(), whole) == FINE
    # As if it had been killed after its fourth update.
    shutil.rmtree(tmp_path / "out" / "checkpoint-6")
    again = Phases()
    assert run_task(saving(), again, resume_if_any=True) == FINE
    assert len(again.model.seen) == len(whole.model.seen) // 3
    assert torch.equal(trained(again.model), trained(whole.model))


def test_the_last_word_names_no_checkpoint_that_was_passed_over(
    arguments: Arguments, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {"save_strategy": "steps", "save_steps": 1, "overwrite_output_dir": False}
    assert run_task(arguments(**said, max_steps=3), Failing(Terminated(), at=99)) == 0
    damaged = Path(arguments(**said).output_dir, "checkpoint-3", "model.safetensors")
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"X")
    goes_on = arguments(**said, max_steps=9, resume_from_checkpoint="auto")
    # Asked to end in its first batch.
    assert run_task(goes_on, Failing(Terminated(), at=0)) == TERMINATED
    told = capsys.readouterr().err
    assert "passed over" in told
    assert re.search(r"terminated; the newest checkpoint is \S+/checkpoint-2: the same settings go on from there", told)


def test_a_checkpoint_that_is_not_whole_is_passed_over(saving: Arguments, tmp_path: Path) -> None:
    whole = Phases()
    assert run_task(saving(), whole) == FINE
    for step in (4, 6):
        (tmp_path / "out" / f"checkpoint-{step}" / "model.safetensors").unlink()
    again = Phases()
    assert run_task(saving(), again, resume_if_any=True) == FINE
    assert len(again.model.seen) == 2 * len(whole.model.seen) // 3


def test_killed_in_its_first_save_it_begins_again(saving: Arguments, tmp_path: Path) -> None:
    cut_off(tmp_path / "out", 2)
    again = Phases()
    assert run_task(saving(), again, resume_if_any=True) == FINE
    assert len(again.model.seen) == 6


@pytest.mark.parametrize("said", [None, "auto"])
def test_a_folder_with_unfinished_saves_alone_is_a_fresh_start(
    said: str | None, saving: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut_off(tmp_path / "out", 2, 5)
    started = Phases()
    assert run_task(saving(resume_from_checkpoint=said), started) == FINE
    assert len(started.model.seen) == 6
    told = [line for line in capsys.readouterr().err.splitlines() if "RUN249" in line]
    assert len(told) == 1 and "checkpoint-2, checkpoint-5" in told[0]
    # Once there is a checkpoint, a start by hand is asked what to do.
    assert run_task(saving(), Phases()) == FINDINGS


def test_auto_begins_and_goes_on(saving: Arguments, tmp_path: Path) -> None:
    whole, again = Phases(), Phases()
    assert run_task(saving(resume_from_checkpoint="auto"), whole) == FINE
    assert len(whole.model.seen) == 6
    shutil.rmtree(tmp_path / "out" / "checkpoint-6")
    (tmp_path / "out" / "checkpoint-4" / "model.safetensors").unlink()
    assert run_task(saving(resume_from_checkpoint="auto"), again) == FINE
    assert len(again.model.seen) == 4
    assert torch.equal(trained(again.model), trained(whole.model))


def test_auto_does_not_begin_anew_beside_a_model_without_its_state(saving: Arguments, tmp_path: Path) -> None:
    assert run_task(saving(save_only_model=True), Phases()) == FINE
    assert run_task(saving(resume_from_checkpoint="auto"), Phases()) == FINDINGS
    assert (tmp_path / "out" / "checkpoint-6").is_dir()


def test_a_checkpoint_that_training_cannot_go_on_from_is_not_replaced(saving: Arguments, tmp_path: Path) -> None:
    assert run_task(saving(save_only_model=True), Phases()) == FINE
    assert run_task(saving(save_only_model=True), Phases(), resume_if_any=True) == FINDINGS
    assert (tmp_path / "out" / "checkpoint-6").is_dir()


class Again(NamedTuple):
    code: int
    updates: int
    told: str


def again(root: Path, on_each_node: bool) -> Again:
    """One of two nodes, each with a disk of its own at the same place."""
    disk = root / f"disk-{os.environ['GROUP_RANK']}"
    disk.mkdir(exist_ok=True)
    os.chdir(disk)
    phases, args = Phases(), settings("out", save_on_each_node=on_each_node, do_eval=False)
    with contextlib.redirect_stderr(io.StringIO()) as told:
        code = run_task(args, phases, resume_if_any=True)
    return Again(code, len(phases.model.seen) if hasattr(phases, "model") else 0, told.getvalue())


def on_two_nodes(root: Path, on_each_node: bool = True) -> list[Again]:
    return run_in(2, again, root, on_each_node, LOCAL_WORLD_SIZE="1")


@pytest.fixture(scope="module")
def trained_disks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("nodes")
    first = on_two_nodes(root)
    assert [one.code for one in first] == [FINE, FINE], first
    return root


def without(trained_disks: Path, root: Path, *lost: str) -> Path:
    shutil.copytree(trained_disks, root, dirs_exist_ok=True)
    for name in lost:
        shutil.rmtree(root / name)
    return root


def test_nodes_go_on_from_what_all_of_them_have(trained_disks: Path, tmp_path: Path) -> None:
    for one in on_two_nodes(without(trained_disks, tmp_path, "disk-1/out/checkpoint-6")):
        assert (one.code, one.updates) == (FINE, 3), one


def test_nodes_that_have_nothing_in_common_say_so_and_replace_nothing(trained_disks: Path, tmp_path: Path) -> None:
    main, other = on_two_nodes(without(trained_disks, tmp_path, "disk-1", "disk-0/out/checkpoint-3"))
    assert (main.code, main.updates) == (other.code, other.updates) == (FINDINGS, 0)
    assert "error[RUN248]" in main.told and "node 0 checkpoint-6, node 1 none" in main.told
    assert main.told.count("RUN248") == 1 and other.told == ""
    assert (tmp_path / "disk-0" / "out" / "checkpoint-6" / "manifest.json").exists()


def test_nodes_whose_first_save_broke_all_begin_again(trained_disks: Path, tmp_path: Path) -> None:
    root = without(trained_disks, tmp_path, "disk-1", "disk-0/out/checkpoint-6")
    (root / "disk-0" / "out" / "checkpoint-3" / "model.safetensors").unlink()
    for one in on_two_nodes(root):
        assert (one.code, one.updates) == (FINE, 6), one


@pytest.mark.parametrize(
    ("lost", "told"), [("disk-1", "error[RUN110]"), ("disk-0", "error[RUN")], ids=["of the other", "of the main one"]
)
def test_what_the_main_process_finds_holds_for_all(trained_disks: Path, tmp_path: Path, lost: str, told: str) -> None:
    main, other = on_two_nodes(without(trained_disks, tmp_path, lost), on_each_node=False)
    assert (main.code, main.updates) == (other.code, other.updates) == (FINDINGS, 0)
    assert told in main.told and "rank 1" in main.told and other.told == ""


def documents(folder: Path) -> dict[str, bytes]:
    """What was said of the settings, in the checkpoints and beside them."""
    names = ("training_args.json", "resolved_args.json")
    return {str(path.relative_to(folder)): path.read_bytes() for name in names for path in folder.rglob(name)}


@pytest.mark.parametrize("said", [None, "auto", "latest"])
def test_what_the_user_wrote_stays_in_the_documents(
    said: str | None, saving: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"output_dir": "out", "resume_from_checkpoint": said}
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "whole")
    assert run_task(saving(**settings), Phases(), resume_if_any=True) == FINE
    monkeypatch.chdir(tmp_path / "cut")
    cut_off(tmp_path / "cut" / "out", 2)
    assert run_task(saving(**settings), Phases(), resume_if_any=True) == FINE
    shutil.rmtree(tmp_path / "cut" / "out" / "checkpoint-6")
    assert run_task(saving(**settings), Phases(), resume_if_any=True) == FINE
    whole = documents(tmp_path / "whole" / "out")
    assert len(whole) == 2 * 4 and documents(tmp_path / "cut" / "out") == whole


def test_where_the_first_start_went_on_from_is_for_the_first_start(saving: Arguments, tmp_path: Path) -> None:
    assert run_task(saving(output_dir=str(tmp_path / "before"), max_steps=2), Phases()) == FINE
    for left in (4, 2):
        started, before = Phases(), str(tmp_path / "before" / "checkpoint-2")
        assert run_task(saving(resume_from_checkpoint=before), started, resume_if_any=True) == FINE
        assert len(started.model.seen) == left
        shutil.rmtree(tmp_path / "out" / "checkpoint-6")


def test_the_newest_is_verified_once(saving: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_task(saving(), Phases()) == FINE
    verified: list[str] = []
    real = Checkpoint.verify

    def verify(checkpoint: Checkpoint) -> None:
        verified.append(Path(checkpoint.url).name)
        real(checkpoint)

    monkeypatch.setattr(Checkpoint, "verify", verify)
    assert run_task(saving(resume_from_checkpoint="auto"), Phases()) == FINE
    assert run_task(saving(), Phases(), resume_if_any=True) == FINE
    assert verified == ["checkpoint-6"] * 2


def test_auto_is_about_training_alone(saving: Arguments, tmp_path: Path) -> None:
    trained_model, asked = Phases(), Phases()
    assert run_task(saving(), trained_model) == FINE
    for step in (2, 4, 6):
        shutil.rmtree(tmp_path / "out" / f"checkpoint-{step}")
    assert run_task(saving(do_train=False, resume_from_checkpoint="auto"), asked) == FINE
    assert torch.equal(trained(asked.model), trained(trained_model.model))


def test_damage_of_the_checkpoint_that_was_named_is_told_with_its_setting(
    saving: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_task(saving(), Phases()) == FINE
    named = tmp_path / "out" / "checkpoint-4"
    weights = named / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    capsys.readouterr()
    assert run_task(saving(resume_from_checkpoint=str(named)), Phases()) == FINDINGS
    said = capsys.readouterr().err
    assert "error[RUN110] the checkpoint to resume from is damaged\n" in said
    assert f'  resume_from_checkpoint = "{named}"' in said
    assert "model.safetensors" in said and "auto" in said
    assert "Traceback" not in said


def test_damage_elsewhere_is_not_told_of_the_checkpoint_that_was_named(
    saving: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_task(saving(), Phases()) == FINE
    named, other = tmp_path / "out" / "checkpoint-4", CheckpointError(str(tmp_path / "elsewhere"), "it is damaged")
    for wanted in (str(named), "latest", "auto"):
        capsys.readouterr()
        assert run_task(saving(resume_from_checkpoint=wanted, max_steps=9), Failing(other, at=0)) == COULD_NOT_RUN
        said = capsys.readouterr().err
        assert f"error: checkpoint {tmp_path / 'elsewhere'}: it is damaged" in said and "RUN110" not in said
