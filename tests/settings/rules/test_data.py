"""DAT: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border(
        "DAT103",
        "two orders",
        {"group_by_length": True, "train_sampling_strategy": "sequential"},
        {"group_by_length": True, "train_sampling_strategy": "group_by_length"},
    ),
    Border(
        "DAT103",
        "random",
        {"group_by_length": True, "train_sampling_strategy": "random"},
        {"group_by_length": False, "train_sampling_strategy": "random"},
    ),
    Border(
        "DAT104",
        "two workers",
        {"dataloader_in_order": False, "full_determinism": True, "dataloader_num_workers": 2},
        {"dataloader_in_order": True, "full_determinism": True, "dataloader_num_workers": 2},
    ),
    Border(
        "DAT105",
        "uneven",
        {"uneven_inputs": "pad", "accelerator_config": {"even_batches": False}},
        {"uneven_inputs": "join", "accelerator_config": {"even_batches": False}},
    ),
    Border(
        "DAT105",
        "even",
        {"uneven_inputs": "pad", "accelerator_config": {"even_batches": False}},
        {"uneven_inputs": "pad", "accelerator_config": {"even_batches": True}},
    ),
    Border(
        "DAT301",
        "another order",
        {"length_column_name": "size", "train_sampling_strategy": "sequential"},
        {"length_column_name": "size", "train_sampling_strategy": "group_by_length"},
    ),
    Border(
        "DAT304",
        "no workers",
        {"dataloader_in_order": False},
        {"dataloader_in_order": False, "dataloader_num_workers": 1},
    ),
    Border(
        "DAT305",
        "no workers",
        {"dataloader_multiprocessing_context": "spawn"},
        {"dataloader_multiprocessing_context": "spawn", "dataloader_num_workers": 1},
    ),
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
