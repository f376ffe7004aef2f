"""The second of two environments runs what the first has not seen pass, whatever the reason."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFTEST = """
from tests.hooks.twice import add_options as pytest_addoption, configure as pytest_configure
"""
TESTS = """
import os, pytest
second = "SECOND" in os.environ
def test_sound(): pass
@pytest.mark.parametrize("text", ["a", "b\\n", "ü []"])
def test_of_a_text(text): pass
def test_skipped():
    if not second: pytest.skip("not here")
def test_broken(): assert second
@pytest.fixture
def leaves_something():
    yield
    assert second
def test_that_ends_badly(leaves_something): pass
@pytest.mark.xfail(strict=False)
def test_expected_to_fail(): assert second
@pytest.mark.fully_installed
def test_of_imports(): pass
"""
SOUND = """
import os
assert "SECOND" not in os.environ
def test_of_a_sound_file(): pass
"""
AGAIN = {"test_skipped", "test_broken", "test_that_ends_badly", "test_expected_to_fail", "test_of_imports"}


@pytest.fixture
def names_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run these tests with options of pytest; returns the names of those that ran."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "test_sound.py").write_text(SOUND)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(*words: object) -> set[str]:
        said = subprocess.run(
            [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *map(str, words)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        ).stdout
        lines = (line for line in said.splitlines() if not line.startswith(("FAILED", "ERROR")))
        return {name.partition("::")[2] for line in lines for name in line.split() if name.startswith("test_")}

    return run


def test_what_passed_runs_once_and_all_else_again(names_run, tmp_path, monkeypatch) -> None:
    passed = tmp_path / "build/passed.txt"
    everything = names_run("-n", "2", "--write-passed", passed)
    assert everything > AGAIN | {"test_sound", "test_of_a_sound_file"}
    monkeypatch.setenv("SECOND", "1")
    # A file without a test that has to run again is not imported: it could not be.
    assert names_run("-n", "2", "--skip-passed", passed) == names_run("--skip-passed", passed) == AGAIN
    passed.unlink()
    monkeypatch.delenv("SECOND")
    assert names_run("--skip-passed", passed) == everything
