"""Notebooks run in real kernels: what their pages show of settings, plans, training, evaluation and searches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

CANARY = "cnry7F3xQ"

SETTINGS = """
import sys
from trainspec import SettingsParser, TrainingArguments, plan_run, validate
args = TrainingArguments("out", push_to_hub=True, num_train_epochs=3, run_name="<script>alert(1)</script>",
    report_to="none", eval_strategy="epoch", logging_steps=2, per_device_train_batch_size=4, use_cpu=True)
args
"""
PLAN = "plan_run(args, train_rows=24, eval_rows=8)"
VERDICT = "validate({'bf16': True, 'fp16': True})"
ARGUMENTS = "print(SettingsParser(TrainingArguments).parse_args_into_dataclasses()[0].seed, 'torch' in sys.modules)"
# Each update lasts longer than the pause between two versions of the page, so that every row is sent by itself.
TRAIN = """
import logging, time, warnings
import torch
from torch import nn
from trainspec import Trainer, TrainerCallback
from tests.training.small_job import Line, Rows

class Slow(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        time.sleep(0.3 if state.global_step % 6 == 0 else 0)

quiet = args.replace(push_to_hub=False, hub_token=None, run_name=None, save_strategy="no")
def job(callbacks=(), eval_dataset=None, **changes):
    return Trainer(Line(), quiet.replace(**changes), train_dataset=Rows(24), callbacks=list(callbacks),
        eval_dataset=eval_dataset or Rows(8), compute_metrics=lambda p: {"mean_error": abs(p[0] - p[1]).mean()})

trainer = job([Slow()])
trainer.train()
"""
EVALUATE = "metrics = trainer.evaluate()"
PREDICT = "predictions = trainer.predict(Rows(8))"
TWICE = "many = job(eval_strategy='no')\nmany.train()\nresult = many.train()"
SEVERAL_SETS = "result = job(eval_dataset={'a': Rows(8), 'b': Rows(4)}, eval_strategy='steps', eval_steps=9).train()"
NO_BARS = "result = job(disable_tqdm=True).train()"
BREAKS_OFF = """
class Stops(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 4:
            raise KeyboardInterrupt

try:
    job([Stops()], eval_strategy="no").train()
except KeyboardInterrupt:
    pass
"""
SEARCH = """
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
searched = Trainer(model_init=Line, args=quiet, train_dataset=Rows(24), eval_dataset=Rows(8))
best = searched.hyperparameter_search(
    lambda trial: {"learning_rate": trial.suggest_categorical("learning_rate", [0.125])}, n_trials=2, backend="optuna")
"""
CHILDREN = """
import os, subprocess
from trainspec.training.callbacks.kernel import in_kernel
program = "from trainspec.training.callbacks.kernel import in_kernel; print(in_kernel())"
print("here", in_kernel())
print("spawned", subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip())
read, write = os.pipe()
if os.fork() == 0:
    os.write(write, str(in_kernel()).encode())
    os._exit(0)
print("forked", os.read(read, 100).decode())
"""
CELLS = {
    "settings": SETTINGS,
    "plan": PLAN,
    "verdict": VERDICT,
    "arguments": ARGUMENTS,
    "train": TRAIN,
    "evaluate": EVALUATE,
    "predict": PREDICT,
    "twice": TWICE,
    "several sets": SEVERAL_SETS,
    "no bars": NO_BARS,
    "breaks off": BREAKS_OFF,
    "search": SEARCH,
    "children": CHILDREN,
}
NO_WIDGETS = {"blocked": "import sys\nsys.modules['ipywidgets'] = None"}


class Recording(NotebookClient):
    """Keeps every message of a cell beside what is left of them on the page."""

    def __init__(self, cells: dict[str, str], folder: Path) -> None:
        made = [nbformat.v4.new_code_cell(source) for source in cells.values()]
        super().__init__(
            nbformat.v4.new_notebook(cells=made), timeout=120, resources={"metadata": {"path": str(folder)}}
        )
        self.names = list(cells)
        self.messages: dict[str, list[tuple[str, dict[str, Any]]]] = {name: [] for name in cells}

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        self.messages[self.names[cell_index]].append((msg["msg_type"], msg["content"]))
        return super().process_message(msg, cell, cell_index)

    def shown(self, name: str, kind: str) -> list[str]:
        """What is on the page at the end, of a MIME type."""
        outputs = self.nb.cells[self.names.index(name)].outputs
        return [output["data"][kind] for output in outputs if kind in output.get("data", {})]

    def versions(self, name: str) -> list[str]:
        """The HTML of every display and of every update in its place."""
        sent = [
            content["data"] for kind, content in self.messages[name] if kind in ("display_data", "update_display_data")
        ]
        return [data["text/html"] for data in sent if "text/html" in data]

    def streams(self, name: str) -> str:
        outputs = self.nb.cells[self.names.index(name)].outputs
        return "".join(output["text"] for output in outputs if output.output_type == "stream")


def run(cells: dict[str, str], folder: Path) -> Recording:
    client = Recording(cells, folder)
    client.execute()
    return client


@pytest.fixture(scope="module")
def kernels_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("TRAINSPEC_HUB_TOKEN", CANARY)
        yield


@pytest.fixture(scope="module")
def page(kernels_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return run(CELLS, tmp_path_factory.mktemp("notebook"))


@pytest.fixture(scope="module")
def without_widgets(kernels_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    cells = {name: CELLS[name] for name in ("settings", "train", "evaluate", "predict")}
    return run({**NO_WIDGETS, **cells}, tmp_path_factory.mktemp("notebook"))


def rows(html: str) -> list[list[str]]:
    return [re.findall(r"<t[hd]>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", html)]


HEAD = ["Epoch", "Training Loss", "Validation Loss", "Mean Error"]


class TestSettings:
    def test_are_shown_with_their_sources_and_without_secrets(self, page: Recording) -> None:
        (html,) = page.shown("settings", "text/html")
        assert "<strong>TrainingArguments</strong>" in html and "derived from eval_strategy" in html
        assert "&lt;script&gt;alert(1)" in html and "<script" not in html
        assert "note[LOG303]" in html

    def test_a_plan_has_its_curve(self, page: Recording) -> None:
        (html,) = page.shown("plan", "text/html")
        assert "<svg" in html and "6 an epoch, 18 in all (3 epochs begun)" in html

    def test_a_verdict_says_what_is_wrong(self, page: Recording) -> None:
        (html,) = page.shown("verdict", "text/html")
        assert "error[PRE101]" in html

    def test_the_kernels_command_line_is_not_the_notebooks_and_torch_is_not_needed(self, page: Recording) -> None:
        assert page.streams("arguments").startswith("42 False\n")


def test_no_secret_is_anywhere_in_the_notebook(page: Recording) -> None:
    outputs = [cell.outputs for cell in page.nb.cells]
    assert CANARY not in str(outputs) + str(page.messages)
    assert "hub_token</code></td><td><code>**********" in page.shown("settings", "text/html")[0]


@pytest.mark.parametrize("kernel", ["page", "without_widgets"])
class TestTraining:
    def test_the_table_grows_in_its_place(self, kernel: str, request: pytest.FixtureRequest) -> None:
        client = request.getfixturevalue(kernel)
        sizes = [len(rows(html)) for html in client.versions("train")]
        assert sizes == sorted(sizes) and {0, 2, 3, 4} == set(sizes), "empty, then a row for each epoch under the head"
        first, *_ = [kind for kind, content in client.messages["train"] if kind.endswith("display_data")]
        assert first == "display_data"
        table, _summary = client.shown("train", "text/html")
        assert rows(table)[0] == HEAD
        assert [row[0] for row in rows(table)[1:]] == ["1", "2", "3"]
        assert all(float(cell) > 0 for row in rows(table)[1:] for cell in row)

    def test_the_bar_ends_as_text(self, kernel: str, request: pytest.FixtureRequest) -> None:
        client = request.getfixturevalue(kernel)
        bars = [text for text in client.shown("train", "text/plain") if text.startswith("training:")]
        assert len(bars) == 1 and "100%" in bars[0] and "18/18" in bars[0] and "loss=" in bars[0]

    def test_nothing_is_told_twice_or_warned_of(self, kernel: str, request: pytest.FixtureRequest) -> None:
        assert request.getfixturevalue(kernel).streams("train") == ""

    def test_an_evaluation_by_itself(self, kernel: str, request: pytest.FixtureRequest) -> None:
        client = request.getfixturevalue(kernel)
        (table,) = client.shown("evaluate", "text/html")
        assert rows(table)[0] == HEAD and [row[0] for row in rows(table)[1:]] == ["3"]
        bar, _ = client.shown("evaluate", "text/plain")
        assert bar.startswith("evaluation: 100%") and client.streams("evaluate") == ""

    def test_predictions_have_a_bar_alone(self, kernel: str, request: pytest.FixtureRequest) -> None:
        client = request.getfixturevalue(kernel)
        assert client.shown("predict", "text/html") == []
        (bar,) = client.shown("predict", "text/plain")
        assert bar.startswith("evaluation: 100%") and client.streams("predict") == ""


def test_the_bar_is_a_widget_where_there_are_some(page: Recording, without_widgets: Recording) -> None:
    widget = "application/vnd.jupyter.widget-view+json"
    assert [1 for _, content in page.messages["train"] if widget in content.get("data", {})] == [1]
    assert widget not in str(without_widgets.messages)


def test_two_trainings_in_a_cell_have_a_table_each(page: Recording) -> None:
    tables = page.shown("twice", "text/html")
    assert [rows(table)[0] for table in tables] == [["Step", "Training Loss"]] * 2
    assert [[row[0] for row in rows(table)[1:]] for table in tables] == [[str(step) for step in range(2, 19, 2)]] * 2


def test_several_data_sets_share_a_row(page: Recording) -> None:
    (table,) = page.shown("several sets", "text/html")
    assert rows(table)[0] == ["Step", "Training Loss", "A Loss", "A Mean Error", "B Loss", "B Mean Error"]
    assert [row[0] for row in rows(table)[1:]] == ["9", "18"]


def test_without_bars_there_are_lines(page: Recording) -> None:
    assert page.shown("no bars", "text/html") == page.shown("no bars", "text/plain") == []
    assert page.streams("no bars").count("  loss ") == 9 and page.streams("no bars").count("eval_loss") == 3


def test_a_run_that_breaks_off_says_where(page: Recording) -> None:
    (table,) = page.shown("breaks off", "text/html")
    assert "stopped at step 4 of 18" in table and [row[0] for row in rows(table)[1:]] == ["2"]
    bar = page.shown("breaks off", "text/plain")[-1]
    assert "| 3/18 [" in bar or "| 4/18 [" in bar


def test_every_trial_of_a_search_has_a_table_with_what_was_drawn(page: Recording) -> None:
    tables = page.shown("search", "text/html")
    assert len(tables) == 2 and all("learning_rate 0.125" in table for table in tables)


def test_children_of_a_kernel_are_none(page: Recording) -> None:
    assert page.streams("children").split() == ["here", "True", "spawned", "False", "forked", "False"]
