"""torchao's AdamW with optimizer state of 8 or 4 bits."""

from __future__ import annotations

from trainspec.training.optimizers.entry import ClassAndKwargs, Request, load


def adamw_8bit(request: Request) -> ClassAndKwargs:
    return load("torchao.optim:AdamW8bit"), {**request.adam, **request.own()}


def adamw_4bit(request: Request) -> ClassAndKwargs:
    return load("torchao.optim:AdamW4bit"), {**request.adam, **request.own()}
