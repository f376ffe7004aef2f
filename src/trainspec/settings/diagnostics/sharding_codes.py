"""The codes of preflight about models that several processes share out by FSDP."""

from __future__ import annotations

from trainspec.settings.diagnostics.codes import Explanation

SHARDING_CODES: dict[str, Explanation] = {
    "RUN260": Explanation(
        "optimizer-not-for-shards",
        "fsdp with a given optimizer that needs whole parameters",
        "each process has a part of every parameter, and its update would be another one than that of the whole",
        "use one that updates every element by itself, such as adamw_torch or sgd, or leave fsdp out",
    ),
    "RUN261": Explanation(
        "nothing-to-wrap",
        "auto_wrap in fsdp, or activation_checkpointing in fsdp_config, for layers that the model does not have",
        "the whole model would be gathered at once, and nothing saved",
        "name the classes of its layers in transformer_layer_cls_to_wrap, or set min_num_params",
    ),
    "RUN263": Explanation(
        "without-counterpart",
        "a switch of torch's first FSDP that fully_shard does not have",
        "nothing would change",
        "leave it out",
    ),
    "RUN264": Explanation(
        "weights-nowhere",
        "a model on the meta device, for which no process has weights to give",
        "it has shapes and no numbers",
        "set cpu_ram_efficient_loading, and let the main process have the weights or be able to draw them",
    ),
    "RUN265": Explanation(
        "half-weights-of-shards",
        "fp16_opt_level O2 or O3 with fsdp",
        "both would put other weights in the place of the model's",
        "use O1",
    ),
    "RUN266": Explanation(
        "parameters-kept-whole",
        "parameters that fsdp cannot share: without a dimension, or in another dtype than the rest of their unit",
        "torch cuts along the first dimension, and reduces one number format at a time",
        "nothing has to be done: their gradients are added up all the same",
    ),
    "RUN267": Explanation(
        "sharding-in-one-process",
        "fsdp in a run of one process",
        "there is nothing to share",
        "start several processes, or leave fsdp out",
    ),
    "RUN269": Explanation(
        "no-retries-of-shards",
        "auto_find_batch_size with fsdp",
        "every pass gathers parts of all processes, so that none of them can break off alone and try again",
        "set a per_device_train_batch_size that fits, or leave fsdp out",
    ),
    "RUN268": Explanation(
        "offload-to-where-it-is",
        "offload in fsdp for a model that trains on the CPU",
        "there is no other memory to free",
        "leave offload out",
    ),
}
