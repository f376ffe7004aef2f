"""Promise: whatever a client library makes of a URL, no piece of its password is in the error that one gets."""

from __future__ import annotations

import pickle
import traceback
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainspec.storage import RetryPolicy, StorageError, open_store, read_text
from trainspec.training.checkpoint import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "hunter2"
# All that libraries cut a URL at, and what only a shell takes for a delimiter.
NOISE = st.text("/@:?#%&=+!$ \"'[]\\ab1", max_size=8)
PASSWORDS = st.builds(lambda before, after: before + SECRET + after, NOISE, NOISE)
# Nobody listens there; S3 refuses the name of the bucket before it asks anyone.
URLS = ("s3://me:{}@bucket/x", "simplecache::s3://me:{}@bucket/x", "ftp://me:{}@127.0.0.1:1/x", "s3:///me:{}@bucket/x")


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")


def _error(use: Callable[[], object]) -> StorageError | None:
    try:
        use()
    except StorageError as error:
        return error
    return None


def _shown(error: StorageError | CheckpointError) -> str:
    known = {name: value for name, value in vars(error).items() if name != "cause"}
    text = str(error) + repr(error) + repr(error.args) + repr(known) + "".join(traceback.format_exception(error))
    return text + pickle.dumps(error).decode("latin-1")


@pytest.mark.parametrize("url", URLS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(password=PASSWORDS)
def test_real_failures(url: str, password: str) -> None:
    whole, once = url.replace("{}", password), RetryPolicy(seconds=0.5, first_wait=9)
    uses = (
        lambda: open_store(whole, retry=once).read_bytes("f"),
        lambda: open_store(whole, retry=once).entries(),
        lambda: open_store(whole, retry=once).child("c").write_bytes("f", b"1"),
        lambda: read_text(whole, 10) if url.startswith("s3") else None,
    )
    errors = [error for use in uses if (error := _error(use)) is not None]
    assert errors
    for error in errors:
        shown = [error, pickle.loads(pickle.dumps(error)), CheckpointError(whole, error.reason)]
        shown.append(CheckpointError(whole, str(error.cause)))
        for item in shown:
            assert SECRET not in _shown(item).lower()


def test_what_is_no_password_stays_readable() -> None:
    error = _error(
        lambda: open_store("s3://me:hunter2/p@bucket/x", retry=RetryPolicy(seconds=0.5, first_wait=9)).read_bytes("f")
    )
    assert error is not None
    assert str(error).startswith("cannot read s3://**********@bucket/x/f: Parameter validation failed")
    assert 'Invalid bucket name "me:**********": Bucket name must match the regex' in str(error)
    assert "hunter2" in str(error.cause)
