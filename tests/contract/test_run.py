"""What each setting of a run does: its phases, its windows of micro-batches, and what it counts."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows, entries, weights
from torch import Tensor, nn

from trainspec.tasks import TaskParts
from trainspec.training.callbacks import ExportableState, TrainerCallback
from trainspec.training.command.train import run_task
from trainspec.training.errors import NonFiniteError


class Phases:
    """A task that keeps its model."""

    def __call__(self, args: Any) -> TaskParts:
        self.model = Line()
        return TaskParts(self.model, train_dataset=Rows(), eval_dataset=Rows(10), test_dataset=Rows(6))


@pytest.mark.parametrize("said, trains", [({}, True), ({"do_train": True}, True), ({"do_train": False}, False)])
def test_do_train_false_leaves_training_out(arguments: Any, tmp_path: Path, said: Any, trains: bool) -> None:
    before = Phases()
    assert run_task(arguments(num_train_epochs=1), before) == 0
    task = Phases()
    assert run_task(arguments(do_predict=True, **said), task) == 0
    assert bool(task.model.seen) == trains
    assert torch.equal(task.model.layer.weight, before.model.layer.weight), "the model that lies there, or the same run"


@pytest.mark.parametrize(
    "said, evaluates",
    [({"do_eval": True}, True), ({"do_eval": False}, False), ({"do_eval": None, "eval_strategy": "epoch"}, True)],
)
def test_do_eval_evaluates_at_the_end(
    arguments: Any, capsys: pytest.CaptureFixture[str], said: Any, evaluates: bool
) -> None:
    assert run_task(arguments(**said), Phases()) == 0
    assert ("  evaluation" in capsys.readouterr().out) == evaluates


@pytest.mark.parametrize("predicts", [True, False])
def test_do_predict_writes_predictions_of_the_test_set(arguments: Any, tmp_path: Path, predicts: bool) -> None:
    assert run_task(arguments(do_predict=predicts), Phases()) == 0
    file = tmp_path / "out" / "predictions.jsonl"
    assert file.exists() == predicts
    if predicts:
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        assert [row["row"] for row in rows] == list(range(6))


@pytest.mark.parametrize("accumulation, updates, halves", [(1, 6, 0), (2, 3, 3), (4, 2, 4), (100, 1, 5)])
def test_gradient_accumulation_steps_are_micro_batches_of_an_update(
    make_trainer: Make, accumulation: int, updates: int, halves: int
) -> None:
    class Halves(TrainerCallback):
        heard = 0

        def on_substep_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.heard += 1

    counts = Halves()
    usual = {"optim": "sgd", "max_grad_norm": 0, "num_train_epochs": 1}
    trainer = make_trainer(gradient_accumulation_steps=accumulation, callbacks=[counts], **usual)
    trainer.train()
    assert trainer.state.global_step == updates and counts.heard == halves
    assert len(trainer.model.seen) == 6, "each micro-batch is a forward pass"
    big = make_trainer(per_device_train_batch_size=4 * accumulation, **usual)
    big.train()
    torch.testing.assert_close(weights(trainer)["layer.weight"], weights(big)["layer.weight"])


class Greedy(Line):
    """Out of memory above a number of rows."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.sizes: list[int] = []

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> Any:
        self.sizes.append(len(inputs))
        if len(inputs) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().forward(inputs, labels, number)


def test_auto_find_batch_size_halves_until_it_fits(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    usual = {"num_train_epochs": 1, "logging_steps": 1}
    trainer = make_trainer(model=Greedy(3), per_device_train_batch_size=12, auto_find_batch_size=True, **usual)
    trainer.train()
    assert trainer.model.sizes == [12, 6, *[3] * 8]
    assert trainer.state.train_batch_size == 3 and trainer.args.per_device_train_batch_size == 12
    assert "per_device_train_batch_size 3" in caplog.text
    plain = make_trainer(per_device_train_batch_size=3, **usual)
    plain.train()
    assert torch.equal(weights(trainer)["layer.weight"], weights(plain)["layer.weight"])


def test_auto_find_batch_size_starts_again_from_the_first_weights(make_trainer: Make) -> None:
    class LaterGreedy(Greedy):
        """The memory runs out in the third update only."""

        def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> Any:
            self.most = 100 if len(self.sizes) < 2 else 4
            return super().forward(inputs, labels, number)

    usual = {"num_train_epochs": 1, "logging_steps": 1}
    trainer = make_trainer(model=LaterGreedy(100), per_device_train_batch_size=8, auto_find_batch_size=True, **usual)
    trainer.train()
    plain = make_trainer(per_device_train_batch_size=4, **usual)
    plain.train()
    assert torch.equal(weights(trainer)["layer.weight"], weights(plain)["layer.weight"])
    assert [entry["step"] for entry in entries(trainer, "loss")] == list(range(1, 7)), "no entry of the broken run"


@pytest.mark.parametrize("settings, size", [({"auto_find_batch_size": True}, 1), ({}, 4)])
def test_auto_find_batch_size_raises_where_one_row_is_too_much(make_trainer: Make, settings: Any, size: int) -> None:
    trainer = make_trainer(model=Greedy(0), **settings)
    with pytest.raises(torch.OutOfMemoryError):
        trainer.train()
    assert trainer.model.sizes[-1] == size


class Reader(nn.Module):
    """Reads tokens."""

    main_input_name = "tokens"

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.embedding = nn.Embedding(10, 3)

    def forward(self, tokens: Tensor, labels: Tensor, attention_mask: Tensor | None = None) -> dict[str, Tensor]:
        return {"loss": (self.embedding(tokens).mean(1) - labels[:, None]).square().mean()}


def _texts(lengths: list[int], *, masked: bool) -> list[dict[str, Tensor]]:
    rows = []
    for length in lengths:
        tokens = torch.zeros(5, dtype=torch.int64)
        tokens[:length] = 3
        row = {"tokens": tokens, "labels": torch.ones(())}
        rows.append({**row, "attention_mask": (tokens > 0).long()} if masked else row)
    return rows


class Padder:
    pad_token_id = 0

    def pad(self, rows: Any, **kwargs: Any) -> Any:
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


@pytest.mark.parametrize(
    "wanted, masked, seen",
    [
        pytest.param("all", True, [10, 20], id="all"),
        pytest.param(True, True, [10, 20], id="true"),
        pytest.param("non_padding", True, [5, 8], id="by-mask"),
        pytest.param("non_padding", False, [5, 8], id="by-padding-token"),
        pytest.param("no", True, [], id="no"),
        pytest.param(None, True, [], id="unset"),
    ],
)
def test_include_num_input_tokens_seen_counts_them(
    make_trainer: Make, tmp_path: Path, wanted: Any, masked: bool, seen: list[int]
) -> None:
    run = {
        "train_dataset": _texts([2, 3, 2, 1], masked=masked),
        "eval_dataset": None,
        "do_eval": False,
        "processing_class": Padder(),
        "per_device_train_batch_size": 2,
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_steps": 1,
        "include_num_input_tokens_seen": wanted,
    }
    trainer = make_trainer(model=Reader(), **run, data_seed=1)
    order = [int(index) for index in trainer.get_train_dataloader().sampler]
    trainer.train()
    logged = [entry["num_input_tokens_seen"] for entry in entries(trainer, "num_input_tokens_seen") if "loss" in entry]
    if wanted == "non_padding":
        first = sum([2, 3, 2, 1][index] for index in order[:2])
        seen = [first, 8]
    assert logged == seen
    assert trainer.state.num_input_tokens_seen == (seen[-1] if seen else 0)
    resumed = make_trainer(model=Reader(), **run, data_seed=1, num_train_epochs=2)
    resumed.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-2"))
    assert resumed.state.num_input_tokens_seen == 2 * trainer.state.num_input_tokens_seen


@pytest.mark.parametrize("wanted, counted", [(True, None), (False, None), (False, "all")])
def test_include_tokens_per_second_is_in_the_closing_metrics(
    make_trainer: Make, wanted: bool, counted: str | None
) -> None:
    trainer = make_trainer(
        model=Reader(),
        train_dataset=_texts([2, 3, 2, 1], masked=True),
        eval_dataset=None,
        do_eval=False,
        include_tokens_per_second=wanted,
        include_num_input_tokens_seen=counted,
    )
    metrics = trainer.train().metrics
    assert ("train_tokens_per_second" in metrics) == wanted
    if wanted:
        assert metrics["train_tokens_per_second"] / metrics["train_samples_per_second"] == pytest.approx(5, rel=1e-3)


class Counter(TrainerCallback, ExportableState):
    def __init__(self, start: int = 0) -> None:
        self.start = self.count = start

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.count += 1

    def state(self) -> dict[str, Any]:
        return {"args": {"start": self.start}, "attributes": {"count": self.count}}


@pytest.mark.parametrize("settings, start", [({"restore_callback_states_from_checkpoint": True}, 10), ({}, 3)])
def test_restore_callback_states_from_checkpoint_makes_callbacks_as_they_were(
    make_trainer: Make, tmp_path: Path, settings: Any, start: int
) -> None:
    make_trainer(callbacks=[Counter(10)], save_strategy="epoch", num_train_epochs=1).train()
    counter = Counter(3)
    checkpoint = str(tmp_path / "out" / "checkpoint-6")
    make_trainer(callbacks=[counter], num_train_epochs=2, resume_from_checkpoint=checkpoint, **settings).train()
    assert (counter.start, counter.count) == (start, 22)


@pytest.mark.parametrize("stops", [True, False])
def test_stop_on_nonfinite_ends_the_run(make_trainer: Make, tmp_path: Path, stops: bool) -> None:
    rows = Rows()
    rows.targets[:] = torch.inf
    trainer = make_trainer(train_dataset=rows, stop_on_nonfinite=stops, save_strategy="epoch")
    if stops:
        with pytest.raises(NonFiniteError, match="step 1 "):
            trainer.train()
    else:
        trainer.train()
    assert (tmp_path / "out" / "checkpoint-6").exists() != stops
