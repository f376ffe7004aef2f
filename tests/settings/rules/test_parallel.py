"""PAR: DDP and FSDP: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border(
        "PAR307",
        "two ways",
        {"fsdp": "full_shard", "fsdp_config": {"sharding_strategy": 2}},
        {"fsdp": True, "fsdp_config": {"sharding_strategy": 2}},
    ),
    Border(
        "PAR405",
        "xla",
        {"fsdp": "full_shard", "fsdp_config": {"xla": "true"}},
        {"fsdp": "full_shard", "fsdp_config": {"xla": "false"}},
    ),
    Border(
        "PAR101",
        "the details say it",
        {"fsdp": "offload", "fsdp_config": {"cpu_offload": True}},
        {"fsdp": "offload", "fsdp_config": {"fsdp_sharding_strategy": "FULL_SHARD"}},
    ),
    Border(
        "PAR103",
        "the policy chooses",
        {"fsdp": "full_shard auto_wrap", "fsdp_config": {"min_num_params": 9, "transformer_layer_cls_to_wrap": "A"}},
        {
            "fsdp": "full_shard auto_wrap",
            "fsdp_config": {
                "min_num_params": 9,
                "transformer_layer_cls_to_wrap": "A",
                "auto_wrap_policy": "SIZE_BASED_WRAP",
            },
        },
    ),
    Border(
        "PAR107",
        "in small letters",
        {"fsdp": "full_shard", "fsdp_config": {"state_dict_type": "local_state_dict"}},
        {"fsdp": "full_shard", "fsdp_config": {"state_dict_type": "sharded_state_dict"}},
    ),
    Border(
        "PAR306",
        "sharded",
        {"ddp_static_graph": True, "fsdp": "full_shard"},
        {"ddp_static_graph": True},
    ),
    Border(
        "PAR403",
        "two",
        {"ddp_static_graph": True, "gradient_accumulation_steps": 2},
        {"ddp_static_graph": False, "gradient_accumulation_steps": 2},
    ),
    Border(
        "PAR404",
        "reentrant",
        {
            "ddp_static_graph": True,
            "gradient_checkpointing": True,
            "gradient_checkpointing_kwargs": {"use_reentrant": True},
        },
        {
            "ddp_static_graph": True,
            "gradient_checkpointing": True,
            "gradient_checkpointing_kwargs": {"use_reentrant": False},
        },
    ),
    Border("PAR101", "offload alone", {"fsdp": "offload"}, {"fsdp": "full_shard offload"}),
    Border(
        "PAR101",
        "offload with auto_wrap",
        {"fsdp": ["offload", "auto_wrap"]},
        {"fsdp": ["offload", "auto_wrap", "shard_grad_op"]},
    ),
    Border("PAR101", "true is full_shard", {"fsdp": "auto_wrap"}, {"fsdp": True}),
    Border("PAR102", "two", {"fsdp": "full_shard shard_grad_op"}, {"fsdp": "shard_grad_op"}),
    Border("PAR102", "hybrid", {"fsdp": ["hybrid_shard", "no_shard"]}, {"fsdp": ["hybrid_shard"]}),
    Border(
        "PAR103",
        "both",
        {
            "fsdp": "full_shard auto_wrap",
            "fsdp_config": {"min_num_params": 1, "transformer_layer_cls_to_wrap": "Block"},
        },
        {
            "fsdp": "full_shard auto_wrap",
            "fsdp_config": {"min_num_params": 0, "transformer_layer_cls_to_wrap": "Block"},
        },
    ),
    Border(
        "PAR103",
        "old prefix",
        {
            "fsdp": "full_shard auto_wrap",
            "fsdp_config": {"fsdp_min_num_params": 1, "fsdp_transformer_layer_cls_to_wrap": ["Block"]},
        },
        {"fsdp": "full_shard auto_wrap", "fsdp_config": {"fsdp_min_num_params": 1}},
    ),
    Border(
        "PAR104",
        "no broadcast",
        {"fsdp": "full_shard", "fsdp_config": {"cpu_ram_efficient_loading": True, "sync_module_states": False}},
        {"fsdp": "full_shard", "fsdp_config": {"cpu_ram_efficient_loading": True}},
    ),
    Border(
        "PAR105",
        "both",
        {"fsdp": True, "deepspeed": {"zero_optimization": {"stage": 3}}},
        {"fsdp": False, "deepspeed": {"zero_optimization": {"stage": 3}}},
    ),
    Border(
        "PAR106",
        "both",
        {"fsdp": "full_shard", "gradient_checkpointing": True, "fsdp_config": {"activation_checkpointing": True}},
        {"fsdp": "full_shard", "fsdp_config": {"activation_checkpointing": True}},
    ),
    Border(
        "PAR107",
        "second generation",
        {"fsdp": "full_shard", "fsdp_config": {"state_dict_type": "LOCAL_STATE_DICT"}},
        {"fsdp": "full_shard", "fsdp_config": {"state_dict_type": "LOCAL_STATE_DICT", "version": 1}},
    ),
    Border(
        "PAR301",
        "no fsdp",
        {"fsdp_config": {"forward_prefetch": True}},
        {"fsdp": "full_shard", "fsdp_config": {"forward_prefetch": True}},
    ),
    Border(
        "PAR301",
        "mesh shards",
        {"fsdp_config": {"forward_prefetch": True}, "parallelism_config": {"dp_replicate_size": 2}},
        {"fsdp_config": {"forward_prefetch": True}, "parallelism_config": {"dp_shard_size": 2}},
    ),
    Border(
        "PAR302",
        "fsdp",
        {"ddp_find_unused_parameters": True, "fsdp": "full_shard"},
        {"ddp_find_unused_parameters": True},
    ),
    Border(
        "PAR303", "deepspeed", {"ddp_bucket_cap_mb": 5, "deepspeed": {"steps_per_print": 1}}, {"ddp_bucket_cap_mb": 5}
    ),
    Border(
        "PAR304",
        "mesh, false",
        {"ddp_broadcast_buffers": False, "parallelism_config": {"dp_shard_size": 2}},
        {"ddp_broadcast_buffers": False, "parallelism_config": {"dp_replicate_size": 2}},
    ),
    Border(
        "PAR305",
        "not wrapped",
        {"fsdp": "full_shard", "fsdp_config": {"min_num_params": 10}},
        {"fsdp": "full_shard auto_wrap", "fsdp_config": {"min_num_params": 10}},
    ),
    Border(
        "PAR401",
        "full_shard",
        {"gradient_checkpointing": True, "fsdp": True},
        {"gradient_checkpointing": True, "fsdp": "shard_grad_op"},
    ),
    Border(
        "PAR402",
        "reentrant",
        {
            "ddp_find_unused_parameters": True,
            "gradient_checkpointing": True,
            "gradient_checkpointing_kwargs": {"use_reentrant": True},
        },
        {"ddp_find_unused_parameters": True, "gradient_checkpointing": True},
    ),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
