"""DAT: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border(
        "DAT101",
        "none",
        {"dataloader_prefetch_factor": 2},
        {"dataloader_prefetch_factor": 2, "dataloader_num_workers": 1},
    ),
    Border(
        "DAT102",
        "none",
        {"dataloader_persistent_workers": True},
        {"dataloader_persistent_workers": True, "dataloader_num_workers": 1},
    ),
    Border("DAT301", "no grouping", {"length_column_name": "n"}, {"length_column_name": "n", "group_by_length": True}),
    Border(
        "DAT302",
        "cpu",
        {"dataloader_pin_memory": True, "use_cpu": True},
        {"dataloader_pin_memory": False, "use_cpu": True},
    ),
    Border("DAT303", "nothing evaluates", {"label_names": ["y"]}, {"label_names": ["y"], "do_eval": True}),
    Border(
        "DAT401",
        "not pinned",
        {"dataloader_pin_memory": False, "accelerator_config": {"non_blocking": True}},
        {"accelerator_config": {"non_blocking": True}},
    ),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
