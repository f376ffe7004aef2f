"""Where runs that are killed live, the undisturbed ones beside them, and the table at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.survival.attempts import TABLE, rows_of_table
from tests.survival.comparing import contents
from tests.survival.processes import Command, Ended, ran

LONG = bool(os.environ.get("TEST_SURVIVAL"))
Undisturbed = Callable[[list[str]], tuple[dict[str, bytes], Ended]]


@pytest.fixture(scope="session")
def base() -> Iterator[Path]:
    """In memory where there is room: hundreds of runs wait for the disk each time they save."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="survival-", dir=memory if os.access(memory, os.W_OK) else None))
    # The first process waits for the server to import everything, and tells nothing of how long a run takes.
    ran(Command(["rule", "RUN110"], folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def undisturbed(base: Path) -> Undisturbed:
    """What a run with these words leaves in its output folder when nobody disturbs it, and how it ended."""
    known: dict[tuple[str, ...], tuple[dict[str, bytes], Ended]] = {}

    def once(words: list[str]) -> tuple[dict[str, bytes], Ended]:
        if tuple(words) not in known:
            folder = base / f"undisturbed-{len(known)}"
            folder.mkdir()
            ended = ran(Command(words, folder))
            assert ended.code == 0, ended.said
            known[tuple(words)] = contents(folder / "out"), ended
        return known[tuple(words)]

    return once


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if TABLE:
        terminalreporter.section("survival")
        for row in rows_of_table():
            terminalreporter.line(row)
