"""PAR111 to PAR115: the device mesh that parallelism_config describes."""

from __future__ import annotations

from trainspec.settings.rules.predicates import above, all_of, any_of, equals, given, is_set, negate, on, option
from trainspec.settings.rules.rule import Rule
from trainspec.settings.values.choices import FSDPOption

_MESH_SHARDS = above("parallelism_config.dp_shard_size", 1)
_HYBRID = any_of(option("fsdp", FSDPOption.HYBRID_SHARD), option("fsdp", FSDPOption.HYBRID_SHARD_ZERO2))
_SHARDING = any_of(on("fsdp"), option("fsdp", FSDPOption.FULL_SHARD), option("fsdp", FSDPOption.SHARD_GRAD_OP), _HYBRID)

RULES: tuple[Rule, ...] = (
    Rule(
        code="PAR111",
        name="fsdp-without-shard-dimension",
        message="fsdp shards the model, but parallelism_config has dp_shard_size 1",
        reason="the mesh leaves no ranks to shard among",
        fix="set dp_shard_size of parallelism_config above 1, or drop fsdp",
        when=all_of(is_set("parallelism_config"), _SHARDING, negate(_MESH_SHARDS)),
    ),
    Rule(
        code="PAR112",
        name="hybrid-without-replicas",
        message="fsdp hybrid_shard needs dp_replicate_size of parallelism_config above 1",
        reason="hybrid sharding is sharding within, and replicas between, groups of ranks",
        fix="set dp_replicate_size to the number of nodes, or fsdp: full_shard",
        when=all_of(is_set("parallelism_config"), _HYBRID, negate(above("parallelism_config.dp_replicate_size", 1))),
    ),
    Rule(
        code="PAR113",
        name="deepspeed-with-mesh",
        message="deepspeed cannot work with sizes of parallelism_config other than sp_size",
        reason="DeepSpeed deals out the ranks itself; of the mesh, only sp_size is its own",
        fix="drop parallelism_config, or deepspeed",
        when=all_of(
            given("deepspeed"),
            any_of(
                *(
                    above(f"parallelism_config.{size}", 1)
                    for size in ("dp_replicate_size", "dp_shard_size", "tp_size", "cp_size", "ep_size", "pp_size")
                )
            ),
        ),
    ),
    Rule(
        code="PAR114",
        name="sequence-parallel-without-deepspeed",
        message="sp_backend deepspeed of parallelism_config needs deepspeed",
        reason="it is DeepSpeed's own sequence parallelism; that of torch needs no engine",
        fix="leave sp_backend out",
        when=all_of(
            above("parallelism_config.sp_size", 1),
            equals("parallelism_config.sp_backend", "deepspeed"),
            negate(given("deepspeed")),
        ),
    ),
    Rule(
        code="PAR115",
        name="two-sequence-splits",
        message="cp_size and sp_size of parallelism_config exclude each other",
        reason="both split the sequence",
        fix="keep one of them",
        when=all_of(above("parallelism_config.cp_size", 1), above("parallelism_config.sp_size", 1)),
    ),
)
