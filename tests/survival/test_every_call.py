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

ON_A_DISK = words(save_total_limit=1, eval_steps=6, save_steps=6, num_train_epochs=2 if LONG else 1)


@pytest.mark.timeout(7200 if LONG else 300)
@pytest.mark.parametrize("threads", [False, True], ids=["waited for", "in background"])
def test_killed_at_every_call(base: Path, undisturbed: Undisturbed, threads: bool) -> None:
    kind = f"killed at every call, on a disk{', by a thread' if threads else ''}"
    said = [*ON_A_DISK, "--save_in_background", str(threads)]
    expected, whole = undisturbed(said)
    kinds = {"open", "write", "fsync", "rename", "unlink", "rmdir", "mkdir"}
    assert kinds <= set(whole.calls)
    # Each kind was tried where saves are waited for.
    few = [whole.calls.index(one) + 1 for one in ("rename", "rmdir")] if threads else one_of_each_kind(whole.calls)
    for at in range(1, len(whole.calls) + 1) if LONG else few:
        with trial(kind, f"{at} ({whole.calls[at - 1]})", base) as one:
            one.about_to_start()
            # With a thread there may be a call more or less: what the last ones do depends on who is first.
            assert not one.took(ran(Command(said, one.folder, at=at))) or (threads and at > len(whole.calls) - 20)
            one.about_to_start()
            one.finish(ran(Command(said, one.folder)))
            one.compare(expected)
    assert not TABLE[kind].faults, "\n\n".join(TABLE[kind].faults)


@pytest.mark.timeout(7200 if LONG else 300)
@pytest.mark.parametrize("ballast", [0, 1_800_000] if LONG else [0], ids=["small", "in parts"][: 1 + LONG])
def test_killed_at_every_request(base: Path, s3_bucket: str, ballast: int) -> None:
    kind = f"killed at every request, on S3{', in parts' if ballast else ''}"
    # S3 takes parts of 5 MB and more.
    environ = {"FSSPEC_S3": '{"default_block_size": 5242880}'} if ballast else {}

    url = f"{s3_bucket}/{uuid.uuid4().hex}"
    said = words(
        output_dir=url,
        save_total_limit=1,
        eval_steps=12,
        save_steps=12,
        metric_for_best_model=None,
        load_best_model_at_end=None,
        task__ballast=ballast or None,
    )
    with trial(kind, "undisturbed", base, url) as one:
        whole = ran(Command(said, one.folder, environ))
        assert whole.code == 0, whole.said
        expected = contents(url)
    assert {f"before {'UploadPart' if ballast else 'PutObject'}", "after DeleteObjects"} <= set(whole.calls)
    for at in range(1, len(whole.calls) + 1) if LONG else one_of_each_kind(whole.calls):
        with trial(kind, f"{at} ({whole.calls[at - 1]})", base, url) as one:
            one.about_to_start()
            one.took(ran(Command(said, one.folder, environ, at=at)))
            one.about_to_start()
            one.finish(ran(Command(said, one.folder, environ)))
            one.compare(expected)
    assert not TABLE[kind].faults, "\n\n".join(TABLE[kind].faults)
