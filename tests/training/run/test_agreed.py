"""What another process asks for happens here: the loop takes each decision from the agreement, never from itself."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Make, entries

from trainspec import TrainerCallback
from trainspec.training.errors import NonFiniteError
from trainspec.training.interruption import Terminated, terminable
from trainspec.training.parallel import AfterEpoch, AfterUpdate, Agreement, BeforeUpdate, Onward
from trainspec.training.parallel.agreement import DisagreementError


@pytest.fixture
def another_says(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A process at the edge of this one: at a moment it says what it wants, and both have it so."""

    def say(moment: type[Any], number: int, **flags: bool) -> None:
        class Together(Agreement):
            def agree(self, said: Any, at: int) -> Any:
                if (type(said), at) == (moment, number):
                    for name, value in flags.items():
                        setattr(said, name, value)
                return super().agree(said, at)

        monkeypatch.setattr("trainspec.training.run.build.Agreement", Together)

    return say


def test_a_log(make_trainer: Make, another_says: Callable[..., None]) -> None:
    another_says(AfterUpdate, 2, log=True)
    trainer = make_trainer(max_steps=4, logging_strategy="no")
    trainer.train()
    assert [entry["step"] for entry in entries(trainer, "loss")] == [2]


def test_an_evaluation(make_trainer: Make, another_says: Callable[..., None]) -> None:
    another_says(AfterUpdate, 3, evaluate=True)
    trainer = make_trainer(max_steps=4)
    trainer.train()
    assert [entry["step"] for entry in entries(trainer, "eval_loss")] == [3]


def test_a_checkpoint(make_trainer: Make, another_says: Callable[..., None]) -> None:
    another_says(AfterUpdate, 2, save=True)
    trainer = make_trainer(max_steps=4)
    trainer.train()
    assert [path.name for path in Path(trainer.args.output_dir).glob("checkpoint-*")] == ["checkpoint-2"]


def test_what_is_due_at_the_end_of_an_epoch(make_trainer: Make, another_says: Callable[..., None]) -> None:
    another_says(AfterEpoch, 0, evaluate=True)
    trainer = make_trainer(num_train_epochs=2)
    trainer.train()
    assert [entry["step"] for entry in entries(trainer, "eval_loss")] == [6]


@pytest.mark.parametrize("moment", [AfterUpdate, Onward])
def test_the_end_of_the_run(make_trainer: Make, another_says: Callable[..., None], moment: type[Any]) -> None:
    another_says(moment, 2, stop=True)
    # The second time that something was done, which here is every update.
    trainer = make_trainer(max_steps=4, logging_steps=1)
    trainer.train()
    assert trainer.state.global_step == 2


@pytest.mark.parametrize("moment", [AfterUpdate, Onward])
def test_the_end_of_an_epoch(make_trainer: Make, another_says: Callable[..., None], moment: type[Any]) -> None:
    another_says(moment, 2, stop_epoch=True)
    trainer = make_trainer(num_train_epochs=2, logging_steps=1)
    trainer.train()
    assert trainer.state.global_step == 2 + 6


def test_a_stop_for_a_loss_that_is_no_number(make_trainer: Make, another_says: Callable[..., None]) -> None:
    another_says(AfterUpdate, 2, non_finite=True)
    trainer = make_trainer(max_steps=4)
    with pytest.raises(NonFiniteError, match="another process"):
        trainer.train()
    assert trainer.state.global_step == 2


def test_a_loss_here_is_told_to_the_others_before_it_ends_the_run(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []

    class Listening(Agreement):
        def agree(self, said: Any, at: int) -> Any:
            told.extend([said.non_finite] if isinstance(said, AfterUpdate) else [])
            return super().agree(said, at)

    class Fails(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            raise NonFiniteError("step 1")

    monkeypatch.setattr("trainspec.training.run.build.Agreement", Listening)
    with pytest.raises(NonFiniteError, match="step 1"):
        make_trainer(max_steps=4, callbacks=[Fails()]).train()
    assert told == [True]


def test_a_signal_elsewhere(make_trainer: Make, another_says: Callable[..., None]) -> None:
    another_says(AfterUpdate, 2, interrupted=True)
    trainer = make_trainer(max_steps=4)
    with pytest.raises(Terminated):
        trainer.train()
    assert trainer.state.global_step == 2


class _Signals(TrainerCallback):
    """The system's signals, in the middle of the second update."""

    def __init__(self, *numbers: signal.Signals) -> None:
        self.numbers = numbers

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 1:
            for number in self.numbers:
                os.kill(os.getpid(), number)


TERM, HUP, CTRL_C = signal.SIGTERM, signal.SIGHUP, signal.SIGINT


@pytest.mark.parametrize(
    ("together", "signals", "raised", "updates"),
    [
        (False, (TERM,), Terminated, 2),
        (False, (HUP,), Terminated, 2),
        (False, (TERM, TERM, CTRL_C), Terminated, 2),
        (False, (CTRL_C, CTRL_C), KeyboardInterrupt, 1),
        (True, (TERM,), Terminated, 2),
        (True, (HUP, TERM), Terminated, 2),
        (True, (TERM, TERM, TERM), Terminated, 2),
        (True, (CTRL_C,), KeyboardInterrupt, 2),
        (True, (CTRL_C, CTRL_C), KeyboardInterrupt, 1),
        (True, (TERM, CTRL_C), Terminated, 2),
    ],
)
def test_a_signal_here_ends_the_run_after_the_update_and_a_second_interrupt_at_once(
    make_trainer: Make, together: bool, signals: tuple[signal.Signals, ...], raised: type[BaseException], updates: int
) -> None:
    trainer = make_trainer(max_steps=4, callbacks=[_Signals(*signals)])
    with terminable(together=together), pytest.raises(raised):
        trainer.train()
    assert trainer.state.global_step == updates


def test_a_hang_up_that_is_ignored_stays_so(make_trainer: Make) -> None:
    before = signal.signal(HUP, signal.SIG_IGN)
    try:
        trainer = make_trainer(max_steps=4, callbacks=[_Signals(HUP)])
        with terminable(together=True):
            trainer.train()
    finally:
        signal.signal(HUP, before)
    assert trainer.state.global_step == 4


def test_a_signal_of_the_last_run_does_not_end_the_next(make_trainer: Make) -> None:
    with terminable(together=True), pytest.raises(Terminated):
        make_trainer(max_steps=4, callbacks=[_Signals(TERM)]).train()
    trainer = make_trainer(max_steps=4)
    trainer.train()
    assert trainer.state.global_step == 4


def test_memory_that_is_short(make_trainer: Make, another_says: Callable[..., None]) -> None:
    another_says(BeforeUpdate, 1, out_of_memory=True)
    with pytest.raises(torch.OutOfMemoryError, match="another process"):
        make_trainer(max_steps=4, auto_find_batch_size=True, per_device_train_batch_size=1).train()


def test_memory_that_is_short_elsewhere_makes_batches_smaller_here(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Together(Agreement):
        def agree(self, said: Any, at: int) -> Any:
            if isinstance(said, BeforeUpdate) and trainer.args.per_device_train_batch_size > 2:
                said.out_of_memory = True
            return super().agree(said, at)

    monkeypatch.setattr("trainspec.training.run.build.Agreement", Together)
    trainer = make_trainer(auto_find_batch_size=True, per_device_train_batch_size=8, max_steps=2)
    trainer.train()
    assert trainer.state.train_batch_size == 2 and trainer.state.global_step == 2


def test_other_metrics_than_the_others_have(make_trainer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def differ(self: Agreement, value: Any, what: str = "") -> None:
        assert "eval_loss" in value
        raise DisagreementError(what)

    monkeypatch.setattr(Agreement, "same", differ)
    with pytest.raises(DisagreementError, match="what evaluation returned"):
        make_trainer(max_steps=2, eval_strategy="steps", eval_steps=1).train()
