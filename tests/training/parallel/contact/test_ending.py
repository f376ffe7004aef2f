"""Who says what among several processes: each thing once, by the one whom it is for."""

import contextlib
import io
import json
import logging
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.parallel.world import run_in
from tests.training.small_job import Line, Rows

from trainspec import Trainer, TrainerCallback, TrainingArguments
from trainspec.training.parallel.contact.ending import Kind, leave_word, read_word
from trainspec.training.preflight.preflight import PreflightError


def settings(out: str, **more: Any) -> TrainingArguments:
    quiet = {"report_to": "none", "save_strategy": "no", "disable_tqdm": True, "use_cpu": True}
    return TrainingArguments(**quiet | {"output_dir": out, "max_steps": 3, "ddp_timeout": 30} | more)


class Breaks(TrainerCallback):
    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 2 and os.environ["RANK"] == "1":
            raise ZeroDivisionError("mine")


def uncaught(out: str) -> tuple[str, str, int]:
    """What a script that trains says as it ends, and what it leaves for its launcher, with the second of it."""
    word = Path(out, f"word-{os.environ['RANK']}.json")
    os.environ["TORCHELASTIC_ERROR_FILE"] = str(word)
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            Trainer(Line(), settings(out), train_dataset=Rows(), callbacks=[Breaks()]).train()
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)
    message = json.loads(word.read_text())["message"]
    return said.getvalue(), message["message"], int(message["extraInfo"]["timestamp"])


def test_an_error_that_nobody_caught_is_told_by_its_own_process(tmp_path: Path) -> None:
    (silent, followed, after), (told, left, first) = run_in(2, uncaught, str(tmp_path))
    assert "Traceback" not in silent and "ZeroDivisionError" not in silent
    assert told.count("Traceback") == 1 and "ZeroDivisionError: mine" in told
    assert left == "rank 1: ZeroDivisionError: mine"
    assert followed.startswith("rank 0: ") and "Rank 1 ended: ZeroDivisionError: mine." in followed
    assert first < after, "torchrun takes the earliest second for the cause"


def lacking(out: str) -> list[tuple[str, str]]:
    rows = None if os.environ["RANK"] == "1" else Rows()
    try:
        Trainer(Line(), settings(out), train_dataset=rows).train()
    except PreflightError as error:
        return [(item.code, item.message) for item in error.diagnostics]
    raise AssertionError("it trained")


def test_what_one_process_lacks_no_process_begins_without(tmp_path: Path) -> None:
    found = ("RUN112", "there is no training data")
    assert run_in(2, lacking, str(tmp_path)) == [[(found[0], f"rank 1: {found[1]}")], [found]]
    assert not list(tmp_path.iterdir())


def warned(out: str) -> list[str]:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        settings(out, evaluation_strategy="no")
    return [str(one.message) for one in told]


def test_the_main_process_warns_of_settings(tmp_path: Path) -> None:
    main, other = run_in(2, warned, str(tmp_path))
    assert len(main) == 1 and "evaluation_strategy" in main[0] and other == []


def remarked(out: str) -> list[str]:
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("trainspec").addHandler(handler)
    unlabelled = [{"inputs": torch.ones(4)}] * 4
    trainer = Trainer(Line(), settings(out), eval_dataset=unlabelled, compute_metrics=lambda prediction: {})
    trainer.evaluate()
    return [text.partition(" ")[0] for text in said if "RUN153" in text]


def test_the_main_process_tells_what_an_evaluation_lacked(tmp_path: Path) -> None:
    assert run_in(2, remarked, str(tmp_path)) == [["warning[RUN153]"], []]


def first(out: str, local: bool) -> tuple[bool, bool]:
    """Whether the work was done before this process came to it, and whether a Trainer goes with what that joined."""
    args, work = settings(out), Path(out, f"work-{os.environ['GROUP_RANK']}")
    with args.main_process_first(local=local, desc="map"):
        done = work.exists()
        if not done:
            time.sleep(0.3)
            work.touch()
    return done, Trainer(Line(), args, train_dataset=Rows()).train().global_step == 3


@pytest.mark.parametrize("local", [True, False])
def test_main_process_first(tmp_path: Path, local: bool) -> None:
    assert run_in(2, first, str(tmp_path), local) == [(False, True), (True, True)]


def test_the_last_word_is_read_as_it_was_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "error.json"
    leave_word("nobody asks for it", 1, Kind.FAULT)
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(path))
    monkeypatch.setenv("RANK", "3")
    leave_word("no rows", 2, Kind.REFUSED)
    word = read_word(path)
    assert word is not None and (word.rank, word.kind, word.code, word.text) == (3, Kind.REFUSED, 2, "no rows")
    for text in ("", "{", '{"message": "of torch"}'):
        path.write_text(text)
        assert read_word(path) is None
    assert read_word(tmp_path / "none") is None
