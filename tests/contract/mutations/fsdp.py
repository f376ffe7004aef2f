"""What takes away how models are shared out."""

from tests.contract.mutations.mutation import Mutation, without

HERE = "training/parallel/fsdp/"
SHARDING, STRATEGY, UNITS, WAYS, NEEDS = (
    f"{HERE}{name}.py" for name in ("sharding", "fully_sharded", "units", "ways", "needs")
)

MUTATIONS = (
    Mutation(
        "fsdp",
        "training/parallel/registry.py",
        "StrategyName.FSDP if args.fsdp else",
        "StrategyName.DDP if args.fsdp else",
    ),
    Mutation("fsdp", SHARDING, "reshard_after_forward=way.frees", "reshard_after_forward=True"),
    Mutation("fsdp", SHARDING, "module.set_gradient_divide_factor(1.0)", "pass"),
    Mutation("fsdp", WAYS, "return world_size // shards, shards", "return 1, world_size"),
    Mutation("fsdp", WAYS, "return world_size, 1", "return 1, world_size"),
    Mutation("fsdp", WAYS, "FSDPOption.OFFLOAD in options", "False"),
    Mutation("fsdp", "settings/targets/worlds.py", "place.world is None or place.world == 1:", "True:"),
    Mutation(
        "fsdp",
        NEEDS,
        "if machine.world_size == 1:\n        yield found",
        "if machine.world_size == 1:\n        return\n        yield found",
    ),
    Mutation(
        "fsdp_config",
        UNITS,
        "return Wrapping(min_numel=max(details.min_num_params, 1))",
        "return Wrapping(min_numel=1000)",
    ),
    Mutation("fsdp_config", UNITS, "    if said:\n", "    if False:\n"),
    Mutation("fsdp_config", SHARDING, "before.set_modules_to_forward_prefetch([after])", "pass"),
    Mutation("fsdp_config", SHARDING, 'backward in ("backward_post", "no_prefetch")', 'backward == "no_prefetch"'),
    Mutation("fsdp_config", SHARDING, 'backward in ("backward_post", "no_prefetch")', 'backward == "backward_post"'),
    Mutation("fsdp_config", STRATEGY, "handing is None and details.sync_module_states", "handing is None"),
    Mutation("fsdp_config", STRATEGY, "handing is None and details.sync_module_states", "False"),
    Mutation("fsdp_config", STRATEGY, "if details.cpu_ram_efficient_loading else None", "if False else None"),
    without("fsdp_config", SHARDING, "        _recompute(model, groups)\n"),
    Mutation("fsdp_config", NEEDS, 'state_dict_type == "FULL_STATE_DICT"', 'state_dict_type == "NONE"'),
    Mutation(
        "fsdp_config",
        NEEDS,
        '"limit_all_gathers": "limit_all_gathers" in said and not',
        '"limit_all_gathers": False and not',
    ),
    Mutation("fsdp_config", NEEDS, '"use_orig_params": not details.use_orig_params', '"use_orig_params": False'),
    Mutation("fsdp_config", NEEDS, '"version": details.version == 1', '"version": False'),
    Mutation("fsdp_config", f"{HERE}model_needs.py", "if not details_of(args).cpu_ram_efficient_loading:", "if False:"),
)
