"""The part of a Trainer that answers for accelerate's Accelerator says and does what that does with one process."""

from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.small_job import Make
from torch import nn

from trainspec import Trainer

accelerate = pytest.importorskip("accelerate")


@pytest.fixture
def trainer(make_trainer: Make) -> Trainer:
    return make_trainer(max_steps=1)


SAID = (
    *("is_main_process", "is_local_main_process", "is_last_process", "process_index", "local_process_index"),
    *("num_processes", "distributed_type", "device", "sync_gradients", "mixed_precision", "use_distributed"),
    *("scaler", "optimizer_step_was_skipped", "split_batches", "gradient_accumulation_steps", "native_amp"),
)


@pytest.mark.parametrize("name", SAID)
def test_it_says_what_theirs_says(trainer: Trainer, name: str) -> None:
    assert getattr(trainer.accelerator, name) == getattr(accelerate.Accelerator(cpu=True), name)


@pytest.mark.parametrize(
    "name", ["num_processes", "process_index", "deepspeed_plugin", "fsdp_plugin", "mixed_precision"]
)
def test_its_state_says_what_theirs_says(trainer: Trainer, name: str) -> None:
    assert getattr(trainer.accelerator.state, name) == getattr(accelerate.Accelerator(cpu=True).state, name, None)


def test_the_type_equals_theirs(trainer: Trainer) -> None:
    kinds = accelerate.DistributedType
    assert trainer.accelerator.distributed_type == kinds.NO and trainer.accelerator.distributed_type != kinds.DEEPSPEED


NESTS: list[Any] = [
    torch.tensor(3.0),
    torch.arange(3),
    {"a": torch.tensor(1), "b": [torch.ones(2, 2), (torch.zeros(1),)]},
]


@pytest.mark.parametrize("name", ["gather", "gather_for_metrics", "reduce", "pad_across_processes"])
@pytest.mark.parametrize("nest", NESTS, ids=["number", "row", "nest"])
def test_nests_come_back_as_theirs(trainer: Trainer, name: str, nest: Any) -> None:
    own = getattr(trainer.accelerator, name)(nest)
    theirs = getattr(accelerate.Accelerator(cpu=True), name)(nest)
    if name in ("gather", "gather_for_metrics"):
        # Theirs leaves a number what it is in one process; with several it becomes a row, as here in any case.
        theirs = torch.utils._pytree.tree_map(torch.atleast_1d, theirs)
    torch.testing.assert_close(own, theirs)


def test_what_is_prepared_is_what_was_given(trainer: Trainer) -> None:
    view, layer = trainer.accelerator, nn.Linear(1, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    assert view.prepare(layer) is layer and view.prepare(layer, optimizer) == (layer, optimizer)
    assert view.unwrap_model(trainer.model_wrapped) is trainer.model
    compiled: Any = torch.compile(layer)
    assert view.unwrap_model(compiled) is layer and view.get_state_dict(compiled).keys() == layer.state_dict().keys()


def test_gradients_are_those_of_the_run(trainer: Trainer) -> None:
    view = trainer.accelerator
    batch = next(iter(trainer.get_eval_dataloader()))
    with view.autocast(), view.accumulate(trainer.model), view.no_sync(trainer.model):
        loss = trainer.compute_loss(trainer.model, batch)
    view.backward(loss)
    norm = view.clip_grad_norm_(trainer.model.parameters(), 0.5)
    assert norm > 0.5
    clipped = nn.utils.get_total_norm([value.grad for value in trainer.model.parameters() if value.grad is not None])
    assert clipped == pytest.approx(0.5, rel=1e-4)


def test_files_and_words_are_of_the_main_process(trainer: Trainer, tmp_path: Any, capsys: Any) -> None:
    view = trainer.accelerator
    view.save({"a": torch.ones(1)}, tmp_path / "a.safetensors", safe_serialization=True)
    view.save({"a": 1}, tmp_path / "a.pt")
    assert load_file(tmp_path / "a.safetensors")["a"].item() == 1.0
    assert torch.load(tmp_path / "a.pt") == {"a": 1}
    view.print("said")
    assert capsys.readouterr().out == "said\n"
    view.wait_for_everyone()
    with view.main_process_first(), view.local_main_process_first():
        assert view.on_main_process(lambda: 5)() == 5 and view.free_memory(1, 2) == [None, None]


def test_what_it_has_not_is_said(trainer: Trainer) -> None:
    with pytest.raises(AttributeError, match="trainspec has no 'load_state'"):
        trainer.accelerator.load_state  # noqa: B018
    assert not hasattr(trainer.accelerator, "deepspeed_engine")


def test_it_is_made_once_and_may_be_another(trainer: Trainer) -> None:
    assert trainer.accelerator is trainer.accelerator
    trainer.accelerator = other = accelerate.Accelerator(cpu=True)
    assert trainer.accelerator is other
