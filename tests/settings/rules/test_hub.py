"""HUB: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border(
        "HUB101", "dot", {"push_to_hub": True, "output_dir": "."}, {"push_to_hub": True, "output_dir": "runs/digits"}
    ),
    Border(
        "HUB101",
        "three parts",
        {"push_to_hub": True, "hub_model_id": "a/b/c"},
        {"push_to_hub": True, "hub_model_id": "a/b-c.d_e"},
    ),
    Border(
        "HUB101",
        "two dots",
        {"push_to_hub": True, "hub_model_id": "a..b"},
        {"push_to_hub": True, "hub_model_id": "a.b"},
    ),
    Border(
        "HUB101",
        "too long",
        {"push_to_hub": True, "hub_model_id": "a" * 97},
        {"push_to_hub": True, "hub_model_id": "a" * 96},
    ),
    Border(
        "HUB101",
        "slashes behind",
        {"push_to_hub": True, "output_dir": "runs/.//"},
        {"push_to_hub": True, "output_dir": "runs/" + "a" * 96 + "//"},
    ),
    Border(
        "HUB101",
        "a long folder",
        {"push_to_hub": True, "output_dir": "runs/" + "a" * 97},
        {"push_to_hub": True, "output_dir": "r" * 97 + "/digits"},
    ),
    Border("HUB301", "no push", {"hub_model_id": "a/b"}, {"hub_model_id": "a/b", "push_to_hub": True}),
    Border("HUB302", "no push", {"hub_revision": "main"}, {"hub_revision": "main", "push_to_hub": True}),
    Border("HUB303", "no push, false", {"hub_private_repo": False}, {"hub_private_repo": False, "push_to_hub": True}),
    Border("HUB304", "no push", {"hub_strategy": "end"}, {"hub_strategy": "end", "push_to_hub": True}),
    Border("HUB306", "no push", {"hub_always_push": True}, {"hub_always_push": True, "push_to_hub": True}),
    Border(
        "HUB307",
        "no saves",
        {"push_to_hub": True, "hub_strategy": "checkpoint", "save_strategy": "no"},
        {"push_to_hub": True, "hub_strategy": "end", "save_strategy": "no"},
    ),
    Border(
        "HUB308",
        "end",
        {"push_to_hub": True, "hub_strategy": "end", "hub_always_push": True},
        {"push_to_hub": True, "hub_strategy": "every_save", "hub_always_push": True},
    ),
    Border(
        "HUB401",
        "checkpoint",
        {"push_to_hub": True, "hub_strategy": "checkpoint", "save_only_model": True},
        {"push_to_hub": True, "hub_strategy": "every_save", "save_only_model": True},
    ),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
