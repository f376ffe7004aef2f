"""Promise: of a state that is dealt out every process writes its part, of the model one writes all, and nobody else's
part is read to go on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from tests.training.checkpoint.ranks.dealt import Dealt, OtherPieces, OtherRows, deal
from tests.training.checkpoint.ranks.jobs import files_in, train, trainer_for
from tests.training.parallel.world import run_in

from trainspec.storage.local import LocalStore
from trainspec.training.checkpoint import open_checkpoint

PARTS = {f"optimizer-0000{rank}-of-00003.{kind}" for rank in (1, 2, 3) for kind in ("safetensors", "json")}


class StopAt:
    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = state.global_step >= self._step


def _cut_in_two(folder: Path) -> tuple[Any, Any, list[str]]:
    deal()
    # What DDP itself would learn is no part of this layout.
    known = {"ddp_find_unused_parameters": False}
    whole = train(folder / "whole", **known)
    train(folder / "cut", callbacks=[StopAt(3)], **known)
    read, real = [], LocalStore.read_bytes

    def noted(store: LocalStore, name: str) -> bytes:
        read.append(name)
        return real(store, name)

    LocalStore.read_bytes = noted  # type: ignore[method-assign]
    return whole, train(folder / "cut", str(folder / "cut" / "checkpoint-3"), **known), read


def test_each_goes_on_with_its_part(tmp_path: Path) -> None:
    answers = run_in(3, _cut_in_two, tmp_path)
    for rank, (whole, resumed, read) in enumerate(answers):
        for part in ("weights", "optimizer", "schedule", "log", "rows", "draws"):
            assert resumed[part] == whole[part], (rank, part)
        parts = [name for name in read if name.startswith(("optimizer", "rng_state"))]
        number = f"optimizer-0000{rank + 1}-of-00003"
        assert set(parts) == {f"{number}.safetensors", f"{number}.json", f"rng_state_{rank}.json"}
        assert ("model.safetensors" in read) is (rank == 0)
        assert "scheduler.json" in read if rank == 0 else "scheduler.json" not in read
    folder = tmp_path / "cut" / "checkpoint-3"
    assert files_in(folder) >= PARTS | {"model.safetensors", "scheduler.json"}
    assert "optimizer.safetensors" not in files_in(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["layout"] == {"kind": "sharded", "strategy": "dealt", "world_size": 3, "rows": 1}
    assert {file["name"] for file in manifest["files"]} >= PARTS
    described = [json.loads((folder / f"optimizer-0000{rank}-of-00003.json").read_text()) for rank in (1, 2, 3)]
    assert [entry["rank"] for entry in described] == [0, 1, 2]
    rows = [entry["pieces"]["layer.weight"]["local_shape"][0] for entry in described]
    assert sum(rows) == 1 and [entry["pieces"]["layer.weight"]["shape"] for entry in described] == [[1, 4]] * 3
    part = load_file(folder / "optimizer-00003-of-00003.safetensors")
    assert part["state.layer.weight.exp_avg"].shape == (rows[2], 4)


def _dealt(folder: Path) -> None:
    deal()
    train(folder / "cut", callbacks=[StopAt(3)])


def _goes_on(folder: Path, kind: type[Dealt] | None, until: int) -> dict[str, Any]:
    if kind is not None:
        deal(kind)
    return train(folder / "cut", str(folder / "cut" / "checkpoint-3"), max_steps=until)


@pytest.mark.parametrize("kind", [OtherRows, OtherPieces, None], ids=["layout", "pieces", "whole"])
def test_another_layout_is_dealt_anew(tmp_path: Path, kind: type[Dealt] | None) -> None:
    run_in(2, _dealt, tmp_path)
    before = run_in(2, _goes_on, tmp_path, Dealt, 3)
    after = run_in(2, _goes_on, tmp_path, kind, 3)
    for one, other in zip(before, after, strict=True):
        assert other["optimizer"] == one["optimizer"], "nothing is trained any more: it is the state as it was loaded"
        assert other["weights"] == one["weights"]


def _saved(folder: Path) -> dict[str, list[float]]:
    deal()
    trainer = trainer_for(folder, save_strategy="no")
    trainer.train()
    trainer.save_model(str(folder / "model"))
    return {name: value.tolist() for name, value in trainer.model.state_dict().items()}


def test_save_model_writes_one_whole_model(tmp_path: Path) -> None:
    trained = run_in(2, _saved, tmp_path)
    found = load_file(tmp_path / "model" / "model.safetensors")
    assert {name: value.tolist() for name, value in found.items()} == trained[0] == trained[1]
    assert files_in(tmp_path) == {"model/model.safetensors"}


def test_a_missing_part_is_noticed(tmp_path: Path) -> None:
    run_in(2, _dealt, tmp_path)
    (tmp_path / "cut" / "checkpoint-3" / "optimizer-00002-of-00002.safetensors").unlink()
    with pytest.raises(Exception, match=r"optimizer-00002-of-00002\.safetensors is missing"):
        open_checkpoint(tmp_path / "cut" / "checkpoint-3")
