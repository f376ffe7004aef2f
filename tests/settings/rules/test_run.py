"""RUN: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border(
        "RUN201",
        "both",
        {"resume_from_checkpoint": True, "overwrite_output_dir": True},
        {"resume_from_checkpoint": True},
    ),
    Border(
        "RUN201",
        "path",
        {"resume_from_checkpoint": "c", "overwrite_output_dir": True},
        {"resume_from_checkpoint": False, "overwrite_output_dir": True},
    ),
    Border("RUN301", "one update", {"num_train_epochs": 2, "max_steps": 1}, {"num_train_epochs": 2, "max_steps": 0}),
    Border("RUN301", "not said", {"num_train_epochs": 3.0, "max_steps": 1}, {"max_steps": 1}),
    Border(
        "RUN302",
        "no resume",
        {"ignore_data_skip": True},
        {"ignore_data_skip": True, "resume_from_checkpoint": "latest"},
    ),
    Border(
        "RUN302", "resume off", {"ignore_data_skip": True, "resume_from_checkpoint": False}, {"ignore_data_skip": False}
    ),
    Border(
        "RUN303",
        "no resume",
        {"restore_callback_states_from_checkpoint": True},
        {"restore_callback_states_from_checkpoint": True, "resume_from_checkpoint": True},
    ),
    Border("RUN401", "zero", {"max_steps": 0}, {"max_steps": -1}),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
