"""Promise: SIGTERM ends a run that waits for a store which does not answer, within the grace that systems give."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest
from tests.storage.conftest import s3_bucket

__all__ = ["s3_bucket"]

ROOT = Path(__file__).parents[3]
# Kubernetes kills after 30 s.
SOON = 15.0


@pytest.mark.parametrize("jit", ["plain", "jit"])
@pytest.mark.parametrize("fault", ["503", "stall"])
def test_sigterm_while_a_save_waits(s3_bucket: str, fault: str, jit: str) -> None:
    port = os.environ["AWS_ENDPOINT_URL"].rpartition(":")[2]
    command = [sys.executable, "-m", "tests.training.command.waiting", f"{s3_bucket}/{uuid.uuid4().hex}", port]
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, fault, jit], cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as run:
        assert run.stdout is not None and run.stderr is not None
        assert run.stdout.readline() == "failing\n"
        time.sleep(1.5)
        assert run.poll() is None
        run.send_signal(signal.SIGTERM)
        began = time.monotonic()
        stop = threading.Timer(40, run.kill)
        stop.start()
        said = run.stderr.read()
        code = run.wait()
        stop.cancel()
    assert time.monotonic() - began < SOON
    assert code == 128 + signal.SIGTERM
    assert "Traceback" not in said
    assert "is saved" not in said
