"""Checkpoints that are not taken over: who wrote them, by the names of their files, and what can be made of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_WEIGHTS_ALONE = "a new run can start from the weights, where the task loads them into its model"
# The first that fits holds: universal checkpoints lie beside those that they were made of.
_KNOWN = (
    (
        re.compile(r"(.+/)?(latest_universal|zero/.+/(fp32|exp_avg|exp_avg_sq)\.pt)"),
        "DeepSpeed's ds_to_universal.py wrote it, each parameter with its state in files that only DeepSpeed puts "
        "together, and without a log and a place in the data; zero_to_fp32.py makes one file of weights of the "
        f"checkpoint that it was made of; {_WEIGHTS_ALONE}",
    ),
    (
        re.compile(r"(.+/)?((bf16_|fp16_)?zero_pp_rank_\d+_mp_rank_\d+_\w+|mp_rank_\d+_model_states)\.pt"),
        "DeepSpeed's own save_checkpoint wrote it, each process its part, and without a log and a place in the data; "
        f"zero_to_fp32.py beside it makes one file of weights; {_WEIGHTS_ALONE}",
    ),
    (
        re.compile(r"(.+/)?(random_states_\d+\.pkl|optimizer(_\d+)?\.bin|custom_checkpoint_\d+\.pkl)"),
        "Accelerate's save_state wrote it, which keeps neither the number of updates nor the log and the place in the "
        f"data; {_WEIGHTS_ALONE} (model.safetensors)",
    ),
    (
        re.compile(r"(.+/)?(\.metadata|__\d+_\d+\.distcp)"),
        "torch's distributed checkpoint wrote it, which says neither how far a run was nor where it was in the data; "
        "`python -m torch.distributed.checkpoint.format_utils dcp_to_torch` makes one file of it; " + _WEIGHTS_ALONE,
    ),
    (
        re.compile(r"(.+/)?[^/]+\.ckpt"),
        "Lightning wrote it, as one pickle that may run code when it is read; save its state_dict with safetensors "
        f"where you trust it; {_WEIGHTS_ALONE}",
    ),
)


def why_not_imported(names: Iterable[str]) -> str | None:
    """Who wrote the files of those names, and what to do; None where nobody is known to write such."""
    there = list(names)
    for pattern, told in _KNOWN:
        if any(pattern.fullmatch(name) for name in there):
            return told
    return None
