"""One suite in two environments: the second runs what the first has not seen pass.

`--write-passed=FILE` writes the ids of the tests that passed here; `--skip-passed=FILE` leaves these out. So a test
that was skipped or failed in the first environment runs in the second, and nobody keeps a list of which. A file all of
whose tests passed is not even imported again: with many workers, each would do so.
"""

from pathlib import Path

import pytest

# What a process imports is told only where there is something to import.
MARK = "fully_installed"


def _file_of(name: str) -> str:
    return name.partition("::")[0]


class Passed:
    """The tests of which all of setup, call and teardown passed, and the files of which all did, written down when
    the session has ended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.called: set[str] = set()
        self.unsound: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed or hasattr(report, "wasxfail") or MARK in report.keywords:
            self.unsound.add(report.nodeid)
        elif report.when == "call":
            self.called.add(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed:
            self.unsound.add(report.nodeid)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.unsound.update(item.nodeid for item in items)

    def pytest_sessionfinish(self) -> None:
        passed = self.called - self.unsound
        whole = {_file_of(name) for name in passed} - {_file_of(name) for name in self.unsound}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("".join(f"{name!r}\n" for name in sorted(whole | passed)))


class NotAgain:
    """Leaves out what has passed elsewhere; where nothing is written down, everything runs."""

    def __init__(self, path: Path) -> None:
        self.passed = set(path.read_text().splitlines()) if path.exists() else set()

    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        if not collection_path.is_relative_to(config.rootpath):
            return None
        # None: others may have a reason of their own.
        return repr(collection_path.relative_to(config.rootpath).as_posix()) in self.passed or None

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        again = [item for item in items if repr(item.nodeid) in self.passed]
        config.hook.pytest_deselected(items=again)
        items[:] = [item for item in items if repr(item.nodeid) not in self.passed]


def add_options(parser: pytest.Parser) -> None:
    parser.addoption("--write-passed", type=Path, metavar="FILE", help="write the ids of the tests that passed")
    parser.addoption("--skip-passed", type=Path, metavar="FILE", help="leave out the tests whose ids are in FILE")


def configure(config: pytest.Config) -> None:
    """Only the process that starts the tests writes; with several, each leaves out the same."""
    config.addinivalue_line("markers", f"{MARK}: tells nothing in an environment without the heavy packages")
    writing, skipping = config.getoption("write_passed"), config.getoption("skip_passed")
    if writing and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Passed(writing), "passed")
    if skipping:
        config.pluginmanager.register(NotAgain(skipping), "not-again")
