"""OPT: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border(
        "OPT309",
        "types of the state",
        {"optim": "adamw_anyprecision", "optim_args": "momentum_dtype=bfloat16,kahan_sum=true"},
        {"optim": "adamw_anyprecision", "optim_args": "kahan_sum=true"},
    ),
    Border(
        "OPT309",
        "bits",
        {"optim": "adamw_8bit", "optim_args": {"optim_bits": 8}},
        {"optim": "adamw_8bit", "optim_args": {"min_8bit_size": 8}},
    ),
    Border(
        "OPT309",
        "offloaded",
        {"optim": "adamw_torch_8bit", "optim_args": "offload_optimizer=True"},
        {"optim": "adamw_torch_8bit", "optim_args": "block_size=128"},
    ),
    Border(
        "OPT309",
        "32 bits",
        {"optim": "lion_32bit", "optim_args": {"min_8bit_size": 8}},
        {"optim": "lion_32bit", "optim_args": {}},
    ),
    Border(
        "OPT101", "galore", {"optim": "galore_adamw"}, {"optim": "galore_adamw", "optim_target_modules": "all-linear"}
    ),
    Border(
        "OPT101",
        "apollo",
        {"optim": "apollo_adamw", "optim_target_modules": []},
        {"optim": "apollo_adamw", "optim_target_modules": ["attn"]},
    ),
    Border("OPT102", "adamw", {"optim_target_modules": "all-linear"}, {"optim_target_modules": None}),
    Border(
        "OPT102",
        "adafactor",
        {"optim": "adafactor", "optim_target_modules": ["attn"]},
        {"optim": "galore_adafactor", "optim_target_modules": ["attn"]},
    ),
    Border(
        "OPT103",
        "two",
        {"optim": "galore_adamw_layerwise", "optim_target_modules": "x", "gradient_accumulation_steps": 2},
        {"optim": "galore_adamw_layerwise", "optim_target_modules": "x", "gradient_accumulation_steps": 1},
    ),
    Border(
        "OPT308",
        "said",
        {"optim": "apollo_adamw_layerwise", "optim_target_modules": "x", "max_grad_norm": 1.0},
        {"optim": "apollo_adamw_layerwise", "optim_target_modules": "x"},
    ),
    Border(
        "OPT308",
        "zero",
        {"optim": "apollo_adamw_layerwise", "optim_target_modules": "x", "max_grad_norm": 0.1},
        {"optim": "apollo_adamw_layerwise", "optim_target_modules": "x", "max_grad_norm": 0},
    ),
    Border("OPT105", "two", {"optim": "lomo", "gradient_accumulation_steps": 2}, {"optim": "lomo"}),
    Border(
        "OPT106",
        "fsdp",
        {"optim": "galore_adamw_layerwise", "optim_target_modules": "x", "fsdp": "full_shard"},
        {"optim": "galore_adamw", "optim_target_modules": "x", "fsdp": "full_shard"},
    ),
    Border(
        "OPT107",
        "no momentum",
        {"optim": "sgd", "optim_args": {"nesterov": True}},
        {"optim": "sgd", "optim_args": {"nesterov": True, "momentum": 0.9}},
    ),
    Border(
        "OPT107",
        "text",
        {"optim": "sgd", "optim_args": "nesterov=true,momentum=0.9,dampening=0.1"},
        {"optim": "sgd", "optim_args": "nesterov=false"},
    ),
    Border(
        "OPT108",
        "both",
        {"optim_args": {"foreach": True, "fused": True}},
        {"optim_args": {"foreach": True, "fused": False}},
    ),
    Border(
        "OPT109",
        "alone",
        {"optim": "adafactor", "optim_args": {"warmup_init": True}},
        {"optim": "adafactor", "optim_args": {"warmup_init": True, "relative_step": True}},
    ),
    Border("OPT301", "sgd", {"optim": "sgd", "adam_beta1": 0.9}, {"optim": "lion_8bit", "adam_beta1": 0.9}),
    Border("OPT302", "adafactor", {"optim": "adafactor", "adam_beta2": 0.9}, {"optim": "muon", "adam_beta2": 0.9}),
    Border("OPT302", "zero says something", {"optim": "sgd", "adam_beta2": 0.0}, {"optim": "sgd"}),
    Border(
        "OPT303", "lion", {"optim": "lion_32bit", "adam_epsilon": 1e-6}, {"optim": "stable_adamw", "adam_epsilon": 1e-6}
    ),
    Border("OPT304", "lomo", {"optim": "lomo", "max_grad_norm": 1.0}, {"optim": "lomo", "max_grad_norm": 0.0}),
    Border(
        "OPT305",
        "optimizer",
        {"optim": "sgd", "deepspeed": {"optimizer": {"type": "AdamW"}}},
        {"optim": "sgd", "deepspeed": {"steps_per_print": 1}},
    ),
    Border(
        "OPT306",
        "optimizer",
        {"optim_args": {"amsgrad": True}, "deepspeed": {"optimizer": {"type": "AdamW"}}},
        {"optim_args": {"amsgrad": True}, "deepspeed": {"steps_per_print": 1}},
    ),
    Border(
        "OPT307",
        "relative",
        {"optim": "adafactor", "learning_rate": 1e-3, "optim_args": {"relative_step": True}},
        {"optim": "adafactor", "learning_rate": 1e-3, "optim_args": {"relative_step": False}},
    ),
    Border(
        "OPT401",
        "default schedule",
        {"optim": "schedule_free_sgd"},
        {"optim": "schedule_free_sgd", "lr_scheduler_type": "constant"},
    ),
    Border(
        "OPT401",
        "cosine",
        {"optim": "schedule_free_adamw", "lr_scheduler_type": "cosine"},
        {"optim": "schedule_free_adamw", "lr_scheduler_type": "constant_with_warmup"},
    ),
    Border("OPT402", "apex", {"optim": "adamw_apex_fused"}, {"optim": "adamw_torch_fused"}),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
