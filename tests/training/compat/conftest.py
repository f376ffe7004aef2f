"""Other libraries with ours in place of transformers' Trainer: `make test-compat`, in an environment of its own."""

from __future__ import annotations

import os

import pytest

collect_ignore_glob = [] if os.environ.get("TEST_COMPAT") else ["test_*.py"]


@pytest.fixture(autouse=True)
def without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.setenv(name, "1")
