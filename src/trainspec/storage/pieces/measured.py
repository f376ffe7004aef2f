"""A file that is measured while it is written, so that nothing has to be read again to know what was stored."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable

# Small enough that no buffer below grows with the tensor that is written, large enough to cost nothing.
_PIECE = 4 << 20


class WriterFailed(BaseException):
    """Carries what a writer raised past everything that takes an error for one of the store."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        super().__init__()


class MeasuredFile(io.BufferedIOBase):
    """Passes bytes on to a file and keeps their number and SHA-256; it cannot be read or go back."""

    def __init__(self, file: BinaryIO) -> None:
        self.size = 0
        self._file = file
        self._digest = hashlib.sha256()
        self._failure: Exception | None = None

    @property
    def sha256(self) -> str:
        """Of what was written so far, in lower-case hex."""
        return self._digest.hexdigest()

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.size

    def write(self, data: Any) -> int:
        view = memoryview(data)
        if not view.nbytes:
            return 0
        view = view.cast("B")
        for start in range(0, len(view), _PIECE):
            self._pass_on(view[start : start + _PIECE])
        return len(view)

    def fill(self, writer: Callable[[BinaryIO], object]) -> None:
        """Let the writer write. Raises what the file raised, and WriterFailed for what the writer did."""
        failed: Exception | None = None
        try:
            writer(self)  # type: ignore[arg-type]
        except Exception as error:
            failed = error
        # Serialisers hide a full disk behind errors of their own, or go on as if nothing was.
        if self._failure is not None:
            raise self._failure
        if failed is not None:
            raise WriterFailed(failed)

    def _pass_on(self, piece: memoryview) -> None:
        try:
            self._file.write(piece)
        except Exception as error:
            self._failure = self._failure or error
            raise
        self._digest.update(piece)
        self.size += len(piece)
