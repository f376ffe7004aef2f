"""The table of a notebook: its rows, columns and numbers; who gets one; and what a page that cannot show it does."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.training.small_job import Make

from trainspec import NotebookProgressCallback, PrinterCallback, ProgressCallback
from trainspec.training.callbacks.kernel import in_kernel
from trainspec.training.callbacks.table import MOST_ROWS, LossTable, metric_columns
from trainspec.training.state import TrainerState

EVERY_STEPS = SimpleNamespace(eval_strategy="steps")
EVERY_EPOCH = SimpleNamespace(eval_strategy="epoch")
NEVER = SimpleNamespace(eval_strategy="no")


def table(args: Any, *rows: tuple[int, float, dict[str, Any]]) -> list[list[str]]:
    """The cells of the table that rows of (step, epoch, values) make."""
    made = LossTable.expected(args)
    for step, epoch, values in rows:
        made.put(args, TrainerState(global_step=step, epoch=epoch), values)
    shown = re.findall(r"<tr>(.*?)</tr>", made.html(""))
    assert [line.split("  ")[0] for line in made.text("").splitlines()], "the same as text"
    return [re.findall(r"<t[hd]>(.*?)</t[hd]>", row) for row in shown]


class TestRows:
    def test_are_counted_in_steps(self) -> None:
        rows = table(NEVER, (10, 0.5, {"Training Loss": 0.5}), (20, 1.0, {"Training Loss": 0.25}))
        assert rows == [["Step", "Training Loss"], ["10", "0.500000"], ["20", "0.250000"]]

    def test_are_counted_in_epochs_where_those_are_evaluated(self) -> None:
        rows = table(EVERY_EPOCH, (3, 1.0, {"Validation Loss": 1.0}), (5, 1.6667, {"Validation Loss": 0.5}))
        assert [row[0] for row in rows] == ["Epoch", "1", "1.67"]

    def test_without_a_logged_loss_say_so(self) -> None:
        assert table(EVERY_STEPS, (2, 1.0, {"Validation Loss": 1.0}))[1] == ["2", "No log", "1.000000"]

    def test_of_one_step_are_one(self) -> None:
        rows = table(EVERY_STEPS, (2, 1.0, {"A Loss": 1.0}), (2, 1.0, {"B Loss": 2.0}), (4, 2.0, {"A Loss": 0.5}))
        assert rows == [
            ["Step", "Training Loss", "A Loss", "B Loss"],
            ["2", "No log", "1.000000", "2.000000"],
            ["4", "No log", "0.500000", ""],
        ]

    def test_are_not_sent_again_without_end(self) -> None:
        rows = [(step, 1.0, {"Training Loss": float(step)}) for step in range(1, MOST_ROWS + 6)]
        shown = table(NEVER, *rows)
        assert len(shown) == MOST_ROWS + 1 and shown[1][0] == "6" and shown[-1][0] == str(MOST_ROWS + 5)
        made = LossTable.expected(NEVER)
        for step, epoch, values in rows:
            made.put(NEVER, TrainerState(global_step=step, epoch=epoch), values)
        for look in (made.html(""), made.text("")):
            assert "5 earlier rows are in trainer.state.log_history" in look

    def test_are_missing_at_first(self) -> None:
        assert LossTable.expected(NEVER).text("") == "" and "<table" not in LossTable.expected(NEVER).html("")


@pytest.mark.parametrize(
    "value, shown",
    [
        (0.5, "0.500000"),
        (0.0, "0.000000"),
        (1e-6, "1.0000e-06"),
        (-1e-4, "-0.000100"),
        (12345678.9, "1.2346e+07"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (np.float32(0.25), "0.250000"),
        (np.int64(3), "3"),
        (True, "True"),
        ("good", "good"),
        ([1, 2], "[1, 2]"),
        (None, "None"),
        ("x" * 50, "x" * 39 + "…"),
        ("<b>", "&lt;b&gt;"),
    ],
)
def test_a_number_is_short_and_never_html(value: Any, shown: str) -> None:
    assert table(NEVER, (1, 1.0, {"Any": value}))[1][-1] == shown


def test_metrics_stand_under_the_names_that_people_know() -> None:
    found = {
        "eval_loss": 1.0,
        "eval_accuracy": 0.5,
        "eval_f1_macro": 0.25,
        "eval_a_loss": 2.0,
        "test_loss": 3.0,
        "mAP": 0.1,
        "eval_response_time": 0.2,
        "eval_runtime": 1.0,
        "eval_samples_per_second": 1.0,
        "eval_model_preparation_time": 1.0,
        "eval_mem_cpu_alloc_delta": 5,
        "epoch": 1.0,
        "total_flos": 9,
    }
    assert metric_columns(found) == {
        "Validation Loss": 1.0,
        "Accuracy": 0.5,
        "F1 Macro": 0.25,
        "A Loss": 2.0,
        "Test Loss": 3.0,
        "MAP": 0.1,
        "Response Time": 0.2,
    }


class TestInAKernel:
    def test_not_here(self) -> None:
        assert not in_kernel()

    @pytest.mark.parametrize(
        "shell, kernel",
        [
            pytest.param(lambda: None, False, id="no-shell"),
            pytest.param(SimpleNamespace, False, id="terminal"),
            pytest.param(lambda: SimpleNamespace(kernel=None), False, id="kernel-that-has-not-begun"),
            pytest.param(lambda: SimpleNamespace(kernel=object()), True, id="kernel-of-another-kind"),
            pytest.param(
                lambda: SimpleNamespace(kernel=SimpleNamespace(session=SimpleNamespace(pid=os.getpid()))),
                True,
                id="kernel",
            ),
            pytest.param(
                lambda: SimpleNamespace(kernel=SimpleNamespace(session=SimpleNamespace(pid=os.getpid() + 1))),
                False,
                id="forked-child",
            ),
            pytest.param(lambda: 1 / 0, False, id="broken"),
        ],
    )
    def test_as_the_shell_says(self, monkeypatch: pytest.MonkeyPatch, shell: Any, kernel: bool) -> None:
        module = ModuleType("IPython")
        module.get_ipython = shell  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "IPython", module)
        assert in_kernel() == kernel

    @pytest.mark.parametrize("module", [None, ModuleType("IPython")])
    def test_not_where_ipython_is_half_there(self, monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
        monkeypatch.setitem(sys.modules, "IPython", module)
        assert not in_kernel()

    def test_not_in_the_ipython_of_a_terminal(self) -> None:
        program = "from trainspec.training.callbacks.kernel import in_kernel; print('kernel:', in_kernel())"
        told = subprocess.run([sys.executable, "-m", "IPython", "-c", program], capture_output=True, text=True)
        assert "kernel: False" in told.stdout, told.stderr


class TestTheTrainerChooses:
    @pytest.mark.parametrize(
        "kernel, off, level, expected",
        [
            (True, None, "passive", NotebookProgressCallback),
            (True, False, "error", NotebookProgressCallback),
            (True, True, "passive", PrinterCallback),
            (True, None, "error", PrinterCallback),
            (False, False, "passive", ProgressCallback),
            (False, None, "passive", PrinterCallback),
        ],
    )
    def test_one(
        self,
        make_trainer: Make,
        monkeypatch: pytest.MonkeyPatch,
        kernel: bool,
        off: bool | None,
        level: str,
        expected: type,
    ) -> None:
        for place in ("callbacks.progress", "trainer.trainer"):
            monkeypatch.setattr(f"trainspec.training.{place}.in_kernel", lambda: kernel)
        logger = logging.getLogger("trainspec")
        try:
            trainer = make_trainer(disable_tqdm=off, log_level=level)
        finally:
            logger.setLevel(logging.NOTSET)
        shown = [one for one in trainer.callback_handler.callbacks if getattr(one, "shows_progress", False)]
        assert [type(one) for one in shown] == [expected]

    def test_and_people_take_it_out(self, make_trainer: Make) -> None:
        trainer = make_trainer(callbacks=[NotebookProgressCallback()])
        assert isinstance(trainer.pop_callback(ProgressCallback), NotebookProgressCallback)


def train_on(
    page: Any, make_trainer: Make, monkeypatch: pytest.MonkeyPatch, **settings: Any
) -> NotebookProgressCallback:
    """A run whose page is `page(looks, ...)`, in a process that takes itself for a kernel."""
    display = ModuleType("IPython.display")
    display.display = page  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    for place in ("notebook", "progress"):
        monkeypatch.setattr(f"trainspec.training.callbacks.{place}.in_kernel", lambda: True)
    shown = NotebookProgressCallback()
    trainer = make_trainer(callbacks=[shown], logging_steps=2, **settings)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    assert trainer.state.global_step == 6, "the run goes on"
    return shown


class TestAPageThatCannotShowIt:
    def test_is_told_of_once_and_entries_become_lines(
        self, make_trainer: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: Any
    ) -> None:
        def page(*args: Any, **kwargs: Any) -> Any:
            raise OSError("no comm")

        train_on(page, make_trainer, monkeypatch, eval_strategy="epoch")
        assert caplog.text.count("progress cannot be shown here (OSError: no comm)") == 1
        lines = capsys.readouterr().err
        assert lines.count("  loss ") == 3 and lines.count("eval_loss") == 1

    def test_may_break_in_the_middle(
        self, make_trainer: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: Any
    ) -> None:
        class Handle:
            def update(self, looks: Any, raw: bool) -> None:
                if "Training Loss" in looks.get("text/plain", ""):
                    raise RuntimeError("closed")

        monkeypatch.setattr("trainspec.training.callbacks.kernel.PAUSE", 0.0)
        shown = train_on(lambda *args, **kwargs: Handle(), make_trainer, monkeypatch)
        assert shown.gave_up and caplog.text.count("progress cannot be shown here") == 1
        assert capsys.readouterr().err.count("  loss ") == 3, "the entry that failed is told as well"

    def test_without_ipython(self, make_trainer: Make, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
        monkeypatch.setattr("trainspec.training.callbacks.notebook.in_kernel", lambda: True)
        monkeypatch.setitem(sys.modules, "IPython.display", None)
        trainer = make_trainer(callbacks=[NotebookProgressCallback()])
        trainer.train()
        trainer.evaluate()
        assert caplog.text.count("progress cannot be shown here") == 1

    def test_does_not_swallow_an_interrupt(self, make_trainer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        def page(*args: Any, **kwargs: Any) -> Any:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train_on(page, make_trainer, monkeypatch)


def test_in_another_process_it_is_a_bar(make_trainer: Make, capsys: pytest.CaptureFixture[str]) -> None:
    trainer = make_trainer(callbacks=[NotebookProgressCallback()], eval_strategy="epoch", logging_steps=2)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    told = capsys.readouterr().err
    assert "training: 100%" in told and "evaluation:" in told and "eval_loss" in told


def test_an_evaluation_that_breaks_off_leaves_no_bar_for_the_next(
    make_trainer: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = make_trainer(disable_tqdm=False, per_device_eval_batch_size=1)
    step, calls = trainer.prediction_step, iter(range(100))

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == 3:
            raise KeyboardInterrupt
        return step(*args, **kwargs)

    trainer.prediction_step = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        trainer.evaluate()
    capsys.readouterr()
    trainer.evaluate()
    assert "| 10/10 [" in capsys.readouterr().err
