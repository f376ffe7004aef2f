"""A run that was cut in two is, bit for bit, the run that was not."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows, weights

from trainspec import TrainingArguments
from trainspec.training.callbacks import TrainerCallback
from trainspec.training.preflight.preflight import PreflightError

RUN = {
    "num_train_epochs": 3,
    "gradient_accumulation_steps": 2,
    "logging_steps": 2,
    "save_strategy": "steps",
    "save_steps": 1,
    "eval_strategy": "steps",
    "eval_steps": 2,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 2,
    "weight_decay": 0.1,
}


class PulledPlug(Exception):
    pass


class Plug(TrainerCallback):
    """Ends the process's run, as a crash does, after some update."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            raise PulledPlug


class Forget(TrainerCallback):
    """What preflight looked at does not count."""

    def __init__(self, data: Rows) -> None:
        self.data = data

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.data.touched.clear()


def _history(trainer: Any) -> list[dict[str, str]]:
    timed = ("runtime", "per_second")
    kept = [{k: v for k, v in entry.items() if not k.endswith(timed)} for entry in trainer.state.log_history]
    # Overflowing fp16 steps log nan, which equals nothing; as text it does.
    return [{key: repr(value) for key, value in entry.items()} for entry in kept]


def _same_run(whole: Any, resumed: Any) -> None:
    for name, value in weights(whole).items():
        assert torch.equal(weights(resumed)[name], value), name
    assert resumed.optimizer.state_dict()["param_groups"] == whole.optimizer.state_dict()["param_groups"]
    for index, state in whole.optimizer.state_dict()["state"].items():
        for key, value in state.items():
            assert torch.equal(resumed.optimizer.state_dict()["state"][index][key], value)
    assert resumed.lr_scheduler.state_dict() == whole.lr_scheduler.state_dict()
    assert _history(resumed) == _history(whole)


@pytest.mark.parametrize(
    "cut, precision",
    [
        pytest.param(1, {}, id="inside-the-first-epoch"),
        pytest.param(3, {}, id="at-the-end-of-an-epoch"),
        pytest.param(4, {}, id="inside-the-second-epoch"),
        pytest.param(8, {}, id="before-the-last-update"),
        pytest.param(4, {"bf16": True}, id="bf16"),
        pytest.param(4, {"fp16": True}, id="fp16"),
    ],
)
@pytest.mark.parametrize("rescued", [False, True], ids=["of-a-crash", "of-an-error"])
def test_resume_from_checkpoint_equals_the_uninterrupted_run(
    make_trainer: Make, tmp_path: Path, cut: int, precision: dict[str, bool], rescued: bool
) -> None:
    # Dropout draws from the global generator; 22 rows leave short windows.
    rows, settings = {"train_dataset": Rows(22)}, {**RUN, **precision}
    whole = make_trainer(model=Line(dropout=0.3), output_dir=str(tmp_path / "whole"), **rows, **settings)
    whole.train()

    out = str(tmp_path / "cut")
    first = make_trainer(model=Line(dropout=0.3), output_dir=out, callbacks=[Plug(cut + 1)], **rows, **settings)
    with pytest.raises(PulledPlug):
        first.train()
    torch.manual_seed(999)
    data = Rows(22)
    resumed = make_trainer(
        model=Line(dropout=0.3), output_dir=out, train_dataset=data, callbacks=[Forget(data)], **settings
    )
    # An error has its last update saved, and a crash has no time for it.
    resumed.train(resume_from_checkpoint=True if rescued else str(tmp_path / "cut" / f"checkpoint-{cut}"))

    _same_run(whole, resumed)
    assert first.model.seen[: 2 * (cut + rescued)] + resumed.model.seen == whole.model.seen
    # Not one row of the batches before the cut was loaded again.
    assert len(data.touched) == sum(map(len, resumed.model.seen))
    if precision.get("fp16"):
        assert resumed.parts.precision.scaler.state_dict() == whole.parts.precision.scaler.state_dict()


def test_resume_from_checkpoint_latest_passes_over_a_broken_one(make_trainer: Make, tmp_path: Path) -> None:
    make_trainer(**RUN).train()
    out = tmp_path / "out"
    newest = max(out.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    (newest / "manifest.json").unlink()
    resumed = make_trainer(**RUN, resume_from_checkpoint="latest")
    resumed.train()
    assert len(resumed.model.seen) == 2, "one update of two micro-batches was left"


def test_resume_from_checkpoint_takes_a_path(make_trainer: Make, tmp_path: Path) -> None:
    make_trainer(**RUN).train()
    resumed = make_trainer(**RUN, resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-6"))
    resumed.train()
    assert len(resumed.model.seen) == 2 * 3


@pytest.mark.parametrize(
    "wanted, code",
    [("latest", "RUN110"), (True, "RUN110"), ("nowhere/checkpoint-1", "RUN110")],
)
def test_resume_from_checkpoint_that_is_not_there_is_refused(
    make_trainer: Make, tmp_path: Path, wanted: str | bool, code: str
) -> None:
    with pytest.raises(PreflightError) as caught:
        make_trainer(resume_from_checkpoint=wanted).train()
    (told,) = caught.value.diagnostics
    assert told.code == code and "set it to auto" in str(told.remedy)
    assert not (tmp_path / "out").exists()


def test_save_only_model_cannot_be_resumed_from(make_trainer: Make, tmp_path: Path) -> None:
    make_trainer(save_strategy="epoch", save_only_model=True).train()
    files = {path.name for path in (tmp_path / "out" / "checkpoint-6").iterdir()}
    assert files == {
        "model.safetensors",
        "trainer_state.json",
        "trainspec_state.json",
        "training_args.json",
        "resolved_args.json",
        "manifest.json",
    }
    with pytest.raises(PreflightError, match="save_only_model") as caught:
        make_trainer(resume_from_checkpoint="latest").train()
    assert [item.code for item in caught.value.diagnostics] == ["RUN111"]


def test_ignore_data_skip_starts_at_the_beginning_of_the_epoch(make_trainer: Make, tmp_path: Path) -> None:
    settings = {**RUN, "gradient_accumulation_steps": 1, "num_train_epochs": 1}
    whole = make_trainer(**settings)
    whole.train()
    checkpoint = str(tmp_path / "out" / "checkpoint-4")
    exact = make_trainer(**settings, resume_from_checkpoint=checkpoint)
    exact.train()
    again = make_trainer(**settings, resume_from_checkpoint=checkpoint, ignore_data_skip=True)
    again.train()
    assert exact.model.seen == whole.model.seen[4:]
    assert again.model.seen == whole.model.seen[:2]


def test_a_checkpoint_holds_what_the_user_said(make_trainer: Make, tmp_path: Path) -> None:
    trainer = make_trainer(**RUN)
    trainer.train()
    said = json.loads((tmp_path / "out" / "checkpoint-2" / "training_args.json").read_text())
    assert said["save_steps"] == 1 and "logging_first_step" not in said
    assert type(trainer.args).from_dict(said) == trainer.args


def test_a_checkpoint_holds_every_setting_with_the_value_that_held(make_trainer: Make, tmp_path: Path) -> None:
    make_trainer(**RUN).train()
    resolved = json.loads((tmp_path / "out" / "checkpoint-2" / "resolved_args.json").read_text())
    assert resolved.keys() == TrainingArguments.model_fields.keys() - {"hub_token"}
    assert resolved["optim"] == {"value": "adamw_torch", "source": "default"}
    assert resolved["data_seed"] == {"value": 42, "source": "derived from seed"}
