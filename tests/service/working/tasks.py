"""What is done in another process, by name: a module that is imported there, so that it imports little."""

import os
import signal
import time

from trainspec.service.refusals import refused
from trainspec.service.work.judges import Judges


def sleeps(judges: Judges, body: bytes, seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def refuses(judges: Judges, body: bytes, text: str) -> None:
    raise refused(400, "SVC104", text, "remedy", Retry_After="1")


def breaks(judges: Judges, body: bytes, text: str) -> None:
    raise ValueError(text)


def dies(judges: Judges, body: bytes) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def prints(judges: Judges, body: bytes) -> bytes:
    print("x" * 100)
    return os.read(0, 10)
