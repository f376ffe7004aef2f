"""Regular files only: whatever else has a name is refused at once, and nobody waits."""

import os
from pathlib import Path

import pytest
from tests.cli.attack.odd_files import KINDS, pipe

from trainspec.storage import StorageError, open_store, read_text
from trainspec.storage.regular import open_regular, read_regular

pytestmark = pytest.mark.timeout(20)


ODD = {
    "a pipe": "it is a pipe, and only regular files are read",
    "a socket": "it is a socket, and only regular files are read",
    "a device": "it is a device, and only regular files are read",
    "a circle": "Too many levels of symbolic links",
    "a folder": "it is a folder, a file is needed",
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_refused(kind: str, tmp_path: Path) -> None:
    said = ODD[kind]
    KINDS[kind](tmp_path / "run.yaml")
    with pytest.raises(StorageError, match=said):
        read_text(tmp_path / "run.yaml", 100)
    with pytest.raises(StorageError, match=said):
        open_store(tmp_path).read_bytes("run.yaml")
    with pytest.raises(StorageError, match=said):
        open_store(tmp_path).read_range("run.yaml", 0, 10)
    with pytest.raises(StorageError, match=said):
        open_store(tmp_path / "elsewhere").upload(tmp_path / "run.yaml", "copy")
    with pytest.raises(OSError):
        read_regular(tmp_path / "run.yaml")


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    pipe(tmp_path / "pipe")
    before = os.listdir("/proc/self/fd")
    for _ in range(20):
        with pytest.raises(OSError):
            open_regular(tmp_path / "pipe")
    assert os.listdir("/proc/self/fd") == before


def test_a_pipe_that_the_shell_hands_over_is_read_to_its_end() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"TRAINSPEC_SEED=7\n")
    os.close(writer)
    try:
        assert read_regular(Path(f"/dev/fd/{reader}"), 1000) == b"TRAINSPEC_SEED=7\n"
    finally:
        os.close(reader)


def test_at_most_so_many_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    assert read_regular(tmp_path / "file", 4) == b"0123" and read_regular(tmp_path / "file") == b"0123456789"


def test_the_null_device_is_an_empty_file() -> None:
    assert read_regular(Path(os.devnull)) == b""
