"""What every test stands on: no settings from the machine it runs on, and hypothesis in a known mood."""

import gc
import logging
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from tests.hooks import together, twice

settings.register_profile(
    "ci", max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.register_profile("long", max_examples=5000, deadline=None, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

LAUNCHER = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT")
PREFIXES = ("TRAINSPEC_", "TORCHELASTIC_", "SLURM_", "OMPI_", "PMI_", "PET_")

# Files that take longest. They come first: else one process would end the suite alone with the last of them.
LONGEST = (
    "tests/typing/test_checkers.py",
    "tests/training/command/test_agent.py",
    "tests/training/trainer/test_readme_script.py",
    "tests/settings/sources/cloud/test_refusals.py",
    "tests/training/parallel/matrix/test_matrix.py",
    "tests/training/parallel/mesh/test_one_process.py",
    "tests/cli/test_train_secrets.py",
    "tests/cli/test_train.py",
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No TRAINSPEC_ or launcher variable of the machine reaches a test, and none that processes join by outlives it."""
    for name in list(os.environ):
        if name.startswith(PREFIXES) or name in LAUNCHER:
            monkeypatch.delenv(name)
    yield
    for name in LAUNCHER:
        os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def the_logger_is_put_back() -> Iterator[None]:
    """log_level sets the level of the package's logger for good."""
    logger = logging.getLogger("trainspec")
    before = logger.level
    yield
    logger.setLevel(before)


def pytest_addoption(parser: pytest.Parser) -> None:
    twice.add_options(parser)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return together.scheduler(config, log)


def pytest_configure(config: pytest.Config) -> None:
    twice.configure(config)
    config.addinivalue_line("markers", "long_distributed: of the matrix that `make test-distributed` runs")
    # Under nohup, or in the background of a script, these are ignored, and so by every process that a test starts.
    for number, usual in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
    if os.environ.get("TEST_DISTRIBUTED"):
        return
    long = [item for item in items if item.get_closest_marker("long_distributed")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if not item.get_closest_marker("long_distributed")]


def pytest_collection_finish() -> None:
    """What has been imported is no garbage, and looking for some in it takes longer than most tests."""
    gc.collect()
    gc.freeze()
