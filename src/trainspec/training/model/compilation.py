"""torch.compile around the model, and whether its backend works here."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from trainspec.training.errors import TrainingError
from trainspec.training.findings.found import found
from trainspec.training.model.inside import unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine

# These take no mode: the settings warn of one that is given.
_MODELESS = ("eager", "aot_eager", "aot_eager_decomp_partition", "cudagraphs")


def compile_model(model: nn.Module, args: TrainingArguments) -> nn.Module:
    """The module to call in place of `model`, which itself stays as it is; the two share their parameters."""
    if not args.torch_compile:
        return model
    backend = args.torch_compile_backend or "inductor"
    mode = None if args.torch_compile_mode is None or backend in _MODELESS else str(args.torch_compile_mode.value)
    inner = unwrap(model)
    if backend not in torch._dynamo.list_backends(exclude_tags=()):
        return _Uncompiled(inner, backend)
    compiled: Any = torch.compile(inner, backend=backend, mode=mode)
    return compiled  # type: ignore[no-any-return]


class _Uncompiled(nn.Module):
    """Stands for a compiled model until preflight tells of the backend together with all else that is wrong."""

    def __init__(self, model: nn.Module, backend: str) -> None:
        super().__init__()
        self._orig_mod = model
        self._backend = backend

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise TrainingError(f"torch.compile has no backend {self._backend!r} here")


def find_uncompilable(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    """A backend that torch does not know, or one that lacks what it compiles with."""
    if not args.torch_compile:
        return
    backend = args.torch_compile_backend or "inductor"
    known = torch._dynamo.list_backends(exclude_tags=())
    if backend not in known:
        near = get_close_matches(backend, known, n=1)
        offered = ", ".join(torch._dynamo.list_backends())
        yield found(
            args,
            "RUN160",
            f"torch.compile has no backend {backend!r} here",
            "torch_compile_backend",
            remedy=f"did you mean {near[0]!r}? There are {offered}" if near else f"use one of {offered}",
        )
    missing = _MISSING.get(machine.device.type, _nothing)() if backend == "inductor" else None
    if missing is not None:
        yield found(
            args,
            "RUN161",
            f"the inductor cannot compile for {machine.device.type}: {missing}",
            "torch_compile",
            "torch_compile_backend",
            remedy="install it, or set torch_compile_backend: aot_eager (which needs no compiler, and is slower)",
        )


def _nothing() -> str | None:
    return None


def _cpp_compiler() -> str | None:
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        return "no C++ compiler was found (CXX, or g++ on the path)"
    return None


def _triton() -> str | None:
    from torch.utils._triton import has_triton_package

    return None if has_triton_package() else "the package triton is not installed"


# What the inductor writes code for, and what it then needs.
_MISSING: dict[str, Callable[[], str | None]] = {"cpu": _cpp_compiler, "cuda": _triton, "xpu": _triton}
