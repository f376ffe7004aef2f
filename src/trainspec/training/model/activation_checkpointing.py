"""Less memory for more time: activations are thrown away after the forward pass and computed again for the backward.

A model that offers `gradient_checkpointing_enable` knows best what to recompute. In any other module the blocks are
those modules of one class that stand in an nn.ModuleList or nn.Sequential, at least two of them, each made of several
layers (the input of a single layer is kept in any case, so recomputing one saves nothing); of several such classes,
the one with the most parameters. Gradients, random numbers, running statistics and state dicts stay what they are.
"""

from __future__ import annotations

import inspect
import warnings
from collections import defaultdict
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from types import MethodType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.utils.checkpoint import checkpoint

from trainspec.training.findings.found import found
from trainspec.training.model.inside import unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.settings.sections.recomputation import GradientCheckpointingKwargs
    from trainspec.training.findings.facts import Job, Machine


@contextmanager
def recomputing(model: nn.Module, args: TrainingArguments) -> Iterator[None]:
    """Activations are recomputed while the block runs, if gradient_checkpointing is on."""
    if not args.gradient_checkpointing:
        yield
        return
    undo = enable(model, args.gradient_checkpointing_kwargs)
    try:
        yield
    finally:
        undo()


def enable(
    model: nn.Module, kwargs: GradientCheckpointingKwargs | Mapping[str, Any] | None = None
) -> Callable[[], None]:
    """Recompute activations from now on; returns what ends it. `kwargs` are those of torch.utils.checkpoint.

    Raises ValueError for a model in which there is nothing to recompute.
    """
    module = unwrap(model)
    options = {"use_reentrant": False, **dict((kwargs or {}).items())}
    if _has_its_own(module):
        return _enable_own(module, options)
    blocks = repeated_blocks(module)
    if not blocks:
        raise ValueError(f"{type(module).__name__}: {_LOOKED_FOR}")
    stack = ExitStack()
    for block in blocks:
        stack.callback(_recompute(block, options))
    return stack.close


def recompute(block: nn.Module, kwargs: Mapping[str, Any] | None = None) -> Callable[[], None]:
    """The activations inside of one module are recomputed from now on; returns what ends it."""
    return _recompute(block, {"use_reentrant": False, **(kwargs or {})})


_LOOKED_FOR = (
    "neither a method gradient_checkpointing_enable, nor two or more modules of one class in an nn.ModuleList or "
    "nn.Sequential, each made of several layers"
)


def find_nothing_to_recompute(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if not args.gradient_checkpointing:
        return
    module = unwrap(job.model)
    own = _has_its_own(module)
    if not own and not repeated_blocks(module):
        yield found(
            args,
            "RUN162",
            f"nothing to recompute was found in {type(module).__name__}: {_LOOKED_FOR}",
            "gradient_checkpointing",
            remedy="set gradient_checkpointing: false, or give the model a method gradient_checkpointing_enable",
        )
    if own and args.gradient_checkpointing_kwargs is not None and not _takes_arguments(module):
        yield found(
            args,
            "RUN171",
            f"{type(module).__name__}.gradient_checkpointing_enable takes no gradient_checkpointing_kwargs",
            "gradient_checkpointing_kwargs",
            remedy="leave gradient_checkpointing_kwargs out, or let the method take them",
        )


def _has_its_own(module: nn.Module) -> bool:
    return callable(getattr(module, "gradient_checkpointing_enable", None)) and getattr(
        module, "supports_gradient_checkpointing", True
    )


def _takes_arguments(module: Any) -> bool:
    taken = inspect.signature(module.gradient_checkpointing_enable).parameters
    return "gradient_checkpointing_kwargs" in taken or any(
        entry.kind is inspect.Parameter.VAR_KEYWORD for entry in taken.values()
    )


def _enable_own(module: Any, options: dict[str, Any]) -> Callable[[], None]:
    with _without_renaming_warnings():
        was_on = getattr(module, "is_gradient_checkpointing", False)
    config: Any = getattr(module, "config", None)
    cached = getattr(config, "use_cache", None)
    given = {"gradient_checkpointing_kwargs": options} if _takes_arguments(module) else {}
    # The older implementation gives no gradient to a block whose inputs need none, as under frozen embeddings.
    pull = options["use_reentrant"] and hasattr(module, "enable_input_require_grads")
    with _without_renaming_warnings():
        module.gradient_checkpointing_enable(**given)
        if pull:
            module.enable_input_require_grads()
    if cached is not None:
        config.use_cache = False

    def undo() -> None:
        with _without_renaming_warnings():
            if not was_on and hasattr(module, "gradient_checkpointing_disable"):
                module.gradient_checkpointing_disable()
            if pull and hasattr(module, "disable_input_require_grads"):
                module.disable_input_require_grads()
        if cached is not None:
            config.use_cache = cached

    return undo


@contextmanager
def _without_renaming_warnings() -> Iterator[None]:
    """transformers gives these methods other names from 5.23 on, and warns of the ones that all versions have."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def repeated_blocks(model: nn.Module) -> list[nn.Module]:
    """The blocks that are recomputed in a model without a method of its own; none: an empty list."""
    groups: dict[type[nn.Module], list[nn.Module]] = defaultdict(list)
    for module in model.modules():
        if isinstance(module, (nn.ModuleList, nn.Sequential)):
            for child in module.children():
                if any(child.children()) and not isinstance(child, (nn.ModuleList, nn.Sequential)):
                    groups[type(child)].append(child)
    several = [list(dict.fromkeys(group)) for group in groups.values()]
    chosen = max((group for group in several if len(group) > 1), key=_parameter_count, default=[])
    inside = {id(part) for block in chosen for part in block.modules() if part is not block}
    return [block for block in chosen if id(block) not in inside]


def _parameter_count(blocks: list[nn.Module]) -> int:
    return sum(parameter.numel() for parameter in nn.ModuleList(blocks).parameters())


def _recompute(block: nn.Module, options: dict[str, Any]) -> Callable[[], None]:
    before = block.__dict__.get("forward")
    run = _with_detached_inputs if options["use_reentrant"] else _with_recorded_inputs

    def forward(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        original = before if before is not None else partial(type(self).forward, self)
        if not (self.training and torch.is_grad_enabled()):
            return original(*args, **kwargs)
        return run(self, original, options, args, kwargs)

    # Bound to the block, so that a deep copy of the model (an average of weights, say) computes on its own weights.
    block.forward = MethodType(forward, block)

    def undo() -> None:
        if before is None:
            del block.forward
        else:
            block.forward = before

    return undo


def _with_recorded_inputs(
    block: nn.Module, forward: Callable[..., Any], options: dict[str, Any], args: Any, kwargs: dict[str, Any]
) -> Any:
    statistics = _running_statistics(block)
    # torch.compile takes a checkpoint only without contexts.
    contexts: dict[str, Any] = {"context_fn": lambda: (nullcontext(), _held(statistics))} if statistics else {}
    return checkpoint(partial(forward, **kwargs), *args, **options, **contexts)


def _with_detached_inputs(
    block: nn.Module, forward: Callable[..., Any], options: dict[str, Any], args: Any, kwargs: dict[str, Any]
) -> Any:
    """The older implementation: it runs the block once without gradients, later with, on detached inputs.

    It sees only inputs by position, and gives no gradient to a block none of whose inputs needs one: hence the anchor.
    """
    names = tuple(kwargs)
    given = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
    trained = any(parameter.requires_grad for parameter in block.parameters())
    if not trained and not any(value.requires_grad for value in given):
        return forward(*args, **kwargs)
    statistics = _running_statistics(block)

    def run(anchor: Tensor, *values: Any) -> Any:
        positional, named = values[: len(args)], dict(zip(names, values[len(args) :], strict=True))
        with _held(statistics) if torch.is_grad_enabled() else nullcontext():
            return forward(*positional, **named)

    anchor = torch.zeros((), requires_grad=trained)
    accepted = {"use_reentrant": True, "preserve_rng_state": options.get("preserve_rng_state", True)}
    return checkpoint(run, anchor, *args, *kwargs.values(), **accepted)


def _running_statistics(block: nn.Module) -> list[_NormBase]:
    return [module for module in block.modules() if isinstance(module, _NormBase) and module.track_running_stats]


@contextmanager
def _held(modules: list[_NormBase]) -> Iterator[None]:
    """A batch counts once in running statistics, also when it is computed twice."""
    before = [(module.momentum, module.num_batches_tracked) for module in modules]
    for module in modules:
        module.momentum = 0.0
        if module.num_batches_tracked is not None:
            module.num_batches_tracked = module.num_batches_tracked.clone()
    try:
        yield
    finally:
        for module, (momentum, count) in zip(modules, before, strict=True):
            module.momentum, module.num_batches_tracked = momentum, count
