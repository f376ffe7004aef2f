"""Trackers get every entry; a broken one is reported once and left out, and the run goes on."""

import logging
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from tests.trackers.running import build

from trainspec.storage import open_store
from trainspec.training.interruption import Terminated
from trainspec.training.trackers import RunFacts, Tracker, TrackerGroup

MOMENTS = ["start", "log", "best_checkpoint", "refresh", "flush", "finish"]


class Recorder(Tracker):
    """Notes the calls; fails at one moment with one error."""

    name = "recorder"

    def __init__(self, moment: str = "", error: BaseException | None = None) -> None:
        self.calls: list[str] = []
        for name in MOMENTS:
            setattr(self, name, self._noting(name, error if name == moment else None))

    def _noting(self, name: str, error: BaseException | None) -> Any:
        def note(*_: Any, **__: Any) -> None:
            self.calls.append(name)
            if error is not None:
                raise error

        return note


def _go_through(group: TrackerGroup, out: Path) -> None:
    group.start(RunFacts("a run", open_store(str(out))), [])
    group.log({"loss": 1.0, "step": 1})
    group.best_checkpoint("there/checkpoint-1")
    group.refresh()
    group.flush()
    group.finish()


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("error", [OSError("no space"), SystemExit("cannot go on")], ids=["error", "exit"])
def test_a_tracker_that_fails_is_left_out_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, moment: str, error: BaseException
) -> None:
    broken, well = Recorder(moment, error), Recorder()
    _go_through(TrackerGroup([broken, well]), tmp_path)
    assert broken.calls == MOMENTS[: MOMENTS.index(moment) + 1]
    assert well.calls == MOMENTS
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "tracker 'recorder' failed" in warning.message and str(error) in warning.message


@pytest.mark.parametrize("asked", [KeyboardInterrupt(), Terminated()], ids=["Ctrl-C", "SIGTERM"])
def test_who_asks_the_run_to_end_is_not_taken_for_a_failure(tmp_path: Path, asked: BaseException) -> None:
    with pytest.raises(type(asked)):
        _go_through(TrackerGroup([Recorder("log", asked)]), tmp_path)


def test_a_finished_group_is_silent(tmp_path: Path) -> None:
    recorder = Recorder()
    group = TrackerGroup([recorder])
    _go_through(group, tmp_path)
    group.log({"loss": 1.0, "step": 2})
    group.finish()
    assert recorder.calls == MOMENTS


@pytest.mark.parametrize(
    "text, secret",
    [
        ("401 for https://me:pa55word-of-mine@host/run", "pa55word-of-mine"),
        ("bad key k-0123456789 in the header", "k-0123456789"),
        ("api_key=abcdefgh was refused", "abcdefgh"),
    ],
    ids=["in a URL", "the value of a variable", "beside its name"],
)
def test_no_secret_of_an_error_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, text: str, secret: str
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "k-0123456789")
    _go_through(TrackerGroup([Recorder("log", RuntimeError(text))]), tmp_path)
    assert "tracker 'recorder' failed" in caplog.text and secret not in caplog.text


def test_libraries_do_not_see_tokens_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Nosy(Tracker):
        def start(self, *_: Any) -> None:
            seen.extend(sys.argv)

    said = [
        "train.py",
        "--hub-token",
        "hf_a",
        "--api_key=b",
        "--seed",
        "7",
        "s3://me:c@bucket/x",
        "--hub_token",
        "hf_d",
    ]
    monkeypatch.setattr(sys, "argv", said)
    group = TrackerGroup([Nosy()])
    group.start(RunFacts("a run", open_store(str(tmp_path))), [])
    hidden = "**********"
    assert seen == [
        "train.py", "--hub-token", hidden, f"--api_key={hidden}", "--seed", "7", f"s3://{hidden}@bucket/x",
        "--hub_token", hidden,
    ]  # fmt: skip
    assert sys.argv is said
    group.finish()


def test_what_nobody_finished_is_finished_when_the_process_ends(tmp_path: Path) -> None:
    script = """
    from trainspec.storage import open_store
    from trainspec.training.trackers import RunFacts, Tracker, TrackerGroup

    class Late(Tracker):
        def finish(self, *, failed):
            print("finished, failed:", failed)

    group = TrackerGroup([Late()])
    group.start(RunFacts("a run", open_store(".")), [])
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=True)
    assert done.stdout == "finished, failed: False\n"


def test_a_broken_library_does_not_end_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    trainer = build(tmp_path / "out", ["plot", "jsonl"])
    trainer.train()
    assert trainer.state.global_step == 12
    assert (tmp_path / "out" / "metrics.jsonl").exists() and not (tmp_path / "out" / "loss.png").exists()
