"""The train command's work: phases, exit codes, what is left in output_dir and what a person is told."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Rows

from trainspec import TrainerCallback, TrainingArguments
from trainspec.tasks import TaskError, TaskParts
from trainspec.training.command.phases import trains
from trainspec.training.command.train import COULD_NOT_RUN, FINDINGS, FINE, run_task
from trainspec.training.errors import TrainingError
from trainspec.training.interruption import INTERRUPTED, TERMINATED, Terminated

Arguments = Callable[..., TrainingArguments]


class Phases:
    """A task that remembers its model."""

    def __init__(self, **changes: Any) -> None:
        self.changes = changes

    def __call__(self, args: TrainingArguments) -> TaskParts:
        self.model = Line()
        known = {"train_dataset": Rows(), "eval_dataset": Rows(10), "test_dataset": Rows(6), **self.changes}
        return TaskParts(self.model, **known)


def _files(out: Path) -> set[str]:
    return {path.name for path in out.iterdir()}


def test_do_train_do_eval_do_predict(arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = arguments(
        do_predict=True, save_strategy="epoch", report_to=["jsonl", "plot"], logging_steps=2, run_name="first"
    )
    assert run_task(args, Phases()) == FINE
    out = tmp_path / "out"
    assert _files(out) == {
        "checkpoint-6",
        "model.safetensors",
        "trainer_state.json",
        "training_args.json",
        "resolved_args.json",
        "model_manifest.json",
        "predictions.jsonl",
        "metrics.jsonl",
        "loss.png",
    }
    told = capsys.readouterr()
    for word in ("run first", "6 in 1 epoch", "train loss", "evaluation", "test", "samples/s", str(out / "loss.png")):
        assert word in told.out
    assert "step 2/6" in told.err and "step 2/6" not in told.out
    rows = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    assert [row["row"] for row in rows] == list(range(6))
    assert rows[0]["label"] == pytest.approx(Rows(6).targets[0].tolist())
    assert json.loads((out / "trainer_state.json").read_text())["global_step"] == 6


def test_callbacks_of_a_task_are_heard(arguments: Arguments) -> None:
    heard = list[int]()

    class Listening(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            heard.append(state.global_step)

    assert run_task(arguments(do_eval=False), Phases(callbacks=[Listening()])) == FINE
    assert heard == [1, 2, 3, 4, 5, 6]


def test_do_train_false_uses_the_model_that_is_there(arguments: Arguments, tmp_path: Path) -> None:
    trained, used = Phases(), Phases()
    assert run_task(arguments(do_eval=False), trained) == FINE
    assert not (tmp_path / "out" / "predictions.jsonl").exists()
    assert run_task(arguments(do_train=False, do_predict=True), used) == FINE
    assert used.model.seen == []
    assert torch.equal(used.model.layer.weight, trained.model.layer.weight)
    assert (tmp_path / "out" / "predictions.jsonl").exists()


def test_do_train_false_takes_a_checkpoint(arguments: Arguments, tmp_path: Path) -> None:
    trained, used = Phases(), Phases()
    run_task(arguments(save_strategy="steps", save_steps=3), trained)
    run_task(arguments(do_train=False, resume_from_checkpoint="latest"), used)
    assert torch.equal(used.model.layer.weight, trained.model.layer.weight)
    run_task(arguments(do_train=False, resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-3")), used)
    assert not torch.equal(used.model.layer.weight, trained.model.layer.weight)


def test_do_train_false_without_a_model_says_so(arguments: Arguments, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_task(arguments(do_train=False), Phases()) == COULD_NOT_RUN
    assert "there is no trained model" in capsys.readouterr().err


@pytest.mark.parametrize("said, expected", [({}, True), ({"do_train": True}, True), ({"do_train": False}, False)])
def test_do_train_is_implied(arguments: Arguments, said: dict[str, bool], expected: bool) -> None:
    assert trains(arguments(**said)) is expected


@pytest.mark.parametrize("phase, part", [("do_eval", "eval_dataset"), ("do_predict", "test_dataset")])
def test_a_phase_without_data_is_refused(
    arguments: Arguments, capsys: pytest.CaptureFixture[str], tmp_path: Path, phase: str, part: str
) -> None:
    assert run_task(arguments(**{phase: True}), Phases(**{part: None})) == FINDINGS
    assert f"RUN119] {phase}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_overwrite_output_dir_resume_or_refusal(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(**changes: Any) -> int:
        return run_task(arguments(save_strategy="steps", save_steps=3, **changes), Phases())

    assert run() == FINE
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    assert run() == FINDINGS
    assert "RUN118" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before
    assert run(resume_from_checkpoint="latest") == FINE
    assert run(overwrite_output_dir=True) == FINE


def test_output_dir_with_other_things_in_it_is_fine(arguments: Arguments, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert run_task(arguments(), Phases()) == FINE
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


class Failing(Phases):
    def __init__(self, error: BaseException, at: int = 4) -> None:
        super().__init__()
        self.error, self.at = error, at

    def __call__(self, args: TrainingArguments) -> TaskParts:
        parts = super().__call__(args)
        parts.model.register_forward_pre_hook(self._fail)
        return parts

    def _fail(self, *_: Any) -> None:
        if len(self.model.seen) == self.at:
            raise self.error


@pytest.mark.parametrize(
    "error, code, told",
    [
        (TrainingError("no such thing"), COULD_NOT_RUN, "error: no such thing"),
        (TaskError("no text"), COULD_NOT_RUN, "error: no text"),
        (KeyboardInterrupt(), INTERRUPTED, "interrupted; the newest checkpoint is"),
        (Terminated(), TERMINATED, "terminated; the newest checkpoint is"),
    ],
    ids=["training", "task", "ctrl-c", "sigterm"],
)
def test_what_ends_a_run_is_told_without_a_traceback(
    arguments: Arguments, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, told: str
) -> None:
    args = arguments(save_strategy="steps", save_steps=3, report_to="jsonl", logging_steps=2)
    assert run_task(args, Failing(error)) == code
    printed = capsys.readouterr()
    assert told in printed.err and "Traceback" not in printed.err and printed.out == ""
    assert _files(Path(args.output_dir)) == {"checkpoint-3", "checkpoint-4", "metrics.jsonl"}
    assert len((Path(args.output_dir) / "metrics.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("returned", "told"),
    [(None, "returned NoneType"), (Line(), "returned Line"), (TaskParts("bert"), "the model str, which is no")],  # type: ignore[arg-type]
)
def test_a_task_that_returns_nothing_to_train_is_told_so(
    arguments: Arguments, capsys: pytest.CaptureFixture[str], returned: Any, told: str
) -> None:
    assert run_task(arguments(), lambda args: returned) == COULD_NOT_RUN
    printed = capsys.readouterr()
    assert told in printed.err and "Traceback" not in printed.err


def test_a_fault_of_the_users_own_code_shows_its_traceback(arguments: Arguments) -> None:
    with pytest.raises(ZeroDivisionError):
        run_task(arguments(), Failing(ZeroDivisionError()))


def test_the_seed_holds_for_the_model_that_the_task_makes(arguments: Arguments) -> None:
    made = []

    def task(args: TrainingArguments) -> TaskParts:
        made.append(torch.rand(3))
        return Phases()(args)

    for seed in (1, 1, 2):
        run_task(arguments(seed=seed), task)
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])


def test_task_settings_reach_the_task(arguments: Arguments) -> None:
    got = []

    def task(args: TrainingArguments, settings: dict[str, int]) -> TaskParts:
        got.append(settings)
        return Phases()(args)

    run_task(arguments(), task, {"width": 3})
    assert got == [{"width": 3}]


def test_sigterm_ends_the_process_in_good_order(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import sys, time, torch
        from torch.utils.data import TensorDataset
        from trainspec import TrainerCallback, TrainingArguments
        from trainspec.tasks import TaskParts
        from trainspec.training.command.train import run_task

        class Slow(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(1, 1)

            def forward(self, x):
                time.sleep(0.01)
                return self.layer(x).mean()

        def task(args):
            return TaskParts(Slow(), TensorDataset(torch.ones(8, 1)))

        args = TrainingArguments(sys.argv[1], max_steps=100000, save_steps=5, save_total_limit=2, report_to="none")
        sys.exit(run_task(args, task))
        """
    )
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(out)], stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    try:
        for _ in range(600):
            if any(out.glob("checkpoint-*/manifest.json")):
                break
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        process.send_signal(signal.SIGTERM)
        told = process.communicate(timeout=30)[1]
    finally:
        process.kill()
    assert process.returncode == TERMINATED
    assert "terminated; the newest checkpoint is" in told and "Traceback" not in told


@pytest.mark.parametrize("is_damaged", [False, True])
def test_the_summary_says_whose_weights_the_model_has(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str], is_damaged: bool
) -> None:
    class Damages(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            for weights in (tmp_path / "out").glob("checkpoint-*/model.safetensors") if is_damaged else ():
                weights.write_bytes(weights.read_bytes()[:-1] + b"!")

    best = {"load_best_model_at_end": True, "eval_strategy": "steps", "save_strategy": "steps"}
    args = arguments(**best, eval_steps=2, save_steps=2, max_steps=5, metric_for_best_model="loss")
    assert run_task(args, Phases(callbacks=[Damages()])) == FINE
    said = capsys.readouterr().out
    there = "not loaded: the last weights are the model" if is_damaged else "its weights are the model"
    assert f"({there})" in said
