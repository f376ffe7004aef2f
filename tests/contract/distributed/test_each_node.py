"""What save_on_each_node does: one set of files for each node, of which that node goes on; else one for all."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from tests.training.checkpoint.ranks.jobs import files_in, train, trainer_for
from tests.training.parallel.world import run_in

from trainspec.training.checkpoint import CheckpointError, open_checkpoint
from trainspec.training.parallel.agreement import OtherProcessError

COMMON = {"model.safetensors", "optimizer.safetensors", "scheduler.json", "trainer_state.json", "manifest.json"}


def on_two_nodes(root: Path, *, own_disks: bool) -> Path:
    """The four processes stand on two nodes, each of which may have a disk of its own, mounted at the same place."""
    rank = int(os.environ["RANK"])
    os.environ |= {"LOCAL_RANK": str(rank % 2), "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": str(rank // 2)}
    disk = root / (f"disk-{rank // 2}" if own_disks else "disk")
    disk.mkdir(parents=True, exist_ok=True)
    os.chdir(disk)
    return Path("out")


def _on_own_disks(root: Path, resume: str | None = None) -> dict[str, Any]:
    folder = on_two_nodes(root, own_disks=True)
    trainer = trainer_for(folder, save_on_each_node=True, save_total_limit=2)
    trainer.train(resume_from_checkpoint=resume)
    trainer.save_model()
    trainer.save_state()
    weights = {name: value.tolist() for name, value in trainer.model.state_dict().items()}
    return {"weights": weights, "steps": len(trainer.model.seen), "first": trainer.model.seen[:1]}


def test_save_on_each_node_writes_a_whole_set_on_each(tmp_path: Path) -> None:
    first = run_in(4, _on_own_disks, tmp_path)
    for node in (0, 1):
        out = tmp_path / f"disk-{node}" / "out"
        found = files_in(out / "checkpoint-3")
        assert found >= COMMON and {"model.safetensors", "trainer_state.json"} <= files_in(out)
        random = {name for name in found if name.startswith("rng_state")}
        assert random == {f"rng_state_{rank}.json" for rank in (2 * node, 2 * node + 1)}
        listed = {file["name"] for file in json.loads((out / "checkpoint-3" / "manifest.json").read_text())["files"]}
        assert listed == found - {"manifest.json"}
        open_checkpoint(out / "checkpoint-3").verify()
    sets = [tmp_path / f"disk-{node}" / "out" / "checkpoint-6" / "model.safetensors" for node in (0, 1)]
    assert sets[0].read_bytes() == sets[1].read_bytes()
    # The newest of one node is gone: all go on from the one that both have.
    shutil.rmtree(tmp_path / "disk-1" / "out" / "checkpoint-6")
    second = run_in(4, _on_own_disks, tmp_path, "latest")
    assert [answer["steps"] for answer in second] == [3] * 4
    assert [answer["weights"] for answer in second] == [answer["weights"] for answer in first]


def _on_one_disk(root: Path) -> None:
    train(on_two_nodes(root, own_disks=False))


def test_save_on_each_node_off_writes_one_set(tmp_path: Path) -> None:
    run_in(4, _on_one_disk, tmp_path)
    found = files_in(tmp_path / "disk" / "out" / "checkpoint-3")
    assert found >= COMMON | {f"rng_state_{rank}.json" for rank in range(4)}


def _without_saying_so(root: Path) -> str:
    try:
        trainer_for(on_two_nodes(root, own_disks=True), save_failures_allowed=0).train()
    except (CheckpointError, OtherProcessError) as error:
        return str(error)
    return "nothing"


def test_save_on_each_node_is_asked_for_where_nodes_do_not_share(tmp_path: Path) -> None:
    for told in run_in(4, _without_saying_so, tmp_path):
        assert "rng_state_2.json is missing" in told and "set save_on_each_node: true" in told
