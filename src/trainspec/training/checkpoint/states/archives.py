"""What a torch file may ask of its reader: an archive holds no more than it has."""

from __future__ import annotations

import io
import zipfile

# An entry of a zip's directory, as an object, takes about twenty times its bytes.
_LARGEST_DIRECTORY = 4 << 20
_END_OF_ZIP, _END_SIZE, _LONGEST_COMMENT = b"PK\x05\x06", 22, 0xFFFF
_LARGEST_PICKLE = 64 << 20


def archive_problem(data: bytes) -> str | None:
    """Why a torch file is not opened, by what its zip directory says of it; None for an honest one, or no zip."""
    if not data.startswith(b"PK"):
        return None
    end = data.rfind(_END_OF_ZIP, max(0, len(data) - _END_SIZE - _LONGEST_COMMENT))
    if end < 0:
        return "its archive is cut off"
    if int.from_bytes(data[end + 12 : end + 16], "little") > _LARGEST_DIRECTORY:
        return "its archive has a directory of unlikely size"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            # torch compresses nothing: what is inside has no more bytes than the file.
            if sum(member.file_size for member in members) > len(data):
                return f"what is packed in it has more bytes than the file ({len(data):,})"
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                return "it is compressed, and torch compresses nothing"
            pickles = [member for member in members if member.filename.endswith("data.pkl")]
            if any(member.file_size > _LARGEST_PICKLE for member in pickles):
                return "it holds a pickle of unlikely size"
            # One number in a pickle makes an array of so many bytes; no state of ours or of others has such arrays.
            if any(b"bytearray" in archive.read(member) for member in pickles):
                return "it holds a bytearray"
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError, OverflowError):
        return "its archive is damaged"
    return None
