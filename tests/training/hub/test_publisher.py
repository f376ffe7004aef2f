"""Pushes run beside training, hold what was saved whatever becomes of it, and never end a run."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from tests.training.hub.server import TOKEN, Fault, Hub

from trainspec import TrainingArguments
from trainspec.storage import Store, open_store
from trainspec.training.checkpoint import Checkpoint, remove_checkpoint, save_checkpoint
from trainspec.training.hub import HubError, HubPublisher
from trainspec.training.state import TrainerState

REPOSITORY = "ada/out"


@pytest.fixture(params=["local", "memory"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An output folder, on this machine or elsewhere."""
    store = open_store(tmp_path / "out" if request.param == "local" else f"memory://{tmp_path.name}/out")
    store.make_folder()
    return store


def publisher(output: Store, **changes: Any) -> HubPublisher:
    known = {"push_to_hub": True, "hub_token": TOKEN, "use_cpu": True, **changes}
    return HubPublisher(TrainingArguments(output_dir=output.url, **known), output)


def saved(output: Store, step: int, weights: bytes = b"weights") -> tuple[Checkpoint, TrainerState]:
    files = {"model.safetensors": weights, "tokenizer/vocab.txt": b"words", "optimizer.pt": b"moments"}
    return save_checkpoint(output, step, files), TrainerState(global_step=step, epoch=step / 10)


def test_a_checkpoint_deleted_while_its_push_waits_is_pushed_whole(hub: Hub, output: Store) -> None:
    hub.commits_may_pass.clear()
    pushing = publisher(output, hub_always_push=True, hub_strategy="all_checkpoints")
    pushing.after_save(*saved(output, 1))
    pushing.after_save(*saved(output, 2, b"second"))
    remove_checkpoint(output, 1)
    remove_checkpoint(output, 2)
    assert pushing.push_in_progress
    hub.commits_may_pass.set()
    pushing.finish()
    assert not pushing.push_in_progress and pushing.failures == []
    files = hub.files(REPOSITORY)
    assert files["model.safetensors"] == b"second"
    assert files["checkpoint-1/model.safetensors"] == b"weights"
    assert files["checkpoint-2/tokenizer/vocab.txt"] == files["tokenizer/vocab.txt"] == b"words"
    assert output.entries() == []


def test_contents_still_in_memory_are_not_read_again(hub: Hub, tmp_path: Path) -> None:
    output = open_store(f"memory://{tmp_path.name}/out")
    pushing = publisher(output)
    pushing.after_save(*saved(output, 1), {"model.safetensors": b"in memory"})
    pushing.finish()
    assert hub.files(REPOSITORY)["model.safetensors"] == b"in memory"


def test_what_the_hub_refuses_is_warned_of_once_and_the_run_goes_on(
    hub: Hub, output: Store, caplog: pytest.LogCaptureFixture
) -> None:
    pushing = publisher(output)
    pushing.init_repo()
    hub.faults.append(Fault("/commit/", 403, f"storage is full for {TOKEN}"))
    for step in (1, 2, 3):
        pushing.after_save(*saved(output, step))
        pushing.finish()
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warned) == 1 and "storage is full" in warned[0] and TOKEN not in warned[0]
    assert len(pushing.failures) == 3
    output.write_bytes("model.safetensors", b"weights")
    with pytest.raises(HubError, match=rf"cannot push to {REPOSITORY}: .*storage is full"):
        pushing.push_output()
    hub.faults.clear()
    assert pushing.push_output() == f"{hub.url}/{REPOSITORY}/commit/{1:040x}"


def test_a_checkpoint_that_cannot_be_read_is_warned_of(
    hub: Hub, output: Store, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint, state = saved(output, 1)
    remove_checkpoint(output, 1)
    pushing = publisher(output)
    pushing.after_save(checkpoint, state)
    assert "checkpoint of step 1 cannot be read" in caplog.text and output.entries() == []


def test_a_refused_account_is_told_without_its_token(hub: Hub, output: Store) -> None:
    with pytest.raises(HubError, match=r"cannot create the repository out: .*Invalid credentials") as refused:
        publisher(output, hub_token="hf_wrongwrongwrong").init_repo()
    assert "hf_wrong" not in str(refused.value) and refused.value.__context__ is None


def test_a_token_of_any_form_is_not_told(hub: Hub, output: Store) -> None:
    hub.faults.append(Fault("/create", 400, "no account for plain-canary-7 here"))
    with pytest.raises(HubError, match=r"no account for .* here") as refused:
        publisher(output, hub_token="plain-canary-7").init_repo()
    assert "canary" not in str(refused.value)


def test_signatures_in_addresses_are_not_told(hub: Hub, output: Store) -> None:
    hub.faults.append(Fault("/create", 400, "see https://store.example/x?X-Amz-Signature=abc123"))
    with pytest.raises(HubError) as refused:
        publisher(output).init_repo()
    assert "store.example" in str(refused.value) and "abc123" not in str(refused.value)


def test_a_push_with_another_token_is_that_accounts(hub: Hub, output: Store) -> None:
    hub.accounts["hf_bob"] = "bob"
    output.write_bytes("model.safetensors", b"weights")
    publisher(output).push_output(token="hf_bob")
    assert list(hub.repositories) == ["bob/out"]


def test_the_address_is_read_when_it_is_needed(hub: Hub, output: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Hub(ada=TOKEN)
    monkeypatch.setenv("HF_ENDPOINT", f"{other.url}/")
    publisher(output).init_repo()
    assert list(other.repositories) == [REPOSITORY] and hub.requests == []
    other.close()


def test_everything_for_others_in_output_dir_is_pushed_and_nothing_else(hub: Hub, output: Store) -> None:
    pushed = ["model.safetensors", "README.md", "runs/events.1", ".gitattributes"]
    kept = [".env", "_draft.txt", "checkpoint-5/model.safetensors", "notes/.cache/x", ".pushing-1/model.safetensors"]
    for name in [*pushed, *kept]:
        output.write_bytes(name, b"---\na: b\n---\n")
    publisher(output).push_output("Done")
    assert set(hub.files(REPOSITORY)) == set(pushed)
    assert hub.messages(REPOSITORY) == ["Done"]


def test_an_empty_output_dir_is_no_push(hub: Hub, output: Store) -> None:
    with pytest.raises(HubError, match="holds nothing to push"):
        publisher(output).push_output()


def test_a_push_that_nobody_waits_for_answers_later(hub: Hub, output: Store, caplog: pytest.LogCaptureFixture) -> None:
    hub.commits_may_pass.clear()
    output.write_bytes("model.safetensors", b"weights")
    pushing = publisher(output)
    job = pushing.push_output(blocking=False)
    assert isinstance(job, Future) and not job.done()
    hub.commits_may_pass.set()
    pushing.finish()
    assert job.result().startswith(hub.url)
    hub.faults.append(Fault("/commit/", 403, "full"))
    output.write_bytes("model.safetensors", b"others")
    failing = pushing.push_output(blocking=False)
    pushing.finish()
    assert isinstance(failing, Future) and isinstance(failing.exception(), HubError)
    assert "cannot push" in caplog.text


def test_another_revision_is_made_where_it_is_missing(hub: Hub, output: Store) -> None:
    output.write_bytes("model.safetensors", b"weights")
    publisher(output).push_output(revision="v2")
    assert "model.safetensors" in hub.files(REPOSITORY, "v2")
    assert "model.safetensors" not in hub.files(REPOSITORY)


def test_what_a_killed_run_left_is_cleared(hub: Hub, tmp_path: Path) -> None:
    output = open_store(tmp_path / "out")
    output.write_bytes(".pushing-abc/model.safetensors", b"old")
    publisher(output).init_repo()
    assert output.entries() == []


@pytest.mark.parametrize(("strategy", "message"), [("steps", "step 20"), ("epoch", "epoch 2")])
def test_a_commit_says_how_far_training_is(strategy: str, message: str, hub: Hub, output: Store) -> None:
    pushing = publisher(output, save_strategy=strategy)
    pushing.after_save(*saved(output, 20))
    pushing.finish()
    assert hub.messages(REPOSITORY) == [f"Training in progress, {message}"]


def test_whoever_listens_hears_of_each_push(hub: Hub, output: Store) -> None:
    begun: list[int] = []
    args = TrainingArguments(output_dir=output.url, push_to_hub=True, hub_token=TOKEN, use_cpu=True)
    pushing = HubPublisher(args, output, lambda: begun.append(1))
    pushing.after_save(*saved(output, 1))
    output.write_bytes("model.safetensors", b"weights")
    pushing.push_output()
    assert len(begun) == 2
