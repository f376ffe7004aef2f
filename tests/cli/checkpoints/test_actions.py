"""`trainspec checkpoints verify | diff | export | prune`, on checkpoints of every kind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.answers.checkpoints.made import safetensors, save, state

from trainspec.answers.checkpoints.tensors import tensors_in
from trainspec.storage import open_store
from trainspec.training.checkpoint import open_checkpoint

Run = Callable[..., Any]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    store = open_store(folder)
    for step in (5, 10, 15):
        save(store, step, best=10 if step > 5 else 5)
    return folder


def damage(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1] + b"!")


def test_verify_finds_the_one_that_is_damaged(run: Run, output: Path) -> None:
    code, out, _ = run("checkpoints", "verify", output)
    assert code == 0 and out.endswith("3 checkpoints, all whole\n")
    damage(output / "checkpoint-10" / "model.safetensors")
    code, out, _ = run("checkpoints", "verify", output)
    assert code == 1 and "checkpoint-10  not whole: the content of model.safetensors has changed" in out
    assert out.endswith("3 checkpoints, 2 whole\n")
    assert run("checkpoints", "verify", output / "checkpoint-5", output / "checkpoint-15").code == 0
    answer = json.loads(run("checkpoints", "verify", output, "--format", "json").out)
    assert answer["whole"] is False and [one["problem"] is None for one in answer["checkpoints"]] == [True, False, True]


def test_list_of_a_checkpoint_itself(run: Run, output: Path) -> None:
    one = next(output.glob("checkpoint-*"))
    found = run("checkpoints", "list", str(one))
    assert found.code == 0 and found.out.startswith(f"{one}  step "), found.out
    wrong = run("checkpoints", "lost", str(one))
    assert wrong.code == 2 and "error[CLI102] checkpoints cannot do lost" in wrong.err


def test_list_names_the_best_of_all_alone(run: Run, output: Path) -> None:
    lines = run("checkpoints", "list", output).out.splitlines()
    assert ["the best so far" in line for line in lines] == [False, True, False]


def test_list_knows_what_can_be_resumed_from(run: Run, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    save(store, 1)
    save(store, 2, optimizer__safetensors=b"1", scheduler__json=b"{}")
    save(store, 3, optimizer__pt=b"1", scheduler__pt=b"1")
    save(store, 4, **{"optimizer-00001-of-00002__safetensors": b"1", "scheduler__json": b"{}"})
    lines = run("checkpoints", "list", tmp_path).out.splitlines()
    assert ["the model alone" in line for line in lines] == [True, False, False, False]


def test_diff_tells_how_far_two_lie_apart(run: Run, output: Path) -> None:
    code, out, _ = run("checkpoints", "diff", output / "checkpoint-5", output / "checkpoint-15")
    assert code == 1
    assert "step   5 -> 15\n" in out and "1 tensor the same, 1 not\n" in out
    pytest.importorskip("torch")
    assert "  b  F32[1]  largest change 10, 200.00% of its norm\n" in out


def test_diff_of_one_with_itself(run: Run, output: Path) -> None:
    code, out, _ = run("checkpoints", "diff", output / "checkpoint-5", output / "checkpoint-5")
    assert code == 0 and "2 tensors the same, 0 not\n" in out and "progress" not in out and "other files" not in out


def test_diff_of_other_settings_tensors_and_files(run: Run, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    settings = [
        json.dumps(
            {"learning_rate": {"value": rate, "source": "x"}, "hub_token": {"value": token, "source": "x"}}
        ).encode()
        for rate, token in ((0.1, "hf_" + "a" * 34), (0.2, "hf_" + "b" * 34))
    ]
    save(store, 1, resolved_args__json=settings[0], notes__txt=b"1")
    weights = safetensors({"a": [1.0, 2.0, 3.0], "c": [1.0], "worse": [float("nan")]})
    save(store, 2, resolved_args__json=settings[1], notes__txt=b"2", model__safetensors=weights)
    code, out, _ = run("checkpoints", "diff", tmp_path / "checkpoint-1", tmp_path / "checkpoint-2")
    assert code == 1 and "learning_rate  0.1 -> 0.2\n" in out
    assert "aaaa" not in out and "bbbb" not in out
    assert (
        "a      F32[2] -> F32[3]\n" in out
        and "b      only in A: F32[1]\n" in out
        and "c      only in B: F32[1]\n" in out
    )
    assert "notes.txt" in out
    data = json.loads(
        run("checkpoints", "diff", tmp_path / "checkpoint-1", tmp_path / "checkpoint-2", "--format", "json").out
    )
    assert data["same"] is False and {one["name"] for one in data["tensors"]} == {"a", "b", "c", "worse"}


def test_export_makes_one_file_of_shards(run: Run, tmp_path: Path) -> None:
    shards = {
        "model-00001-of-00002__safetensors": safetensors({"a": [1.0]}, format="pt"),
        "model-00002-of-00002__safetensors": safetensors({"b": [2.0, 3.0]}),
        "model__safetensors__index__json": b"{}",
    }
    from trainspec.training.checkpoint import save_checkpoint

    files = {name.replace("__", "."): content for name, content in shards.items()}
    more = {
        "config.json": b"{}",
        "trainer_state.json": state(7),
        "optimizer.safetensors": b"1",
        "rng_state.json": b"{}",
    }
    save_checkpoint(open_store(tmp_path / "run"), 7, files | more)
    code, out, _ = run("checkpoints", "export", tmp_path / "run" / "checkpoint-7", tmp_path / "model")
    assert code == 0 and out.endswith("2 tensors, 0.0 MB\n")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["config.json", "model.safetensors"]
    tensors, texts = tensors_in(tmp_path / "model" / "model.safetensors")
    assert {name: one.described for name, one in tensors.items()} == {"a": "F32[1]", "b": "F32[2]"}
    assert texts == {"format": "pt"}
    assert run("checkpoints", "export", tmp_path / "run" / "checkpoint-7", tmp_path / "model").code == 2
    assert run("checkpoints", "export", tmp_path / "run" / "checkpoint-7", tmp_path / "model", "--force").code == 0


def test_export_of_weights_in_a_torch_file(run: Run, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    torch.save({"a": torch.ones(2, 2).t(), "b": torch.zeros(1)}, tmp_path / "weights.bin")
    from trainspec.training.checkpoint import save_checkpoint

    files = {"pytorch_model.bin": tmp_path / "weights.bin", "trainer_state.json": state(1)}
    save_checkpoint(open_store(tmp_path / "run"), 1, files)
    assert run("checkpoints", "export", tmp_path / "run" / "checkpoint-1", tmp_path / "model").code == 0
    assert load_file(tmp_path / "model" / "model.safetensors")["a"].tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_export_refuses_what_is_damaged_and_writes_nothing(run: Run, output: Path, tmp_path: Path) -> None:
    damage(output / "checkpoint-5" / "model.safetensors")
    code, out, err = run("checkpoints", "export", output / "checkpoint-5", tmp_path / "model")
    assert (code, out) == (2, "") and "has changed since it was written" in err
    assert not (tmp_path / "model").exists()


def test_prune_deletes_only_when_it_is_told_to(run: Run, output: Path) -> None:
    code, out, _ = run("checkpoints", "prune", output, "--keep", 1, "--dry-run")
    assert code == 0 and "checkpoint-5  would go\n" in out and "checkpoint-10  stays, the best\n" in out
    assert (output / "checkpoint-5").exists()
    answer = json.loads(run("checkpoints", "prune", output, "--keep", 1, "--format", "json").out)
    assert (answer["removed"], answer["kept"], answer["best"]) == ([5], [10, 15], 10)
    assert sorted(path.name for path in output.iterdir()) == ["checkpoint-10", "checkpoint-15"]
    assert open_checkpoint(output / "checkpoint-15").step == 15
    assert run("checkpoints", "prune", output, "--keep", 1).out.endswith("nothing is to go\n")


MISTAKES = {
    "how many": (["prune", "run"], "write --keep N"),
    "none left": (["prune", "run", "--keep", "0"], "--keep takes a whole number >= 1"),
    "an option of another": (["list", "run", "--keep", "2"], "it belongs to prune"),
    "nothing to verify": (["verify"], "verify takes one path or more, not 0"),
    "one to compare": (["diff", "run"], "diff takes 2 paths, not 1"),
    "a folder of them": (["export", "run", "x"], "the newest is checkpoint-15"),
}


@pytest.mark.parametrize(("words", "said"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_told(
    run: Run, output: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(output.parent)
    code, out, err = run("checkpoints", *words)
    assert (code, out) == (2, "") and said in err


def test_torch_is_not_needed(output: Path, tmp_path: Path) -> None:
    a, b = output / "checkpoint-5", output / "checkpoint-15"
    for words in (["verify", output], ["export", a, tmp_path / "x"], ["prune", output, "--keep", "1"], ["diff", b, b]):
        program = (
            "import sys; sys.modules['torch'] = None; from trainspec.cli import main; sys.exit(main(sys.argv[1:]))"
        )
        subprocess.run([sys.executable, "-c", program, "checkpoints", *words], check=True, capture_output=True)


def rows_of(rank: int, size: int) -> tuple[slice, dict[str, Any]]:
    """As FSDP2 cuts: rows in equal parts, so that the last processes may have none."""
    each = -(-5 // size)
    start, end = min(5, rank * each), min(5, (rank + 1) * each)
    return slice(start * 4, end * 4), {"shape": [5, 4], "offset": [start, 0], "local_shape": [end - start, 4]}


def elements_of(rank: int, size: int) -> tuple[slice, dict[str, Any]]:
    """As DeepSpeed cuts: elements of all in a row, wherever a row ends."""
    start, end = 20 * rank // size, 20 * (rank + 1) // size
    return slice(start, end), {"shape": [5, 4], "offset": [start], "local_shape": [end - start], "flat": True}


@pytest.mark.parametrize("cut", [rows_of, elements_of])
@pytest.mark.parametrize("size", [2, 8])
def test_export_puts_an_optimizer_together_that_processes_had_parts_of(
    run: Run, tmp_path: Path, size: int, cut: Any
) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    from trainspec.training.checkpoint import Snapshot, publish, write
    from trainspec.training.checkpoint.payload import Document
    from trainspec.training.checkpoint.ranks.files import optimizer_part

    whole = torch.arange(20.0).reshape(5, 4)
    files: dict[str, Any] = {"model.safetensors": Document(safetensors({"weight": [1.0]}))}
    for rank in range(size):
        place, piece = cut(rank, size)
        part = whole.view(-1)[place].reshape(piece["local_shape"]).clone()
        state = {"state": {"weight": {"exp_avg": part, "step": torch.tensor(7.0)}}, "param_groups": []}
        files |= optimizer_part(state, {"weight": piece}, rank, size)
    snapshot = Snapshot(7, files, {}, world_size=size, layout={"kind": "sharded"})
    publish(snapshot, write(snapshot, open_store(tmp_path)), open_store(tmp_path))
    code, out, _ = run("checkpoints", "export", tmp_path / "checkpoint-7", tmp_path / "model", "--optimizer")
    assert code == 0 and "  optimizer.safetensors\n" in out
    found = load_file(tmp_path / "model" / "optimizer.safetensors")
    assert found.keys() == {"state.weight.exp_avg", "state.weight.step"}
    assert torch.equal(found["state.weight.exp_avg"], whole) and found["state.weight.step"] == 7


OTHERS = {
    "accelerate": (["pytorch_model.bin", "optimizer.bin", "scheduler.bin", "random_states_0.pkl"], "Accelerate's"),
    "universal": (["latest_universal", "global_step5_universal/zero/layer.weight/exp_avg.pt"], "ds_to_universal.py"),
    "inside of it": (["zero/layer.weight/exp_avg.pt", "mp_rank_00_model_states.pt"], "ds_to_universal.py"),
    "deepspeed": (["latest", "global_step5/zero_pp_rank_0_mp_rank_00_optim_states.pt"], "zero_to_fp32.py"),
    "distributed": (["checkpoint-5/.metadata", "checkpoint-5/__0_0.distcp"], "dcp_to_torch"),
    "lightning": (["epoch=1-step=8.ckpt"], "Lightning"),
}


@pytest.mark.parametrize("names, told", OTHERS.values(), ids=OTHERS)
def test_import_says_whose_it_is_and_what_to_do(run: Run, tmp_path: Path, names: list[str], told: str) -> None:
    pytest.importorskip("torch")
    for name in names:
        path = tmp_path / "theirs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"1")
    code, _, err = run("checkpoints", "import", tmp_path / "theirs", tmp_path / "out")
    assert code == 2 and err.count("error[") == 1
    assert told in err and "a new run can start from the weights" in err and not (tmp_path / "out").exists()


def test_export_of_a_model_alone_has_no_optimizer(run: Run, output: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    code, _, err = run("checkpoints", "export", output / "checkpoint-5", tmp_path / "model", "--optimizer")
    assert code == 2 and "error[CLI113]" in err and not (tmp_path / "model" / "model.safetensors").exists()
