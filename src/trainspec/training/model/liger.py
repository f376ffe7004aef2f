"""Liger's kernels in a model that they know."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from trainspec.training.findings.found import found
from trainspec.training.model.inside import unwrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine


def apply_liger(model: nn.Module, args: TrainingArguments) -> None:
    """Exchange parts of the model for Liger's kernels, for good, if use_liger_kernel is on.

    Kernels that liger_kernel_config does not name are as Liger chooses for the kind of model. A model that was compiled
    or wrapped by PEFT is reached inside its wrapper. Where the package is missing, or knows no such model, nothing
    happens: preflight refuses the run.
    """
    if args.use_liger_kernel and model_type(model) in known_types():
        chosen = {name: on for name, on in (args.liger_kernel_config or {}).items() if on is not None}
        import_module("liger_kernel.transformers")._apply_liger_kernel_to_instance(model=_base(model), **chosen)


def known_types() -> tuple[str, ...]:
    """The kinds of models that the installed Liger has kernels for; none where it is not installed."""
    if find_spec("liger_kernel") is None:
        return ()
    return tuple(import_module("liger_kernel.transformers.monkey_patch").MODEL_TYPE_TO_APPLY_LIGER_FN)


def find_no_liger(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if not args.use_liger_kernel:
        return
    if find_spec("liger_kernel") is None:
        yield found(
            args,
            "RUN166",
            "Liger's kernels are not installed",
            "use_liger_kernel",
            remedy="pip install liger-kernel, or leave use_liger_kernel out",
        )
        return
    kind, known = model_type(job.model), known_types()
    if kind not in known:
        name = type(_base(job.model)).__name__
        yield found(
            args,
            "RUN167",
            f"Liger has no kernels for {name}" + (f" (model type {kind!r})" if kind else ""),
            "use_liger_kernel",
            remedy=f"leave use_liger_kernel out; it knows {', '.join(sorted(known))}",
        )


def model_type(model: nn.Module) -> str | None:
    """What kind of model its configuration says it is; None for one that is not transformers'."""
    kind = getattr(getattr(_base(model), "config", None), "model_type", None)
    return kind if isinstance(kind, str) else None


def _base(model: nn.Module) -> Any:
    module: Any = unwrap(model)
    inner = getattr(module, "get_base_model", None)
    return inner() if callable(inner) else module
