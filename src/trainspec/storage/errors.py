"""What can go wrong with bytes at a URL, told without showing a credential."""

from __future__ import annotations

import errno
import os

from trainspec.text.redaction import redact_reason, redact_whole_url

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "abfs": "az", "abfss": "az", "az": "az"}
_REFUSED = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "TokenRetrievalError",
}


class StorageError(Exception):
    """An operation on a URL that failed for good.

    `url` and the message are redacted; `operation` is a verb phrase ("read", "write", ...); `cause` is the
    original exception, whose own text may still hold a credential, so show `str(error)` and not the cause.
    """

    def __init__(self, url: str, operation: str, reason: str, cause: BaseException | None = None) -> None:
        self.url = redact_whole_url(url)
        self.operation = operation
        self.reason = redact_reason(reason, url)
        self.cause = cause
        super().__init__(f"cannot {operation} {self.url}: {self.reason}")

    def __reduce__(self) -> tuple[type[StorageError], tuple[str, str, str]]:
        return type(self), (self.url, self.operation, self.reason)


class NotFound(StorageError):
    """Nothing is stored under that name."""


class PermissionRefused(StorageError):
    """The store answered, and said no: credentials are missing or do not allow the operation."""


class AlreadyThere(StorageError):
    """Something is stored under the name that was to be created."""


class NotAFile(StorageError):
    """What is there is no regular file: a folder, a pipe, a device, a socket."""


class TooLarge(StorageError):
    """The file has more bytes than the caller is ready to take."""


class MissingPackage(StorageError):
    """The Python package that speaks this kind of URL is not installed."""


class IrregularFileError(OSError):
    """Says what stands where a regular file should."""


_PUTS = ("create", "write")


def failure(url: str, operation: str, cause: BaseException) -> StorageError:
    """The StorageError that says what `cause` means for the user of `url`."""
    number = cause.errno if isinstance(cause, OSError) else None
    if number == errno.ELOOP:
        return NotAFile(url, operation, os.strerror(errno.ELOOP), cause)
    if isinstance(cause, FileNotFoundError) or number == errno.ENOENT:
        reason, says = "there is no such file or folder", str(cause)
        # Where something is put, it is the bucket that is missing, or its like: servers say what, others name the path.
        if operation in _PUTS and number is None and " " in says and not says.endswith(url.rpartition("/")[2]):
            reason = says
        return NotFound(url, operation, reason, cause)
    if isinstance(cause, PermissionError) or _is_refusal(cause):
        return PermissionRefused(url, operation, f"permission refused ({_told(cause)})", cause)
    if isinstance(cause, IrregularFileError):
        return NotAFile(url, operation, cause.strerror or str(cause), cause)
    if isinstance(cause, IsADirectoryError):
        return NotAFile(url, operation, "it is a folder, a file is needed", cause)
    if isinstance(cause, NotADirectoryError | FileExistsError):
        if _leads_nowhere(cause.filename):
            return StorageError(url, operation, "a part of the path is a link that leads nowhere", cause)
        return StorageError(url, operation, "a part of the path is a file, a folder is needed", cause)
    if number == errno.ENOSPC:
        return StorageError(url, operation, "no space is left there", cause)
    return StorageError(url, operation, _told(cause), cause)


def _leads_nowhere(path: object) -> bool:
    return isinstance(path, str) and os.path.islink(path) and not os.path.exists(path)


def already_there(url: str) -> AlreadyThere:
    """The error for a name that was to be created, and is taken."""
    return AlreadyThere(url, "create", "there is something of that name already")


def missing_package(url: str, scheme: str, cause: BaseException) -> MissingPackage:
    """The error for a URL whose file system is not installed; it names the extra, or package, to install."""
    extra = _EXTRAS.get(scheme)
    advice = f"pip install 'trainspec[{extra}]'" if extra else _told(cause)
    return MissingPackage(url, "open", f"the package for {scheme}:// is not installed; to get it: {advice}", cause)


def _is_refusal(cause: BaseException) -> bool:
    return any(base.__name__ in _REFUSED for base in type(cause).__mro__)


def _told(cause: BaseException) -> str:
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return text or type(cause).__name__
