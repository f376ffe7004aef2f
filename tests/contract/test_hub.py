"""The settings of pushing, each seen in what a hub received over HTTP from its own client."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import snapshot_download
from safetensors.torch import load
from tests.training.hub.server import TOKEN, Hub, serving
from tests.training.small_job import Make

from trainspec.training.callbacks import TrainerCallback
from trainspec.training.hub import HubError
from trainspec.training.trainer import Trainer

MODEL = {"model.safetensors", "training_args.json", "resolved_args.json"}
STATE = {"trainer_state.json", "trainspec_state.json", "rng_state.json"}
RESUMABLE = MODEL | STATE | {"manifest.json", "optimizer.safetensors", "optimizer.json", "scheduler.json"}


@pytest.fixture(name="hub")
def hub_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    yield from serving(monkeypatch, str(tmp_path / "no-token"))


def pushing(make_trainer: Make, **changes: Any) -> Trainer:
    """Six updates with a checkpoint after every second one, all of which are pushed."""
    usual = {"push_to_hub": True, "hub_token": TOKEN, "save_strategy": "steps", "save_steps": 2}
    if changes.get("hub_strategy") != "end":
        usual["hub_always_push"] = True
    return make_trainer(**{**usual, **changes})


def test_push_to_hub_puts_the_trained_model_into_a_repository(hub: Hub, make_trainer: Make) -> None:
    trainer = pushing(make_trainer)
    trainer.train()
    assert hub.messages("ada/out"), "pushed while training, by itself"
    trainer.save_model()
    assert hub.messages("ada/out")[-1] == "Model save"
    trainer.push_to_hub()
    files = hub.files("ada/out")
    assert torch.equal(load(files["model.safetensors"])["layer.weight"], trainer.model.layer.weight)
    assert files["README.md"].startswith(b"---\n")
    assert hub.messages("ada/out")[-1] == "End of training"


def test_push_to_hub_off_asks_the_hub_nothing(hub: Hub, make_trainer: Make) -> None:
    trainer = make_trainer(save_strategy="steps", save_steps=2)
    trainer.train()
    trainer.save_model()
    assert hub.requests == []


@pytest.mark.parametrize(
    ("name", "repository"), [(None, "ada/out"), ("digits", "ada/digits"), ("team/digits", "team/digits")]
)
def test_hub_model_id_names_the_repository(name: str | None, repository: str, hub: Hub, make_trainer: Make) -> None:
    pushing(make_trainer, **({"hub_model_id": name} if name else {})).train()
    assert list(hub.repositories) == [repository]
    assert "model.safetensors" in hub.files(repository)


def test_hub_revision_is_the_branch_that_everything_goes_to(hub: Hub, make_trainer: Make) -> None:
    trainer = pushing(make_trainer, hub_revision="trial/one")
    trainer.train()
    trainer.push_to_hub()
    assert {commit.revision for commit in hub.repositories["ada/out"].commits} == {"trial/one"}
    assert "model.safetensors" in hub.files("ada/out", "trial/one")
    assert set(hub.files("ada/out", "main")) == {".gitattributes"}


@pytest.mark.parametrize(("private", "asked"), [(None, None), (True, "private"), (False, "public")])
def test_hub_private_repo_says_who_sees_it(
    private: bool | None, asked: str | None, hub: Hub, make_trainer: Make
) -> None:
    pushing(make_trainer, hub_private_repo=private).train()
    assert hub.repositories["ada/out"].visibility == asked


STRATEGIES: dict[str, list[set[str]]] = {
    "end": [],
    "every_save": [MODEL, MODEL, MODEL],
    "checkpoint": [MODEL | {f"last-checkpoint/{name}" for name in RESUMABLE}] * 3,
    "all_checkpoints": [MODEL | {f"checkpoint-{step}/{name}" for name in RESUMABLE} for step in (2, 4, 6)],
}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_hub_strategy_says_what_is_pushed_when(strategy: str, hub: Hub, make_trainer: Make) -> None:
    trainer = pushing(make_trainer, hub_strategy=strategy)
    trainer.train()
    assert (hub.messages("ada/out")[-1] == "End of training") == (strategy == "end")
    trainer.push_to_hub()
    commits = hub.repositories["ada/out"].commits
    while_training = [commit for commit in commits if commit.message.startswith("Training in progress")]
    assert [set(commit.paths) for commit in while_training] == STRATEGIES[strategy]
    steps = [f"Training in progress, step {step}" for step in (2, 4, 6)]
    assert [commit.message for commit in while_training] == (steps if STRATEGIES[strategy] else [])
    assert commits[-1].message == "End of training"
    assert {"README.md", "model.safetensors"} <= set(commits[-1].paths)


def test_hub_strategy_checkpoint_lets_a_run_go_on_elsewhere(hub: Hub, make_trainer: Make, tmp_path: Path) -> None:
    whole = make_trainer()
    whole.train()
    cut = pushing(make_trainer, hub_strategy="checkpoint", output_dir=str(tmp_path / "cut"), callbacks=[StopAt(4)])
    cut.train()
    copy = snapshot_download("ada/cut", endpoint=hub.url, token=TOKEN, local_dir=tmp_path / "copy")
    resumed = make_trainer(output_dir=str(tmp_path / "elsewhere"))
    resumed.train(resume_from_checkpoint=f"{copy}/last-checkpoint")
    assert resumed.state.global_step == whole.state.global_step
    assert torch.equal(resumed.model.layer.weight, whole.model.layer.weight)


class StopAt(TrainerCallback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_training_stop |= state.global_step == self.step


class LetPass(TrainerCallback):
    """Lets the hub answer once training is over."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.hub.commits_may_pass.set()


@pytest.mark.parametrize(("always", "steps"), [(False, [2]), (True, [2, 4, 6])])
def test_hub_always_push_queues_what_is_else_left_out(
    always: bool, steps: list[int], hub: Hub, make_trainer: Make
) -> None:
    hub.commits_may_pass.clear()
    pushing(make_trainer, hub_always_push=always, callbacks=[LetPass(hub)]).train()
    in_progress = [message for message in hub.messages("ada/out") if message.startswith("Training")]
    assert in_progress == [f"Training in progress, step {step}" for step in steps]


def test_hub_token_is_the_account_that_pushes(hub: Hub, make_trainer: Make) -> None:
    hub.accounts["hf_other"] = "bob"
    pushing(make_trainer, hub_token="hf_other").train()
    assert list(hub.repositories) == ["bob/out"]


def test_hub_token_is_shown_nowhere(
    hub: Hub,
    make_trainer: Make,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    trainer = pushing(make_trainer, report_to=["jsonl"], hub_strategy="all_checkpoints", hub_model_id="ada/model")
    trainer.train()
    trainer.push_to_hub()
    hub.accounts.clear()  # From here on the hub refuses, and repeats the header that it refuses.
    with pytest.raises(HubError) as refused:
        trainer.push_to_hub()
    shown = capfd.readouterr()
    texts = [
        *(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()),
        *(content for content in hub.files("ada/model").values()),
        *(text.encode() for text in (caplog.text, shown.out, shown.err)),
        "".join(traceback.format_exception(refused.value)).encode(),
        repr(trainer.args).encode(),
        str(trainer.state).encode(),
    ]
    assert "Invalid credentials" in str(refused.value)
    assert not [text for text in texts if TOKEN.encode() in text]
    assert refused.value.__context__ is None and refused.value.__cause__ is None


def test_what_a_thread_has_saved_is_pushed_as_of_its_update(hub: Hub, make_trainer: Make) -> None:
    pushing(make_trainer, save_in_background=True).train()
    in_progress = [message for message in hub.messages("ada/out") if message.startswith("Training")]
    assert in_progress == [f"Training in progress, step {step}" for step in (2, 4, 6)]
