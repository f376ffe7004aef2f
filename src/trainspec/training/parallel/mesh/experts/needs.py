"""What experts shared out over processes (ep_size) need of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.training.findings.found import found
from trainspec.training.model.activation_checkpointing import repeated_blocks
from trainspec.training.model.names import bare
from trainspec.training.parallel.fsdp.units import units_of, wrapping_of
from trainspec.training.parallel.mesh.experts.lists import block_of, is_list
from trainspec.training.parallel.mesh.experts.plan import EXPERTS, OWN_PLAN, expert_plan_of, misfits_of_experts
from trainspec.training.parallel.mesh.plan import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job
    from trainspec.training.parallel.mesh.experts.plan import ExpertPlan

_FIELD = "parallelism_config"


def find_expert_needs(args: TrainingArguments, job: Job, size: int) -> Iterator[Diagnostic]:
    """`size` processes have some of the experts each."""
    model = bare(job.model)
    plan, name = expert_plan_of(model), type(model).__name__
    if plan is None:
        yield found(
            args,
            "RUN288",
            f"ep_size {size}: {name} does not say which modules are its experts",
            _FIELD,
            remedy=f'set {OWN_PLAN} on the model, such as {{"blocks.*.experts": "{EXPERTS}"}}, or leave ep_size out',
        )
        return
    if plan.unknown:
        said = ", ".join(f"{pattern}: {plan.rules[pattern]!r}" for pattern in plan.unknown)
        yield found(
            args,
            "RUN289",
            f"ep_size {size}: the plan of {name} names styles that are not done ({said})",
            _FIELD,
            remedy=f'set {OWN_PLAN} on the model, with the style "{EXPERTS}", or leave ep_size out',
        )
    if (plan.idle and not plan.of_transformers) or not (plan.modules or plan.unknown):
        yield found(
            args,
            "RUN288",
            f"ep_size {size}: the plan matches no experts in {name} with {', '.join(plan.idle) or 'no rule at all'}",
            _FIELD,
            remedy="correct the names: each is that of a module, * stands for anything between two dots",
        )
    unfit = list(misfits_of_experts(plan, model, size))
    uneven = [entry for entry in unfit if entry.kind == "width"]
    called = [entry for entry in unfit if entry.kind == "call"]
    others = [entry for entry in unfit if entry.kind not in ("width", "call")]
    if uneven:
        said = f"ep_size {size} does not divide what is shared out: {listed(uneven)}"
        yield found(args, "RUN290", said, _FIELD, remedy="choose an ep_size that divides the number of experts")
    if others:
        said = f"ep_size {size}: experts cannot be shared out: {listed(others)}"
        remedy = (
            "stack the parameters of experts, one expert behind the other in dimension 0, or have a module for each in "
            "an nn.ModuleList; or leave ep_size out"
        )
        yield found(args, "RUN289", said, _FIELD, remedy=remedy)
    if called:
        said = f"ep_size {size}: experts cannot be shared out: {listed(called)}"
        remedy = (
            "let forward take (x, weights), x of shape (tokens, width) and weights (tokens, experts), or (x, index, "
            "weights), both of these (tokens, experts chosen); or leave ep_size out"
        )
        yield found(args, "RUN289", said, _FIELD, remedy=remedy)
    yield from _apart(args, model, plan, size)


def _apart(args: TrainingArguments, model: nn.Module, plan: ExpertPlan, size: int) -> Iterator[Diagnostic]:
    """A module that goes through a list of experts reads all of its parameters when its forward begins, and nothing
    inside of it can be gathered, or computed again, alone.
    """
    modules = dict(model.named_modules())
    blocks = [f"{block_of(name, modules[name])}." for name in plan.modules if is_list(modules[name])]

    def inside(chosen: Iterable[nn.Module]) -> str:
        known = {id(module) for module in chosen}
        names = [name for name, module in modules.items() if id(module) in known and name.startswith(tuple(blocks))]
        return ", ".join(names[:4])

    gathered = inside(module for members in units_of(model, wrapping_of(args, model)) for module in members)
    if gathered:
        yield found(
            args,
            "RUN289",
            f"ep_size {size}: fsdp would gather {gathered} apart from what is around experts",
            _FIELD,
            "fsdp_config",
            remedy="wrap whole layers (transformer_layer_cls_to_wrap of fsdp_config), or leave auto_wrap out of fsdp",
        )
    recomputes = args.gradient_checkpointing and not hasattr(model, "gradient_checkpointing_enable")
    recomputed = inside(repeated_blocks(model)) if recomputes else ""
    if recomputed:
        yield found(
            args,
            "RUN289",
            f"ep_size {size}: gradient_checkpointing would recompute {recomputed} apart from what is around experts",
            _FIELD,
            "gradient_checkpointing",
            remedy="give the model a method gradient_checkpointing_enable that recomputes layers, or leave "
            "gradient_checkpointing out",
        )
