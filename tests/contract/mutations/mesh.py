"""What the sizes of parallelism_config do."""

from tests.contract.mutations.mutation import Mutation, without

FIELD = "parallelism_config"
MESH = "training/parallel/mesh"
STRATEGY = f"{MESH}/strategy.py"
STYLES = f"{MESH}/styles.py"
NEEDS = f"{MESH}/needs.py"
EXPERTS = f"{MESH}/experts/stacked.py"

MUTATIONS = (
    Mutation(FIELD, "training/parallel/registry.py", "mesh.total_size() > 1", "False"),
    Mutation(FIELD, "training/preflight/job_needs.py", ".data_ranks", ".world_size"),
    # Layers
    Mutation(FIELD, STRATEGY, 'if sizes["tp"] > 1:', "if False:"),
    Mutation(
        FIELD,
        STYLES,
        '"rowwise": Style(*_ROWWISE, _FEATURES, _FEATURES',
        '"rowwise": Style(*_ROWWISE, _WHOLE, _FEATURES',
    ),
    Mutation(FIELD, f"{MESH}/splitting.py", "parts.get(id(value))", "None"),
    # Shares of the rows
    Mutation(FIELD, STRATEGY, "return self.dimensions.data_rank", "return self.processes.rank"),
    Mutation(FIELD, STRATEGY, "return self.dimensions.data_size", "return self.processes.world_size"),
    Mutation(FIELD, STRATEGY, "return self.dimensions.is_first_of_its_rows", "return True"),
    Mutation(FIELD, f"{MESH}/dimensions.py", "in reversed(self.sizes)", "in self.sizes"),
    Mutation(FIELD, "training/run/session.py", "parts.strategy.random_rank)", "parts.strategy.processes.rank)"),
    # Gradients
    Mutation(FIELD, STRATEGY, "if mesh is not None:", "if False:"),
    without(FIELD, STRATEGY, "        settle(parameters)\n"),
    without(FIELD, STRATEGY, "        without_kernels(optimizer)\n"),
    Mutation(FIELD, "training/parallel/fsdp/gradients.py", "for dimension in split:", "for dimension in ():"),
    # Shards
    Mutation(FIELD, STRATEGY, "if self.way.shards > 1:\n", "if False:\n"),
    # What cannot be
    Mutation(FIELD, "settings/targets/checks.py", "mesh.total_size() == place.world", "True"),
    Mutation(FIELD, NEEDS, "if config.cp_size > 1:", "if False:"),
    Mutation(FIELD, NEEDS, "if plan is None:", "if False:"),
    Mutation(FIELD, NEEDS, "if nothing or (plan.idle", "if (plan.idle"),
    Mutation(FIELD, f"{MESH}/plan.py", "if isinstance(count, int) and count % size:", "if False:"),
    *(Mutation(FIELD, NEEDS, f"if config.{size}_size > 1:", "if False:") for size in ("pp", "sp", "ep")),
    # Parts of sequences
    Mutation(FIELD, f"{MESH}/dimensions.py", '("dp_shard", "cp", "sp")', '("dp_shard", "cp")'),
    Mutation(FIELD, f"{MESH}/ulysses.py", "if function is scaled_dot_product_attention:", "if False:"),
    Mutation(FIELD, f"{MESH}/ulysses.py", "return _sent(gradient, ctx.group), None", "return gradient, None"),
    # Experts
    Mutation(FIELD, STRATEGY, 'if sizes["ep"] > 1:', "if False:"),
    without(FIELD, EXPERTS, "        dist.all_reduce(value, group=group)\n"),
    Mutation(FIELD, EXPERTS, "[_summed_backward(value, group) for value in", "[value for value in"),
)
