"""The optimizers of bitsandbytes: state of 32 or 8 bits, on a GPU paged out to the host's memory where asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from trainspec.training.optimizers.entry import ClassAndKwargs, Recipe, Request, load

if TYPE_CHECKING:
    from torch.optim import Optimizer


def adamw(bits: int, *, paged: bool = False) -> Recipe:
    return lambda request: (
        load("bitsandbytes.optim:AdamW"),
        {**request.adam, **request.own(), "optim_bits": bits, "is_paged": paged},
    )


def lion(bits: int, *, paged: bool = False) -> Recipe:
    return lambda request: (
        load("bitsandbytes.optim:Lion"),
        {**request.rate, "betas": request.betas, **request.own(), "optim_bits": bits, "is_paged": paged},
    )


def rmsprop(bits: int) -> Recipe:
    return lambda request: (
        load("bitsandbytes.optim:RMSprop"),
        {**request.rate, **request.own(), "optim_bits": bits},
    )


def ademamix(bits: int, *, paged: bool = False) -> Recipe:
    def recipe(request: Request) -> ClassAndKwargs:
        own = request.own()
        beta1, beta2 = request.betas
        betas = (own.pop("beta1", beta1), own.pop("beta2", beta2), own.pop("beta3"))
        known: dict[str, Any] = {**request.rate, "betas": betas, "eps": request.args.adam_epsilon}
        return load("bitsandbytes.optim:AdEMAMix"), {**known, **own, "optim_bits": bits, "is_paged": paged}

    return recipe


def embeddings_in_32_bits(optimizer: Optimizer, request: Request) -> None:
    """Embeddings keep 32-bit state: their gradients are too uneven for 8 bits, and training with them is unstable.

    The library keeps such exceptions in one list for the whole process, by positions that mean other parameters in the
    next optimizer; so each optimizer gets a list of its own.
    """
    if request.model is None:
        return
    kind = load("bitsandbytes.optim:GlobalOptimManager")
    exceptions = kind.__new__(kind)
    exceptions.initialize()
    for module in request.model.modules():
        if isinstance(module, nn.Embedding):
            exceptions.pid2config[id(module.weight)] = {"optim_bits": 32}
    optimizer.mng = exceptions  # type: ignore[attr-defined]
