"""Callbacks hear every moment in the order drawn in their module, and the loop obeys what they ask for."""

import itertools
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows, entries

from trainspec.training.callbacks import (
    EVENTS,
    CallbackHandler,
    DefaultFlowCallback,
    EarlyStoppingCallback,
    PrinterCallback,
    ProfilerCallback,
    ProgressCallback,
    StopOnNonFinite,
    TrainerCallback,
    TrainerControl,
)
from trainspec.training.errors import NonFiniteError, TrainingError
from trainspec.training.state import TrainerState


class Recorder(TrainerCallback):
    """Writes down every moment with the step; `got` holds the keywords of each."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []
        self.got: dict[str, dict[str, Any]] = {}


def _recording(event: str) -> Any:
    def hear(self: Recorder, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.heard.append((event.removeprefix("on_"), state.global_step))
        self.got[event] = kwargs

    return hear


for _event in EVENTS:
    setattr(Recorder, _event, _recording(_event))


def test_the_order_of_moments(make_trainer: Make) -> None:
    recorder = Recorder()
    trainer = make_trainer(
        train_dataset=Rows(12),
        eval_dataset=Rows(8),
        callbacks=[recorder],
        gradient_accumulation_steps=2,
        num_train_epochs=1,
        logging_steps=1,
        eval_strategy="epoch",
        save_strategy="epoch",
        eval_on_start=True,
        per_device_eval_batch_size=4,
    )
    trainer.train()
    trainer.predict(Rows(4))
    update = ["substep_end", "pre_optimizer_step", "optimizer_step"]
    evaluation = ["prediction_step", "prediction_step", "log", "evaluate"]
    expected = [("init_end", 0), ("train_begin", 0)]
    expected += [(event, 0) for event in [*evaluation, "epoch_begin", "step_begin", *update]]
    expected += [("step_end", 1), ("log", 1), ("step_begin", 1)]
    # The last window of the epoch has a single micro-batch.
    expected += [(event, 1) for event in update[1:]]
    expected += [("step_end", 2), ("log", 2), ("epoch_end", 2)]
    expected += [(event, 2) for event in [*evaluation, "save", "log", "train_end"]]
    expected += [(event, 2) for event in ["prediction_step", "log", "predict"]]
    assert recorder.heard == expected


def test_what_callbacks_are_told(make_trainer: Make) -> None:
    recorder = Recorder()
    tokenizer = object()
    trainer = make_trainer(
        callbacks=[recorder], processing_class=tokenizer, logging_steps=2, eval_strategy="epoch", max_steps=6
    )
    trainer.train()
    usual = {"model", "processing_class", "tokenizer", "optimizer", "lr_scheduler", "train_dataloader"}
    for kwargs in recorder.got.values():
        assert usual | {"eval_dataloader"} <= kwargs.keys()
    told = recorder.got["on_step_end"]
    assert told["model"] is trainer.model and told["optimizer"] is trainer.optimizer
    assert told["lr_scheduler"] is trainer.lr_scheduler
    assert told["tokenizer"] is told["processing_class"] is tokenizer
    assert told["loss"].shape == told["grad_norm"].shape == ()
    assert "train_loss" in recorder.got["on_log"]["logs"]
    assert "eval_loss" in recorder.got["on_evaluate"]["metrics"]


class Asks(TrainerCallback):
    """Sets switches of the control at some steps."""

    def __init__(self, **asked: tuple[int, str]) -> None:
        self.asked = asked

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        for switch, (step, _) in self.asked.items():
            if state.global_step == step:
                setattr(control, switch, True)
        return control


def test_control_makes_the_loop_log_evaluate_and_save(make_trainer: Make, tmp_path: Any) -> None:
    asks = Asks(should_log=(2, ""), should_evaluate=(3, ""), should_save=(4, ""))
    trainer = make_trainer(callbacks=[asks], logging_strategy="no")
    trainer.train()
    assert [entry["step"] for entry in entries(trainer, "loss")] == [2]
    assert [entry["step"] for entry in entries(trainer, "eval_loss")] == [3]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["checkpoint-4"]


def test_control_ends_training_and_epochs(make_trainer: Make) -> None:
    stopped = make_trainer(callbacks=[Asks(should_training_stop=(2, ""))])
    stopped.train()
    assert stopped.state.global_step == 2
    cut = make_trainer(callbacks=[Asks(should_epoch_stop=(2, ""))], num_train_epochs=2, logging_strategy="epoch")
    cut.train()
    assert cut.state.global_step == 2 + 6, "the second epoch is whole, and no third one makes up for the first"
    assert [entry["step"] for entry in entries(cut, "loss")] == [2, 8]
    seen = list(itertools.chain(*cut.model.seen[2:]))
    assert sorted(seen) == list(range(24))


def test_without_the_default_flow_nothing_is_logged_and_the_run_still_ends(make_trainer: Make) -> None:
    trainer = make_trainer(logging_steps=1, eval_strategy="epoch")
    trainer.remove_callback(DefaultFlowCallback)
    trainer.train()
    assert trainer.state.global_step == 6
    assert not entries(trainer, "loss") and not entries(trainer, "eval_loss")


def test_add_pop_and_remove_take_objects_and_classes(make_trainer: Make) -> None:
    class First(TrainerCallback):
        pass

    trainer = make_trainer()
    second = Recorder()
    trainer.add_callback(First)
    trainer.add_callback(second)
    kinds = [type(callback) for callback in trainer.callback_handler.callbacks]
    assert kinds == [DefaultFlowCallback, StopOnNonFinite, First, Recorder, PrinterCallback], "progress stays last"
    assert isinstance(trainer.pop_callback(First), First)
    assert trainer.pop_callback(First) is None
    trainer.remove_callback(second)
    assert second not in trainer.callback_handler.callbacks
    assert trainer.callback_handler.callback_list.splitlines()[0] == "DefaultFlowCallback"


def test_progress_takes_the_printers_place_where_a_bar_is_wanted(make_trainer: Make) -> None:
    trainer = make_trainer(disable_tqdm=False, callbacks=[Recorder()])
    assert isinstance(trainer.callback_handler.callbacks[-1], ProgressCallback)


def test_callbacks_of_other_libraries_that_look_alike_are_heard() -> None:
    class Foreign:
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> Any:
            control.should_training_stop = logs["loss"] > 1
            return control

    handler = CallbackHandler([Foreign], None, None)
    control = handler.call_event("on_log", None, TrainerState(), TrainerControl(), logs={"loss": 2})  # type: ignore[arg-type]
    assert control.should_training_stop


@pytest.mark.parametrize(
    "losses, patience, threshold, last",
    [
        pytest.param([3, 2, 2, 1], 1, 0.0, 3, id="a-tie-is-no-progress"),
        pytest.param([3, 2, 2.5, 1, 2, 2], 2, 0.0, 6, id="patience-starts-anew-with-progress"),
        pytest.param([3, 2.9, 2.8, 1], 2, 0.5, 3, id="too-small-a-step-is-no-progress"),
        pytest.param([4, 3, 2, 1], 1, 0.0, 4, id="never"),
    ],
)
def test_early_stopping(make_trainer: Make, losses: list[float], patience: int, threshold: float, last: int) -> None:
    class Scripted(Line):
        def forward(self, inputs: Any, labels: Any = None, number: Any = None) -> Any:
            returned = super().forward(inputs, labels, number)
            if not self.training:
                returned["loss"] = torch.tensor(float(script.pop(0)))
            return returned

    script = list(losses)
    trainer = make_trainer(
        model=Scripted(),
        callbacks=[EarlyStoppingCallback(patience, threshold)],
        num_train_epochs=len(losses),
        eval_strategy="epoch",
        per_device_eval_batch_size=10,
        metric_for_best_model="loss",
    )
    trainer.train()
    assert trainer.state.epoch == last


@pytest.mark.parametrize(
    "settings, missing",
    [({"eval_strategy": "epoch"}, "metric_for_best_model"), ({"metric_for_best_model": "loss"}, "eval_strategy")],
)
@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_early_stopping_that_could_never_stop_is_refused(
    make_trainer: Make, settings: dict[str, Any], missing: str
) -> None:
    trainer = make_trainer(callbacks=[EarlyStoppingCallback()], **settings)
    with pytest.raises(TrainingError, match=missing):
        trainer.train()


class Spoilt(Line):
    """Its loss is not finite at some forward passes, counted from 1."""

    def __init__(self, bad: set[int], value: float = float("nan")) -> None:
        super().__init__()
        self.bad, self.value, self.calls = bad, value, 0

    def forward(self, inputs: Any, labels: Any = None, number: Any = None) -> Any:
        returned = super().forward(inputs, labels, number)
        self.calls += self.training
        if self.training and self.calls in self.bad:
            returned["loss"] = returned["loss"] * self.value
        return returned


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_stop_on_nonfinite_names_the_step_and_the_last_good_checkpoint(
    make_trainer: Make, tmp_path: Any, value: float
) -> None:
    trainer = make_trainer(model=Spoilt({6}, value), save_strategy="steps", save_steps=2, num_train_epochs=2)
    with pytest.raises(NonFiniteError, match=r"step 6 .* checkpoint-4 "):
        trainer.train()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["checkpoint-2", "checkpoint-4"]


def test_stop_on_nonfinite_looks_at_gradients_too(make_trainer: Make) -> None:
    class Root(Line):
        def forward(self, inputs: Any, labels: Any = None, number: Any = None) -> Any:
            # The root of zero has an infinite slope, and is itself zero.
            return {"loss": (self.layer(inputs) * 0).abs().sqrt().sum()}

    trainer = make_trainer(model=Root())
    with pytest.raises(NonFiniteError, match=r"step 1 .* no checkpoint"):
        trainer.train()


def test_stop_on_nonfinite_off_goes_on(make_trainer: Make) -> None:
    trainer = make_trainer(model=Spoilt({2}), stop_on_nonfinite=False)
    trainer.train()
    assert trainer.state.global_step == 6
    removed = make_trainer(model=Spoilt({2}))
    removed.remove_callback(StopOnNonFinite)
    removed.train()
    assert removed.state.global_step == 6


def test_the_profiler_writes_a_trace_of_the_steps_it_was_told(make_trainer: Make, tmp_path: Any) -> None:
    ready: list[Any] = []
    profiler = ProfilerCallback(str(tmp_path / "traces"), wait=1, warmup=1, active=2, repeat=1)
    other = ProfilerCallback(wait=0, warmup=0, active=1, repeat=2, on_trace_ready=ready.append)
    make_trainer(callbacks=[profiler]).train()
    make_trainer(callbacks=[other]).train()
    assert [path.suffix for path in (tmp_path / "traces").iterdir()] == [".json"]
    assert len(ready) == 2
