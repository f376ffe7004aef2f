"""Runs of transformers' Trainer, which collects garbage whenever it begins and ends."""

import gc

import pytest


@pytest.fixture(autouse=True, scope="session")
def what_it_imports_is_no_garbage() -> None:
    """It imports far more than a run makes."""
    pytest.importorskip("transformers.trainer")
    gc.collect()
    gc.freeze()
