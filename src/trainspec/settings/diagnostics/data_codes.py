"""The codes of data that several processes share."""

from __future__ import annotations

from trainspec.settings.diagnostics.codes import Explanation

DATA_CODES: dict[str, Explanation] = {
    "RUN291": Explanation(
        "order-seeded-anyway",
        "use_seedable_sampler false, where the order of the rows is always a function of seed and epoch",
        "a run that is resumed, also by another number of processes, goes on in the order that it had",
        "leave use_seedable_sampler out",
    ),
    "RUN292": Explanation(
        "accumulation-as-ever",
        "a detail of gradient accumulation that is not what this trainer does",
        "the update is that of the big batch, and the schedule and the end of the epoch follow updates",
        "leave the detail out",
    ),
    "RUN293": Explanation(
        "no-configured-state",
        "use_configured_state where the script has joined no processes",
        "it says that the processes are joined already, in a way of the script's own",
        "call torch.distributed.init_process_group before the Trainer is made, or drop use_configured_state",
    ),
}
