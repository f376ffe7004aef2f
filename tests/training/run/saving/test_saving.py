"""Checkpoints are written when the settings say, the best is kept, and an old run goes only when a new one is safe."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.storage.servers.loopback import s3_server
from tests.training.small_job import Line, Make, Rows, entries, weights
from torch import Tensor

from trainspec.storage import StorageError, open_store
from trainspec.training.checkpoint import open_checkpoint
from trainspec.training.checkpoint.contents import load_model_state
from trainspec.training.checkpoint.save import ASIDE
from trainspec.training.errors import UnknownMetricError
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.trainer import Trainer


def _steps(out: Path) -> list[int]:
    return sorted(int(path.name.split("-")[1]) for path in out.glob("checkpoint-*"))


@pytest.mark.parametrize(
    "settings, expected",
    [
        pytest.param({"save_strategy": "steps", "save_steps": 5}, [5, 10, 12], id="steps-and-the-last"),
        pytest.param({"save_strategy": "steps", "save_steps": 0.5}, [6, 12], id="fraction"),
        pytest.param({"save_strategy": "epoch"}, [6, 12], id="epoch"),
        pytest.param({"save_strategy": "no"}, [], id="no"),
        pytest.param({"save_strategy": "steps", "save_steps": 2, "save_total_limit": 2}, [10, 12], id="limit"),
    ],
)
def test_save_strategy_save_steps_save_total_limit(
    make_trainer: Make, tmp_path: Path, settings: dict[str, Any], expected: list[int]
) -> None:
    make_trainer(num_train_epochs=2, **settings).train()
    assert _steps(tmp_path / "out") == expected


class Scripted(Line):
    """Its evaluation losses are told beforehand."""

    def __init__(self, losses: list[float]) -> None:
        super().__init__()
        self.losses = list(losses)

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> dict[str, Tensor]:
        returned = super().forward(inputs, labels, number)
        if not self.training and labels is not None:
            returned["loss"] = torch.tensor(self.losses.pop(0))
        return returned


WHOLE = {"eval_strategy": "epoch", "per_device_eval_batch_size": 10}


def test_save_strategy_best_saves_when_the_metric_improves(make_trainer: Make, tmp_path: Path) -> None:
    trainer = make_trainer(model=Scripted([3.0, 1.0, 2.0, 1.0, 0.5]), num_train_epochs=5, save_strategy="best", **WHOLE)
    trainer.train()
    assert _steps(tmp_path / "out") == [6, 12, 30]
    assert trainer.state.best_metric == 0.5 and trainer.state.best_global_step == 30


@pytest.mark.parametrize(
    "settings, best",
    [
        pytest.param({}, 12, id="loss-by-default"),
        pytest.param({"metric_for_best_model": "loss"}, 12, id="loss"),
        pytest.param({"metric_for_best_model": "eval_loss", "greater_is_better": True}, 6, id="the-worst"),
        pytest.param({"metric_for_best_model": "score"}, 24, id="greater-by-name"),
        pytest.param({"metric_for_best_model": "score", "greater_is_better": False}, 6, id="smaller"),
    ],
)
def test_load_best_model_at_end_metric_for_best_model_greater_is_better(
    make_trainer: Make, tmp_path: Path, settings: dict[str, Any], best: int
) -> None:
    # Preflight looks at one batch to see whether there is such a metric.
    looks = [9.0] if settings.get("metric_for_best_model") == "score" else []
    scores = iter([*looks, 1.0, 2.0, 3.0, 4.0])
    trainer = make_trainer(
        model=Scripted([*looks, 3.0, 1.0, 2.0, 1.5]),
        num_train_epochs=4,
        save_strategy="epoch",
        save_total_limit=1,
        load_best_model_at_end=True,
        compute_metrics=lambda prediction: {"score": next(scores)},
        **WHOLE,
        **settings,
    )
    trainer.train()
    out = tmp_path / "out"
    assert trainer.state.best_model_checkpoint == str(out / f"checkpoint-{best}")
    saved = load_model_state(open_checkpoint(out / f"checkpoint-{best}"))
    for name, value in weights(trainer).items():
        assert torch.equal(saved[name], value)
    assert _steps(out) == sorted({best, 24}), "the best stays under a limit of one, and so does the newest"


def test_load_best_model_at_end_off_keeps_the_last_weights(make_trainer: Make, tmp_path: Path) -> None:
    trainer = make_trainer(model=Scripted([1.0, 2.0]), num_train_epochs=2, save_strategy="epoch", **WHOLE)
    trainer.train()
    last = load_model_state(open_checkpoint(tmp_path / "out" / "checkpoint-12"))
    assert torch.equal(last["layer.weight"], trainer.model.layer.weight)


def test_metric_for_best_model_unknown_names_those_there_are(make_trainer: Make) -> None:
    trainer = make_trainer(
        metric_for_best_model="accuracy", load_best_model_at_end=True, save_strategy="epoch", **WHOLE
    )
    with pytest.raises(PreflightError, match=r"RUN121.*'accuracy'; a batch of the evaluation data gave loss"):
        trainer.train()
    assert trainer.state.global_step == 0


class OwnEvaluation(Trainer):
    def evaluate(self, eval_dataset: Any = None) -> dict[str, float]:  # type: ignore[override]
        return {"eval_score": 1.0}


def test_metric_for_best_model_that_an_own_evaluate_does_not_return_is_told_at_the_first(make_trainer: Make) -> None:
    trainer = make_trainer(
        kind=OwnEvaluation,
        metric_for_best_model="accuracy",
        load_best_model_at_end=True,
        save_strategy="epoch",
        **WHOLE,
    )
    with pytest.raises(UnknownMetricError, match=r"'accuracy', but evaluation returned eval_score"):
        trainer.train()


@pytest.mark.parametrize("safe, file", [(True, "model.safetensors"), (False, "pytorch_model.bin")])
def test_save_safetensors(make_trainer: Make, tmp_path: Path, safe: bool, file: str) -> None:
    trainer = make_trainer(save_strategy="epoch", save_safetensors=safe)
    trainer.train()
    trainer.save_model()
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {"checkpoint-6", file}
    state = load_model_state(open_checkpoint(out / "checkpoint-6"))
    assert torch.equal(state["layer.weight"], trainer.model.layer.weight)


class FirstLook(Line):
    """Notes which checkpoints are there at each forward."""

    def __init__(self, out: Path) -> None:
        super().__init__()
        self.out = out
        self.there: list[list[int]] = []

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> dict[str, Tensor]:
        self.there.append(_steps(self.out))
        return super().forward(inputs, labels, number)


def test_overwrite_output_dir_removes_the_old_run_after_the_first_new_checkpoint(
    make_trainer: Make, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    make_trainer(save_strategy="steps", save_steps=5, max_steps=10).train()
    model = FirstLook(out)
    make_trainer(model=model, save_strategy="steps", save_steps=3, max_steps=6, overwrite_output_dir=True).train()
    assert model.there == [[5, 10]] * 3 + [[3]] * 3
    assert _steps(out) == [3, 6]


class WritesItself(Trainer):
    def _save_scaler(self, output_dir: str) -> None:
        Path(output_dir, "mine").touch()


@pytest.mark.parametrize(("kind", "kept_in"), [(Trainer, "checkpoint-6"), (WritesItself, ASIDE)])
def test_overwrite_output_dir_keeps_an_old_checkpoint_of_the_same_step_until_the_new_one_is_safe(
    make_trainer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Trainer], kept_in: str
) -> None:
    out, run = tmp_path / "out", {"save_strategy": "epoch", "kind": kind}
    first = make_trainer(**run)
    first.train()
    before = weights(first)

    def fails(*args: Any, **kwargs: Any) -> None:
        raise StorageError(str(out), "write", "the disk is full")

    monkeypatch.setattr("trainspec.storage.local.LocalStore.write", fails)
    with pytest.raises(StorageError):
        make_trainer(seed=5, overwrite_output_dir=True, save_failures_allowed=0, **run).train()
    kept = load_model_state(open_checkpoint(out / kept_in))
    assert all(torch.equal(kept[name], value) for name, value in before.items())
    monkeypatch.undo()
    again = make_trainer(seed=5, overwrite_output_dir=True, **run)
    again.train()
    assert [path.name for path in out.iterdir()] == ["checkpoint-6"]


def test_output_dir_may_be_any_url(make_trainer: Make) -> None:
    trainer = make_trainer(
        output_dir="memory://saving/run",
        save_strategy="epoch",
        eval_strategy="epoch",
        load_best_model_at_end=True,
        report_to=["jsonl", "plot"],
        num_train_epochs=2,
    )
    trainer.train()
    trainer.save_model()
    store = open_store("memory://saving/run")
    assert store.folders() == ["checkpoint-12", "checkpoint-6"]
    assert all(store.exists(name) for name in ("metrics.jsonl", "loss.png", "model.safetensors"))
    again = make_trainer(
        output_dir="memory://saving/run",
        num_train_epochs=3,
        save_strategy="epoch",
        resume_from_checkpoint=True,
    )
    again.train()
    assert again.state.global_step == 18 and len(again.model.seen) == 6


def test_output_dir_in_the_home_folder(make_trainer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    make_trainer(output_dir="~/runs/a", save_strategy="epoch").train()
    assert _steps(tmp_path / "home" / "runs" / "a") == [6]


def test_training_can_be_called_again(make_trainer: Make) -> None:
    trainer = make_trainer(logging_steps=1, lr_scheduler_type="linear")
    trainer.train()
    first = [entry["learning_rate"] for entry in entries(trainer, "learning_rate")]
    trainer.train()
    assert [entry["learning_rate"] for entry in entries(trainer, "learning_rate")] == first
    assert len(trainer.model.seen) == 12 and trainer.state.global_step == 6


def test_rows_and_weights_on_an_s3_store(make_trainer: Make) -> None:
    s3fs = pytest.importorskip("s3fs")
    with s3_server():
        files = s3fs.S3FileSystem()
        files.mkdir("bucket")
        run = {"output_dir": "s3://bucket/run", "report_to": "jsonl"}
        first = make_trainer(save_strategy="steps", save_steps=2, max_steps=4, **run)
        first.train()
        resumed = make_trainer(max_steps=6, resume_from_checkpoint="latest", train_dataset=Rows(), **run)
        resumed.train()
        for trainer in (first, resumed):
            trainer.end()
        files.invalidate_cache()
        assert len(resumed.model.seen) == 2
        assert files.exists("bucket/run/checkpoint-4/manifest.json")
        assert files.exists("bucket/run/metrics.jsonl")


def test_no_credentials_of_the_output_url_are_written(make_trainer: Make) -> None:
    """Yet a run that goes on finds its best checkpoint at the full URL."""
    out = "memory://me:canary@bucket/run"
    best = {"eval_strategy": "steps", "eval_steps": 1, "load_best_model_at_end": True, "logging_steps": 1}
    run = {"output_dir": out, "save_strategy": "steps", "save_steps": 1, "max_steps": 3, **best}
    first = make_trainer(**run)
    first.train()
    first.save_state()
    assert first.state.best_model_checkpoint == open_store(out).child("checkpoint-3").url
    store = open_store(out)
    texts = {entry.name: store.read_bytes(entry.name) for entry in store.entries() if entry.name.endswith(".json")}
    assert "trainer_state.json" in texts and "checkpoint-3/trainer_state.json" in texts
    assert not [name for name, text in texts.items() if b"canary" in text]
    resumed = make_trainer(**run, resume_from_checkpoint=f"{out}/checkpoint-3", learning_rate=100.0)
    resumed.train()
    assert resumed.state.best_model_checkpoint == first.state.best_model_checkpoint
    for name, value in weights(resumed).items():
        assert torch.equal(value, weights(first)[name])
