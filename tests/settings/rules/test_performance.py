"""PRF: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    *(
        Border("PRF402", f"{name} {slip}", {name: slip}, {name: right})
        for name in ("torch_compile_backend", "torchdynamo")
        for slip, right in {
            "inducter": "inductor",
            "Inductor": "my_backend",
            "eagre": "eager",
            "aot-eager": "tvm",
        }.items()
    ),
    Border(
        "PRF309",
        "recomputed",
        {"use_cache": True, "gradient_checkpointing": True},
        {"use_cache": False, "gradient_checkpointing": True},
    ),
    Border("PRF101", "cpu", {"use_liger_kernel": True, "use_cpu": True}, {"use_liger_kernel": True}),
    Border(
        "PRF102",
        "both",
        {"use_liger_kernel": True, "liger_kernel_config": {"cross_entropy": True, "fused_linear_cross_entropy": True}},
        {"use_liger_kernel": True, "liger_kernel_config": {"cross_entropy": False, "fused_linear_cross_entropy": True}},
    ),
    Border(
        "PRF103",
        "differ",
        {"torchdynamo": "eager", "torch_compile_backend": "inductor"},
        {"torchdynamo": "eager", "torch_compile_backend": "eager"},
    ),
    Border(
        "PRF301",
        "explicitly off",
        {"torch_compile": False, "torch_compile_backend": "eager"},
        {"torch_compile_backend": "eager"},
    ),
    Border(
        "PRF302",
        "explicitly off",
        {"torch_compile": False, "torch_compile_mode": "default"},
        {"torch_compile": True, "torch_compile_mode": "default"},
    ),
    Border(
        "PRF303",
        "eager",
        {"torch_compile_backend": "aot_eager", "torch_compile_mode": "max-autotune"},
        {"torch_compile_backend": "inductor", "torch_compile_mode": "max-autotune"},
    ),
    Border(
        "PRF304",
        "off",
        {"gradient_checkpointing_kwargs": {"use_reentrant": False}},
        {"gradient_checkpointing": True, "gradient_checkpointing_kwargs": {"use_reentrant": False}},
    ),
    Border(
        "PRF305",
        "off",
        {"liger_kernel_config": {"rope": True}},
        {"use_liger_kernel": True, "liger_kernel_config": {"rope": True}},
    ),
    Border("PRF306", "cpu", {"torch_empty_cache_steps": 5, "use_cpu": True}, {"torch_empty_cache_steps": 5}),
    Border("PRF307", "nothing evaluates", {"jit_mode_eval": True}, {"jit_mode_eval": True, "do_eval": True}),
    Border("PRF308", "explicitly off", {"torch_compile": False, "torchdynamo": "eager"}, {"torchdynamo": "eager"}),
    Border("PRF401", "old name", {"torchdynamo": "eager"}, {"torch_compile_backend": "eager"}),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
