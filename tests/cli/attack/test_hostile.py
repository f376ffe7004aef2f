"""Whatever stands in a source of settings: an answer in two seconds and 300 MB, no traceback, and never a token."""

import json
import subprocess
import sys

import pytest
from tests.cli.attack.hostile import SOURCES

# Of one source; all of them take some twenty seconds.
_SECONDS = 3


@pytest.mark.parametrize("source", SOURCES)
def test_no_input_takes_long_or_much_or_tells_a_token(source: str) -> None:
    command = [sys.executable, "-m", "tests.cli.attack.hostile", source, "12", str(_SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == [] and found["judged"] >= 3
    assert found["slowest"] < 2 and found["peak"] < 300
    # Some screens: of each setting, and each document, only so much is told.
    assert found["longest"] < 500_000
