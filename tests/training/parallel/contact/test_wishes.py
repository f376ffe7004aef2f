"""What one process alone asks for, at a moment at which the others do not listen, is done by all, or not yet."""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.training.parallel.labelled import Tagger, rows, settings
from tests.training.parallel.world import run_in

from trainspec import Trainer, TrainerCallback
from trainspec.training.run.loop import TrainingLoop


def asked(out: str, event: str, wish: str) -> dict[str, list[int] | int]:
    class Asks(TrainerCallback):
        pass

    def ask(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if os.environ["RANK"] == "1":
            setattr(control, wish, True)

    setattr(Asks, event, ask)
    args = settings(output_dir=out, max_steps=4, logging_strategy="no", eval_strategy="steps", eval_steps=3)
    trainer = Trainer(Tagger(), args, train_dataset=rows(80), eval_dataset=rows(4), callbacks=[Asks()])
    trainer.train()
    saved = sorted(int(path.name.partition("-")[2]) for path in Path(out).glob("checkpoint-*"))
    return {"steps": trainer.state.global_step, "saved": saved}


@pytest.mark.parametrize(
    ("event", "wish", "steps", "saved"),
    [
        ("on_train_begin", "should_training_stop", 0, []),
        ("on_epoch_begin", "should_training_stop", 1, []),
        ("on_evaluate", "should_save", 4, [3]),
        ("on_evaluate", "should_training_stop", 3, []),
    ],
)
def test_a_wish_of_one_process(tmp_path: Path, event: str, wish: str, steps: int, saved: list[int]) -> None:
    assert run_in(2, asked, str(tmp_path), event, wish) == [{"steps": steps, "saved": saved}] * 2


def by_thread(out: str, wish: str) -> dict[str, Any]:
    act = TrainingLoop._act

    def switched_meanwhile(loop: Any) -> None:
        """As a thread may: all have agreed on what follows update 2, and nothing of it is done yet."""
        if os.environ["RANK"] == "1" and loop._state.global_step == 2:
            setattr(loop._parts.control, wish, True)
        act(loop)

    TrainingLoop._act = switched_meanwhile  # type: ignore[method-assign]
    args = settings(output_dir=out, max_steps=6, logging_strategy="no")
    trainer = Trainer(Tagger(), args, train_dataset=rows(80), eval_dataset=rows(4))
    trainer.train()
    evaluated = [entry["step"] for entry in trainer.state.log_history if "eval_loss" in entry]
    return {"steps": trainer.state.global_step, "evaluated": evaluated}


@pytest.mark.parametrize(("wish", "steps", "evaluated"), [("should_evaluate", 6, [3]), ("should_training_stop", 3, [])])
def test_a_thread_that_asks_after_all_have_agreed(tmp_path: Path, wish: str, steps: int, evaluated: list[int]) -> None:
    assert run_in(2, by_thread, str(tmp_path), wish) == [{"steps": steps, "evaluated": evaluated}] * 2
