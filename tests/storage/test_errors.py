"""Promise: no message, attribute or pickle of a storage error shows a credential."""

from __future__ import annotations

import pickle
import traceback

import pytest

from trainspec.storage import NotFound, StorageError
from trainspec.storage.errors import failure
from trainspec.text.redaction import redact_url

REDACTED = {
    "password": ("https://me:hunter2@host/x", "https://**********@host/x"),
    "token only": ("https://hunter2@host/x", "https://**********@host/x"),
    "at sign in the password": ("ftp://me:p@hunter2@host/x", "ftp://**********@host/x"),
    "slash-free sentence": ("no ftp://me:hunter2@host today", "no ftp://**********@host today"),
    "signed query": ("https://host/x?sig=hunter2", "https://host/x?**********"),
    "two URLs": ("at a://u:hunter2@h b://v:hunter2@i", "at a://**********@h b://**********@i"),
    "at sign in a key": ("s3://bucket/user@example.com/x", "s3://bucket/user@example.com/x"),
    "slash in the password": ("sftp://me:hunter2/x@host/run", "sftp://**********@host/run"),
    "a container": ("abfs://runs@account.dfs.core.windows.net/x", "abfs://runs@account.dfs.core.windows.net/x"),
    "a path": ("/data/what?.yaml", "/data/what?.yaml"),
}


@pytest.mark.parametrize(("text", "expected"), REDACTED.values(), ids=REDACTED)
def test_redacted(text: str, expected: str) -> None:
    """The one redaction there is holds for urls and reasons of storage errors."""
    assert redact_url(text) == expected
    error = StorageError(text, "read", text)
    assert str(error) == f"cannot read {expected}: {expected}"
    assert (error.url, error.reason) == (expected, expected)


def test_an_error_hides_what_its_cause_says() -> None:
    cause = OSError("cannot reach ftp://me:hunter2@host/x")
    error = failure("ftp://me:hunter2@host/x", "read", cause)
    shown = "".join(traceback.format_exception(error)) + repr(error) + error.url + error.reason
    assert "hunter2" not in shown
    assert error.cause is cause
    assert b"hunter2" not in pickle.dumps(error)


def test_pickled_errors_keep_their_kind() -> None:
    error = pickle.loads(pickle.dumps(NotFound("s3://b/k", "read", "gone")))
    assert type(error) is NotFound
    assert isinstance(error, StorageError)
    assert (error.url, error.operation, error.reason) == ("s3://b/k", "read", "gone")
