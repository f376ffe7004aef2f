"""Sockets have short addresses, whatever the folder of temporary files."""

import socket
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest

from trainspec.storage.pieces import sockets
from trainspec.storage.pieces.sockets import folder_for_sockets
from trainspec.training.parallel.contact.neighbours import Meeting


@pytest.mark.parametrize("length", [*range(65, 80), 200])
def test_what_multiprocessing_adds_fits_whatever_the_length(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "/" + "x" * (length - 1)
    monkeypatch.setattr(tempfile, "tempdir", said)
    found = folder_for_sockets()
    assert found == (said if length <= 71 else "/tmp")
    assert len(f"{found}/pymp-12345678/listener-12345678") <= 103


def test_bytes_of_a_path_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/" + "ü" * 40)
    assert folder_for_sockets() == "/tmp"


def test_without_a_folder_to_write_to_it_stays_as_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/" + "x" * 150)
    monkeypatch.setattr(sockets, "_SHORT", ("/nowhere",))
    assert folder_for_sockets() == tempfile.tempdir


@pytest.mark.skipif(not hasattr(socket, "SOCK_SEQPACKET"), reason="a system without such sockets")
def test_processes_of_a_machine_meet_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a place they would agree in every update by a way that takes a millisecond."""
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with Meeting(0, 2, timedelta(seconds=1)) as meeting:
        assert meeting.place() is not None
    assert list(folder.iterdir()) == []
