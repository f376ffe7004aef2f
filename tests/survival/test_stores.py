"""Promise: a store that fails, for a moment or for good, and a disk that fills up, cost a wait or an attempt."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.storage.conftest import s3_bucket
from tests.storage.servers.faulty import Faulty
from tests.survival.attempts import TABLE, trial, words
from tests.survival.comparing import contents
from tests.survival.conftest import LONG, Undisturbed
from tests.survival.processes import Command, ran, running
from tests.survival.test_random_kills import SEED

__all__ = ["s3_bucket"]

FAULTS = ("503", "reset", "stall")
# Exit codes of a run that could not reach its store: preflight's finding, or an error of training.
GIVES_UP = (1, 2)


class Failing(Faulty):
    """Fails so many requests, from the one of that number on."""

    def begin(self, fault: str, first: int, count: int) -> None:
        self.requests, self.fault, self.first, self.count = 0, fault, first, count

    def due(self, method: str, path: str) -> str:
        self.requests += 1
        first = self.first
        return self.fault if self.fault and first <= self.requests < first + self.count else ""

    def stall(self) -> None:
        time.sleep(3)


@pytest.fixture(scope="module")
def failing(s3_bucket: str) -> Iterator[Failing]:
    server = Failing(int(os.environ["AWS_ENDPOINT_URL"].rpartition(":")[2]))
    server.begin("", 0, 0)
    yield server
    server.stop()


@pytest.mark.skipif(not LONG, reason="waits for stores that do not answer (TEST_SURVIVAL=1)")
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("lasts", [False, True], ids=["passing", "for good"])
def test_a_store_that_fails(base: Path, s3_bucket: str, failing: Failing, lasts: bool) -> None:
    kind = f"S3 that fails, {'for good' if lasts else 'for some requests'}"
    chance = random.Random(f"{SEED} {kind}")
    environ = {"AWS_ENDPOINT_URL": failing.url}

    url = f"{s3_bucket}/{uuid.uuid4().hex}"
    more = {"storage_timeout_seconds": 2 if lasts else 12, "save_failures_allowed": 1 if lasts else 3}
    said = words(output_dir=url, save_total_limit=1, eval_steps=8, save_steps=8, **more)
    with trial(kind, "undisturbed", base, url) as one:
        failing.begin("", 0, 0)
        whole = ran(Command(said, one.folder, environ))
        assert whole.code == 0, whole.said
        expected = contents(url)
        requests = failing.requests
    for number in range(24):
        fault, first = chance.choice(FAULTS), chance.randint(1, requests)
        count = 1 << 30 if lasts else chance.randint(1, 2 if fault == "stall" else 4)
        with trial(kind, f"{number} {fault} from {first} of {requests}", base, url) as one:
            failing.begin(fault, first, count)
            one.about_to_start()
            ended = ran(Command(said, one.folder, environ), 120)
            failing.begin("", 0, 0)
            if not one.took(ended, *(GIVES_UP if lasts else ())):
                one.about_to_start()
                one.finish(ran(Command(said, one.folder, environ)))
            one.compare(expected)
    assert not TABLE[kind].faults, "\n\n".join(TABLE[kind].faults)


@pytest.mark.skipif(not LONG, reason="of many runs (TEST_SURVIVAL=1)")
@pytest.mark.timeout(7200)
def test_each_request_fails_once(base: Path, s3_bucket: str, failing: Failing) -> None:
    kind = "S3 that fails once, at each request"
    environ = {"AWS_ENDPOINT_URL": failing.url}
    url = f"{s3_bucket}/{uuid.uuid4().hex}"
    said = words(output_dir=url, save_total_limit=1, eval_steps=12, save_steps=12, storage_timeout_seconds=12)
    with trial(kind, "undisturbed", base, url) as one:
        failing.begin("", 0, 0)
        whole = ran(Command(said, one.folder, environ))
        assert whole.code == 0, whole.said
        expected, requests = contents(url), failing.requests
    for first in range(1, requests + 1):
        fault = FAULTS[first % len(FAULTS)]
        with trial(kind, f"{fault} at {first} of {requests}", base, url) as one:
            failing.begin(fault, first, 1)
            one.about_to_start()
            one.finish(ran(Command(said, one.folder, environ), 120))
            failing.begin("", 0, 0)
            one.compare(expected)
    assert not TABLE[kind].faults, "\n\n".join(TABLE[kind].faults)


@pytest.fixture
def disk(base: Path) -> Iterator[Path]:
    place = base / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk is mounted by root alone")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


# What differs where a run went on without the checkpoint that would have been the best, or the last.
OF_LOST_ONES = (
    r"(?x) checkpoint-\d+/\S+:[ ]is[ ](left[ ]over|missing) | \S*trainer_state\.json:[ ]\.best_model_checkpoint"
)


@pytest.mark.skipif(not LONG, reason="of many runs (TEST_SURVIVAL=1)")
@pytest.mark.timeout(7200)
def test_a_disk_that_fills_up(base: Path, disk: Path, undisturbed: Undisturbed) -> None:
    kind = "a disk that fills up, and is emptied"
    chance = random.Random(f"{SEED} {kind}")
    said = words(save_total_limit=1, save_steps=2, eval_steps=2, load_best_model_at_end=False)
    expected, whole = undisturbed(said)
    best = Path(json.loads(expected["checkpoint-24/trainer_state.json"])["best_model_checkpoint"]).name
    rest = disk / "of others"
    for number in range(24):
        with trial(kind, str(number), disk) as one:
            one.about_to_start()
            with running(Command(said, one.folder)) as process:
                time.sleep(chance.uniform(0, whole.seconds))
                there = os.statvfs(disk)
                # The run may have written meanwhile: then it is full before all of this is there.
                with suppress(OSError):
                    rest.write_bytes(bytes(max(0, there.f_bavail - chance.randint(0, 12)) * there.f_frsize))
                time.sleep(chance.choice([0.05, 0.2, 10]))
                if process.is_over() or chance.random() < 0.5:
                    rest.unlink()
                ended = process.join()
            rest.unlink(missing_ok=True)
            if not one.took(ended, 2):
                one.about_to_start()
                one.finish(ran(Command(said, one.folder)))
                one.compare(expected)
            else:
                # One that had no room is told, and is none: the best and the last of those that are there stay.
                is_lost = any(f"{name} could not be saved" in ended.said for name in (best, "checkpoint-24"))
                one.compare(expected, but=OF_LOST_ONES if is_lost else r"(?!)")
    assert not TABLE[kind].faults, "\n\n".join(TABLE[kind].faults)
