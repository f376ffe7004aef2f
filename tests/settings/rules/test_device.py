"""DEV: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border("DEV101", "nccl", {"use_cpu": True, "ddp_backend": "nccl"}, {"use_cpu": True, "ddp_backend": "gloo"}),
    Border("DEV301", "cpu", {"use_cpu": True, "tpu_num_cores": 8}, {"tpu_num_cores": 8}),
    Border("DEV302", "on", {"use_mps_device": True}, {"use_mps_device": False}),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
