"""PRE: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border("PRE305", "pure half", {"fp16_opt_level": "O3"}, {}),
    Border("PRE305", "alone", {"fp16_opt_level": "O1"}, {"fp16_opt_level": "O1", "fp16": True}),
    Border("PRE101", "both", {"bf16": True, "fp16": True}, {"bf16": True, "fp16": False}),
    Border(
        "PRE102",
        "both",
        {"bf16_full_eval": True, "fp16_full_eval": True, "do_eval": True},
        {"bf16_full_eval": True, "do_eval": True},
    ),
    Border(
        "PRE103",
        "apex",
        {"bf16": True, "half_precision_backend": "apex"},
        {"fp16": True, "half_precision_backend": "apex"},
    ),
    Border("PRE305", "no half", {"fp16_opt_level": "O0"}, {"fp16_opt_level": "O0", "fp16": True}),
    Border("PRE305", "bf16", {"fp16_opt_level": "O2", "bf16": True}, {"bf16": True}),
    Border(
        "PRE105",
        "cpu",
        {"fp16": True, "half_precision_backend": "apex", "use_cpu": True},
        {"fp16": True, "half_precision_backend": "cpu_amp", "use_cpu": True},
    ),
    Border(
        "PRE301",
        "nothing to do",
        {"half_precision_backend": "cpu_amp"},
        {"half_precision_backend": "cpu_amp", "bf16": True},
    ),
    Border("PRE301", "auto asks for nothing", {"half_precision_backend": "apex"}, {"half_precision_backend": "auto"}),
    Border("PRE302", "nothing evaluates", {"bf16_full_eval": True}, {"bf16_full_eval": True, "do_eval": True}),
    Border("PRE303", "nothing evaluates", {"fp16_full_eval": True}, {"fp16_full_eval": True, "do_predict": True}),
    Border("PRE304", "cpu", {"tf32": True, "use_cpu": True}, {"tf32": False, "use_cpu": True}),
    Border(
        "PRE401",
        "bf16",
        {"bf16": True, "fp16_full_eval": True, "do_eval": True},
        {"bf16": True, "bf16_full_eval": True, "do_eval": True},
    ),
    Border(
        "PRE401",
        "fp16",
        {"fp16": True, "bf16_full_eval": True, "do_eval": True},
        {"bf16_full_eval": True, "do_eval": True},
    ),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
