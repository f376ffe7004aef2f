"""AdamW and StableAdamW of torch-optimi: steps in low precision that lose nothing, by Kahan summation."""

from __future__ import annotations

from trainspec.training.optimizers.entry import ClassAndKwargs, Request, load


def stable_adamw(request: Request) -> ClassAndKwargs:
    return load("optimi:StableAdamW"), {**request.adam, **request.own()}


def adamw_anyprecision(request: Request) -> ClassAndKwargs:
    own = request.own("use_kahan_summation")
    spelled_otherwise = request.arguments.use_kahan_summation
    if "kahan_sum" not in own and spelled_otherwise is not None:
        own["kahan_sum"] = spelled_otherwise
    return load("optimi:AdamW"), {**request.adam, **own}
