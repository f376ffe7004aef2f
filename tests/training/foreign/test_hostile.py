"""Promise: a checkpoint of others is data. What is broken or hostile in it is told, and nothing in it is run."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.foreign.theirs import Points, Small, settings, trained

from trainspec import TrainingArguments
from trainspec.storage import open_store
from trainspec.training.foreign.importing import import_checkpoints
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.trainer import Trainer

pytest.importorskip("transformers")


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("theirs")
    trained(folder, max_steps=4)
    return folder / "checkpoint-4"


@pytest.fixture
def broken(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "theirs" / "checkpoint-4")


@pytest.fixture(autouse=True)
def nothing_is_unpickled(original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever calls these has run what is in the file."""
    load = torch.load

    def safe(*args: Any, weights_only: bool | None = None, **known: Any) -> Any:
        assert weights_only is True
        return load(*args, weights_only=weights_only, **known)

    monkeypatch.setattr(torch, "load", safe)
    for name in ("load", "loads"):
        monkeypatch.setattr(pickle, name, lambda *_, **__: pytest.fail("a pickle was run"))


class Hostile:
    """Leaves a file where it was run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def resume(folder: Path, out: Path, model: Any = None, **changes: Any) -> Trainer:
    args = TrainingArguments(output_dir=str(out), **settings(max_steps=6, **changes))
    trainer = Trainer(Small() if model is None else model, args, train_dataset=Points())
    trainer.train(resume_from_checkpoint=str(folder))
    return trainer


def told(folder: Path, out: Path, **changes: Any) -> str:
    with pytest.raises(PreflightError) as caught:
        resume(folder, out, **changes)
    assert not (out / "checkpoint-6").exists()
    return "\n".join(f"{item.code} {item.message}: {item.reason}" for item in caught.value.diagnostics)


PARTS = ["optimizer.pt", "scheduler.pt", "rng_state.pth"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_code_in_a_part_is_not_run(broken: Path, tmp_path: Path, part: str, how: str) -> None:
    content = {"state": Hostile(tmp_path / "ran"), "param_groups": []}
    if how == "torch":
        torch.save(content, broken / part)
    else:
        (broken / part).write_bytes(pickle.dumps(content))
    assert f"RUN221 {part} cannot be taken over" in told(broken, tmp_path / "out")
    (done,) = import_checkpoints(open_store(broken), open_store(tmp_path / "dst"))
    assert any(item.code == "RUN221" and part in item.message for item in done.findings)
    assert not done.resumable or part == "rng_state.pth"
    assert not (tmp_path / "ran").exists()


def test_code_in_the_settings_is_not_run(broken: Path, tmp_path: Path) -> None:
    torch.save({"x": Hostile(tmp_path / "ran")}, broken / "training_args.bin")
    assert resume(broken, tmp_path / "out").state.global_step == 6, "the settings of now hold"
    (done,) = import_checkpoints(open_store(broken), open_store(tmp_path / "dst"))
    assert [item.code for item in done.findings] == ["RUN223"]
    assert not (tmp_path / "ran").exists()


def changed_shapes(state: dict[str, Any]) -> None:
    state["state"][0]["exp_avg"] = torch.zeros(9, 9)


def a_parameter_more(state: dict[str, Any]) -> None:
    state["param_groups"][0]["params"].append(8)


def odd_numbers(state: dict[str, Any]) -> None:
    state["param_groups"][0]["params"][0] = 77


def no_groups(state: dict[str, Any]) -> None:
    state["param_groups"] = {"a": 1}


MISFITS: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "other shapes": (changed_shapes, "its exp_avg of first.weight is (9, 9)"),
    "a parameter more": (a_parameter_more, "not numbered as torch numbers them"),
    "odd numbers": (odd_numbers, "not numbered as torch numbers them"),
    "no groups": (no_groups, "no state of an optimizer"),
}


@pytest.mark.parametrize(("change", "said"), MISFITS.values(), ids=MISFITS)
def test_a_state_that_does_not_fit_stops_before_the_run(
    broken: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    state = torch.load(broken / "optimizer.pt", weights_only=True)
    change(state)
    torch.save(state, broken / "optimizer.pt")
    assert said in told(broken, tmp_path / "out")


def test_a_model_of_more_parameters_is_told(broken: Path, tmp_path: Path) -> None:
    class More(Small):
        def __init__(self) -> None:
            super().__init__()
            self.more = torch.nn.Linear(2, 2)

    assert "it is of 8 parameters, and 10 are trained here" in told(broken, tmp_path / "out", model=More())


def test_the_state_of_another_optimizer_is_told(broken: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="of another optimizer"):
        resume(broken, tmp_path / "out", optim="sgd")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "nonsense", '{"global_step": -1}', '{"global_step": "x"}', "[" * 9999]
)
def test_a_state_that_is_none_is_told(broken: Path, tmp_path: Path, text: str) -> None:
    (broken / "trainer_state.json").write_text(text)
    assert "trainer_state.json" in told(broken, tmp_path / "out")


def test_an_index_that_leaves_the_folder_is_told(broken: Path, tmp_path: Path) -> None:
    (broken / "model.safetensors").rename(tmp_path / "theirs" / "x.safetensors")
    index = {"weight_map": dict.fromkeys(Small().state_dict(), "../x.safetensors")}
    (broken / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(Exception, match="no file of weights beside it"):
        resume(broken, tmp_path / "out")
    (done,) = import_checkpoints(open_store(broken), open_store(tmp_path / "dst"))
    assert done.target is None and "no file of weights beside it" in done.findings[0].reason


PIECES = {
    "DeepSpeed": ("global_step4/mp_rank_00_model_states.pt", "zero_to_fp32.py"),
    "FSDP": ("optimizer_0/__0_0.distcp", "merge-weights"),
}


@pytest.mark.parametrize(("file", "remedy"), PIECES.values(), ids=PIECES)
def test_a_state_in_pieces_is_told_with_what_to_do(broken: Path, tmp_path: Path, file: str, remedy: str) -> None:
    (broken / "optimizer.pt").unlink()
    (broken / file).parent.mkdir()
    (broken / file).write_bytes(b"x")
    found = told(broken, tmp_path / "out")
    assert found.startswith("RUN111") and remedy in found
    (done,) = import_checkpoints(open_store(broken), open_store(tmp_path / "dst"))
    assert done.target is not None and not done.resumable
    assert remedy in done.findings[-1].reason
    assert not list((tmp_path / "dst").rglob("*.distcp")) and not list((tmp_path / "dst").rglob("mp_rank*"))


def test_several_processes_wrote_it(broken: Path, tmp_path: Path) -> None:
    """Each saw its own batches, and kept its own random states."""
    from trainspec.training.foreign.finding import open_any

    one = open_any(broken).manifest.data
    assert one == {"epoch": 0, "rows": 16}
    (broken / "rng_state.pth").rename(broken / "rng_state_0.pth")
    shutil.copy(broken / "rng_state_0.pth", broken / "rng_state_1.pth")
    found = open_any(broken)
    assert (found.manifest.world_size, found.manifest.data) == (2, {"epoch": 0, "rows": 32})
    (done,) = import_checkpoints(open_store(broken), open_store(tmp_path / "dst"))
    assert [(item.code, item.reason) for item in done.findings] == [
        ("RUN223", "there are 2 of them, one of each process")
    ]
    assert {path.name for path in (tmp_path / "dst" / "checkpoint-4").glob("rng_state*")} == {
        "rng_state_0.json",
        "rng_state_1.json",
    }


def test_settings_that_changed_are_told(broken: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    resume(broken, tmp_path / "out", learning_rate=0.5)
    assert "RUN224" in caplog.text and "learning_rate was 0.02" in caplog.text
    caplog.clear()
    resume(broken, tmp_path / "out")
    # Only the number of steps is another than in the run that wrote it.
    assert "max_steps was 4" in caplog.text and "learning_rate was" not in caplog.text


def test_settings_that_changed_obey_the_policy(broken: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    changed = {"learning_rate": 0.5, "optim": "adamw_torch_fused"}
    refused = told(broken, tmp_path / "out", on_changed_settings="error", **changed)
    assert refused.startswith("RUN224") and "learning_rate was 0.02" in refused and "optim was" not in refused
    assert not (tmp_path / "out").exists()
    resume(broken, tmp_path / "out", on_changed_settings="accept", **changed)
    assert "RUN224" not in caplog.text and (tmp_path / "out" / "checkpoint-6").exists()
