"""Promise: SIGKILL at every write, rename, fsync and deletion, and at every request to S3, costs nothing."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from tests.storage.conftest import s3_bucket
from tests.survival.attempts import TABLE, one_of_each_kind, trial, words
from tests.survival.comparing import contents
from tests.survival.conftest import LONG, Undisturbed
from tests.survival.processes import Command, ran

__all__ = ["s3_bucket"]

ON_A_DISK = words(save_total_limit=1, eval_steps=6, save_steps=6)


@pytest.mark.timeout(7200 if LONG else 120)
def test_killed_at_every_call(base: Path, undisturbed: Undisturbed) -> None:
    kind = "killed at every call, on a disk"
    expected, whole = undisturbed(ON_A_DISK)
    assert {"open", "write", "fsync", "rename", "unlink", "rmdir", "mkdir"} <= set(whole.calls)
    for at in range(1, len(whole.calls) + 1) if LONG else one_of_each_kind(whole.calls):
        with trial(kind, f"{at} ({whole.calls[at - 1]})", base) as one:
            one.about_to_start()
            assert not one.took(ran(Command(ON_A_DISK, one.folder, at=at)))
            one.about_to_start()
            one.finish(ran(Command(ON_A_DISK, one.folder)))
            one.compare(expected)
    assert not TABLE[kind].faults, "\n\n".join(TABLE[kind].faults)


@pytest.mark.timeout(7200 if LONG else 120)
def test_killed_at_every_request(base: Path, s3_bucket: str) -> None:
    kind = "killed at every request, on S3"

    def on_s3() -> tuple[str, list[str]]:
        url = f"{s3_bucket}/{uuid.uuid4().hex}"
        return url, words(output_dir=url, save_total_limit=1, eval_steps=8, save_steps=8)

    with trial(kind, "undisturbed", base) as one:
        url, first = on_s3()
        whole = ran(Command(first, one.folder))
        assert whole.code == 0, whole.said
        expected = {name: data.replace(url.encode(), b"URL") for name, data in contents(url).items()}
    assert {"before PutObject", "after PutObject"} <= set(whole.calls)
    for at in range(1, len(whole.calls) + 1) if LONG else one_of_each_kind(whole.calls):
        url, again = on_s3()
        with trial(kind, f"{at} ({whole.calls[at - 1]})", base, url) as one:
            one.about_to_start()
            one.took(ran(Command(again, one.folder, at=at)))
            one.about_to_start()
            one.finish(ran(Command(again, one.folder)))
            one.compare(expected)
    assert not TABLE[kind].faults, "\n\n".join(TABLE[kind].faults)
