"""PAR: several processes: DDP and FSDP. (PAR111 to PAR115 are in mesh.py.)"""

from __future__ import annotations

from itertools import combinations

from trainspec.settings.rules.conditions import Predicate
from trainspec.settings.rules.effect import without_effect
from trainspec.settings.rules.predicates import (
    above,
    all_of,
    any_of,
    equals,
    given,
    is_null,
    is_set,
    matches,
    negate,
    off,
    on,
    one_of,
    option,
    said,
)
from trainspec.settings.rules.rule import Rule
from trainspec.settings.values.choices import FSDPOption

_STRATEGIES = (
    FSDPOption.FULL_SHARD,
    FSDPOption.SHARD_GRAD_OP,
    FSDPOption.HYBRID_SHARD,
    FSDPOption.HYBRID_SHARD_ZERO2,
    FSDPOption.NO_SHARD,
)


def _fsdp(*options: FSDPOption) -> Predicate:
    """fsdp has one of these options; true stands for full_shard."""
    parts: list[Predicate] = [option("fsdp", name) for name in options]
    return any_of(on("fsdp"), *parts) if FSDPOption.FULL_SHARD in options else any_of(*parts)


# What stands in a file that is not here says what it says.
_DETAILS_ELSEWHERE = matches("fsdp_config", r"\S[\s\S]*", "a file")
_DETAILS_SHARD = any_of(is_set("fsdp_config.sharding_strategy"), is_set("fsdp_config.reshard_after_forward"))
_DETAILS_WRAP = one_of(
    "fsdp_config.auto_wrap_policy",
    *("TRANSFORMER_BASED_WRAP", "SIZE_BASED_WRAP", "transformer_based_wrap", "size_based_wrap"),
)
_XLA = any_of(*(on(f"fsdp_config.{name}") for name in ("xla", "xla_fsdp_v2", "xla_fsdp_grad_ckpt")))
_HYBRID = _fsdp(FSDPOption.HYBRID_SHARD, FSDPOption.HYBRID_SHARD_ZERO2)
_SHARDING = _fsdp(*_STRATEGIES[:4])
_MESH_SHARDS = above("parallelism_config.dp_shard_size", 1)
_OTHER_WRAPPER = any_of(given("fsdp"), given("deepspeed"), _MESH_SHARDS)


def _without_ddp(code: str, name: str, field: str, *, when_off: bool = False) -> Rule:
    return without_effect(
        code,
        name,
        field,
        _OTHER_WRAPPER,
        when_off=when_off,
        cause="under fsdp, deepspeed or a sharding mesh",
        because="the model is then not wrapped in DistributedDataParallel, to which it belongs",
        fix=f"leave {field} out",
    )


_FSDP: tuple[Rule, ...] = (
    Rule(
        code="PAR101",
        name="fsdp-without-strategy",
        message="fsdp needs a sharding strategy beside offload and auto_wrap",
        reason="offload and auto_wrap only say how sharding is done, not that anything is sharded",
        fix="set fsdp: [full_shard, offload], or another strategy",
        when=all_of(given("fsdp"), negate(_fsdp(*_STRATEGIES)), negate(_DETAILS_SHARD), negate(_DETAILS_ELSEWHERE)),
    ),
    Rule(
        code="PAR102",
        name="two-sharding-strategies",
        message="fsdp has two sharding strategies",
        reason="each says what is sharded among which ranks, and a model is sharded in one way",
        fix="keep one of full_shard, shard_grad_op, hybrid_shard, hybrid_shard_zero2 and no_shard",
        when=all_of(
            given("fsdp"),
            any_of(*(all_of(option("fsdp", one), option("fsdp", two)) for one, two in combinations(_STRATEGIES, 2))),
        ),
    ),
    Rule(
        code="PAR103",
        name="two-wrapping-policies",
        message="min_num_params and transformer_layer_cls_to_wrap of fsdp_config exclude each other",
        reason="modules are wrapped either by their size or by their class",
        fix="keep one of them",
        # A policy that is named says which of the two counts.
        when=all_of(
            above("fsdp_config.min_num_params", 0),
            given("fsdp_config.transformer_layer_cls_to_wrap"),
            is_null("fsdp_config.auto_wrap_policy"),
        ),
    ),
    Rule(
        code="PAR104",
        name="loading-without-broadcast",
        message="cpu_ram_efficient_loading of fsdp_config needs sync_module_states",
        reason="only rank 0 loads the weights, so the other ranks would train random ones",
        fix="set sync_module_states: true, or drop cpu_ram_efficient_loading",
        when=all_of(on("fsdp_config.cpu_ram_efficient_loading"), off("fsdp_config.sync_module_states")),
    ),
    Rule(
        code="PAR105",
        name="fsdp-with-deepspeed",
        message="fsdp and deepspeed exclude each other",
        reason="each shards the model in its own way",
        fix="keep one of them",
        when=all_of(given("fsdp"), given("deepspeed")),
    ),
    Rule(
        code="PAR106",
        name="recomputed-twice",
        message="activation_checkpointing of fsdp_config and gradient_checkpointing exclude each other",
        reason="the layers would be recomputed twice",
        fix="keep activation_checkpointing, which belongs to fsdp",
        when=all_of(on("gradient_checkpointing"), given("fsdp"), on("fsdp_config.activation_checkpointing")),
    ),
    Rule(
        code="PAR107",
        name="local-state-under-fsdp2",
        message="state_dict_type LOCAL_STATE_DICT needs version 1 of fsdp_config",
        reason="the second generation of FSDP has whole and sharded state only",
        fix="set state_dict_type: SHARDED_STATE_DICT",
        when=all_of(
            one_of("fsdp_config.state_dict_type", "LOCAL_STATE_DICT", "local_state_dict"),
            equals("fsdp_config.version", 2),
        ),
    ),
)

_EFFECTS: tuple[Rule, ...] = (
    without_effect(
        "PAR301",
        "fsdp-details-without-fsdp",
        "fsdp_config",
        all_of(negate(given("fsdp")), negate(_MESH_SHARDS)),
        cause="without fsdp",
        because="nothing is sharded",
        fix="set fsdp: full_shard, or leave fsdp_config out",
    ),
    _without_ddp("PAR302", "unused-parameters-without-ddp", "ddp_find_unused_parameters"),
    _without_ddp("PAR303", "bucket-without-ddp", "ddp_bucket_cap_mb"),
    _without_ddp("PAR304", "buffers-without-ddp", "ddp_broadcast_buffers", when_off=True),
    _without_ddp("PAR306", "static-graph-without-ddp", "ddp_static_graph"),
    without_effect(
        "PAR305",
        "wrapping-policy-without-auto-wrap",
        "fsdp_config",
        all_of(
            given("fsdp"),
            negate(on("fsdp")),
            negate(option("fsdp", FSDPOption.AUTO_WRAP)),
            negate(_DETAILS_WRAP),
            any_of(above("fsdp_config.min_num_params", 0), given("fsdp_config.transformer_layer_cls_to_wrap")),
        ),
        cause="as to what is wrapped, unless fsdp has auto_wrap",
        because="min_num_params and transformer_layer_cls_to_wrap say what auto_wrap wraps",
        fix="add auto_wrap to fsdp",
    ),
)

_ADVICE: tuple[Rule, ...] = (
    Rule(
        code="PAR307",
        name="two-ways-to-shard",
        message="sharding_strategy and reshard_after_forward of fsdp_config have no effect beside a strategy in fsdp",
        reason="fsdp names how the model is sharded, and what it names holds",
        fix="say it once: drop the strategy from fsdp, or the key from fsdp_config",
        when=all_of(any_of(*(option("fsdp", name) for name in _STRATEGIES)), _DETAILS_SHARD),
        severity="warning",
    ),
    Rule(
        code="PAR405",
        name="fsdp-of-xla",
        message="xla keys of fsdp_config are known, and are not done here",
        reason="they are the FSDP of torch_xla, for TPUs, which trainspec does not drive",
        fix="drop them to shard with torch's own FSDP",
        when=_XLA,
        severity="warning",
    ),
    Rule(
        code="PAR401",
        name="recomputation-under-full-shard",
        message="gradient_checkpointing under fsdp full_shard gathers the parameters once more than needed",
        reason="activation_checkpointing of fsdp_config recomputes inside the wrapped layers instead",
        fix="set fsdp_config: {activation_checkpointing: true} in place of gradient_checkpointing",
        when=all_of(
            on("gradient_checkpointing"),
            _fsdp(FSDPOption.FULL_SHARD, FSDPOption.HYBRID_SHARD),
            negate(on("fsdp_config.activation_checkpointing")),
        ),
        severity="warning",
    ),
    Rule(
        code="PAR402",
        name="unused-parameters-with-reentrant",
        message="ddp_find_unused_parameters breaks recomputation with use_reentrant across processes",
        reason="a recomputed parameter would be reported ready twice",
        fix="set use_reentrant: false in gradient_checkpointing_kwargs, or drop ddp_find_unused_parameters",
        when=all_of(
            said("ddp_find_unused_parameters"),
            on("gradient_checkpointing"),
            on("gradient_checkpointing_kwargs.use_reentrant"),
        ),
        severity="warning",
    ),
    Rule(
        code="PAR403",
        name="static-graph-with-accumulation",
        message="ddp_static_graph breaks gradient_accumulation_steps above 1 across processes",
        reason="torch counts gradients that micro-batches do not exchange yet, and stops with an internal error",
        fix="set gradient_accumulation_steps: 1 and a larger batch, or drop ddp_static_graph",
        when=all_of(on("ddp_static_graph"), above("gradient_accumulation_steps", 1)),
        severity="warning",
    ),
    Rule(
        code="PAR404",
        name="static-graph-with-reentrant",
        message="ddp_static_graph breaks recomputation with use_reentrant across processes",
        reason="the older recomputation runs a part of the graph that torch has not seen",
        fix="set use_reentrant: false in gradient_checkpointing_kwargs, or drop ddp_static_graph",
        when=all_of(
            on("ddp_static_graph"),
            on("gradient_checkpointing"),
            on("gradient_checkpointing_kwargs.use_reentrant"),
        ),
        severity="warning",
    ),
)

RULES: tuple[Rule, ...] = (*_FSDP, *_EFFECTS, *_ADVICE)
