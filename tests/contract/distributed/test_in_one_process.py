"""What settings about several processes do where a run has one."""

from typing import Any

import pytest
import torch
from tests.training.small_job import Make, weights


def test_what_is_of_several_processes_needs_no_word_in_one(
    make_trainer: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """The same file serves runs of many."""
    plain = make_trainer()
    plain.train()
    said = {"ddp_backend": "gloo", "ddp_find_unused_parameters": True, "ddp_bucket_cap_mb": 10, "ddp_timeout": 60}
    trainer = make_trainer(**said, ddp_broadcast_buffers=False, average_tokens_across_devices=False)
    trainer.train()
    assert caplog.text == ""
    assert torch.equal(weights(trainer)["layer.weight"], weights(plain)["layer.weight"])


def test_local_rank_chooses_the_device(arguments: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert arguments(use_cpu=False, local_rank=3).device == torch.device("cuda", 3)
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert arguments(use_cpu=False).device == torch.device("cuda", 2)
    assert arguments(use_cpu=True, local_rank=3).device == torch.device("cpu")
