"""What pushing needs before a run starts: the client library, an account, and a way out."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from trainspec.training.findings.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine


def find_hub_needs(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    """Nothing is asked of the hub itself: whether it takes the token shows when the repository is made."""
    if not args.push_to_hub:
        return
    if find_spec("huggingface_hub") is None:
        yield found(
            args,
            "RUN180",
            "pushing to the hub needs the package huggingface_hub, which is not installed",
            "push_to_hub",
            remedy="pip install huggingface_hub, or set push_to_hub: false",
        )
        return
    from huggingface_hub import constants, get_token

    if args.hub_token is None and get_token() is None:
        yield found(
            args,
            "RUN181",
            "there is no token to push to the hub with: none in hub_token, in the variable HF_TOKEN, or from a login",
            "push_to_hub",
            remedy="set TRAINSPEC_HUB_TOKEN or HF_TOKEN, or log in once with: hf auth login",
        )
    if constants.HF_HUB_OFFLINE:
        yield found(
            args,
            "RUN182",
            "HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) keeps the hub's client from the network",
            "push_to_hub",
            remedy="take that variable away, or set push_to_hub: false",
        )
