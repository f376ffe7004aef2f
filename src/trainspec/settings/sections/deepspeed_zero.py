"""`deepspeed.zero_optimization`: what ZeRO partitions and where it keeps it."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator

from trainspec.settings.sections.keys import key
from trainspec.settings.sections.section import Section
from trainspec.settings.values.types import Flag, Name, NonNegative, NumberedChoice, Probability

Auto: TypeAlias = Literal["auto"]


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# DeepSpeed's own examples write 5e8 where a number of elements is meant.
Count: TypeAlias = Annotated[NonNegative, BeforeValidator(_whole)]


class OffloadParam(Section):
    device: Literal["none", "cpu", "nvme"] | Auto = key("none", "Where parameters go.", "cpu")
    nvme_path: Name | None = key(None, "Folder on a fast disk, for nvme.", "/local_nvme")
    buffer_count: Count = key(5, "Buffers for reading parameters from nvme.", 5)
    buffer_size: Count | Auto = key(100_000_000, "Elements of a buffer.", 100_000_000)
    max_in_cpu: Count = key(1_000_000_000, "Elements that stay in memory under nvme.", 1_000_000_000)
    pin_memory: Flag = key(True, "Page-locked memory: faster, and more of it.", True)


class OffloadOptimizer(Section):
    device: Literal["none", "cpu", "nvme"] | Auto = key("none", "Where the optimizer's state goes.", "cpu")
    nvme_path: Name | None = key(None, "Folder on a fast disk, for nvme.", "/local_nvme")
    buffer_count: Count = key(4, "Buffers for reading state from nvme.", 4)
    pin_memory: Flag = key(True, "Page-locked memory: faster, and more of it.", True)
    pipeline: Flag = key(False, "Read and write while computing (both of the next two).", True)
    pipeline_read: Flag = key(False, "Read the next tile while computing.", True)
    pipeline_write: Flag = key(False, "Write the last tile while computing.", True)
    fast_init: Flag = key(False, "Initialise quickly under nvme.", True)
    ratio: Probability = key(1.0, "Share of the parameters that is updated on the CPU (stage 3).", 0.4)
    super_offload: Flag = key(False, "SuperOffload, for superchips.", True)
    cpuadam_cores_perc: Probability = key(0.8, "Share of the cores for the optimizer under SuperOffload.", 0.8)


class ZenFlow(Section):
    topk_ratio: Annotated[Probability, "share"] = key(0.1, "Share of the gradients that is updated at once.", 0.1)
    select_strategy: Literal["auto", "step", "epoch"] = key("auto", "When important gradients are chosen.", "step")
    select_interval: Count | Auto = key("auto", "Steps or epochs between choices.", 1)
    update_interval: Count | Auto = key("auto", "Steps between updates of the others.", 4)
    overlap_step: Flag = key(False, "Update on the CPU while the device computes.", True)
    offload: Flag = key(False, "Keep the chosen state on the CPU.", True)
    auto_ratio: Probability = key(0.99, "Threshold of the automatic interval.", 0.99)
    full_warm_up_rounds: NonNegative = key(0, "Full updates at the start.", 10)
    pt_reserved_cores_perc: Probability = key(0.5, "Share of the cores that torch keeps.", 0.5)
    steps_per_epoch: NonNegative | None = key(None, "Filled in by DeepSpeed.", 100)


class LeafModule(Section):
    classes: list[Name] = key([], "Class names of modules that stay in one piece.", ["MixtralSparseMoeBlock"])
    names: list[Name] = key([], "Names of such modules.", ["model.layers.0.mlp"])
    name_suffixes: list[Name] = key([], "Endings of such names.", ["mlp.experts"])


class ZeroOptimization(Section):
    stage: Annotated[Literal[0, 1, 2, 3] | Auto, NumberedChoice] = key(
        0, "1: optimizer state; 2: gradients too; 3: parameters too.", 2
    )
    contiguous_gradients: Flag = key(True, "Copy gradients into one buffer.", True)
    reduce_scatter: Flag = key(True, "Reduce-scatter rather than all-reduce.", True)
    reduce_bucket_size: Count | Auto = key(500_000_000, "Elements reduced at a time.", "auto")
    use_multi_rank_bucket_allreduce: Flag = key(True, "One all-reduce for the buckets of several ranks.", True)
    allgather_partitions: Flag = key(True, "All-gather rather than broadcasts.", True)
    allgather_bucket_size: Count | Auto = key(500_000_000, "Elements gathered at a time.", 200_000_000)
    overlap_comm: Flag | Auto | None = key(None, "Reduce during the backward pass; unset: under stage 3.", True)
    compute_grad_norm: Flag = key(True, "Compute the gradient norm.", True)
    load_from_fp32_weights: Flag = key(True, "Master weights from the 32-bit copy in a checkpoint.", True)
    elastic_checkpoint: Flag = key(False, "Older elastic checkpoints.", False)
    offload_param: OffloadParam | None = key(None, "Parameters outside the device (stage 3).", {"device": "cpu"})
    offload_optimizer: OffloadOptimizer | None = key(None, "Optimizer state outside the device.", {"device": "cpu"})
    zenflow: ZenFlow | None = key(None, "ZenFlow: important gradients first.", {"topk_ratio": 0.1})
    sub_group_size: Count | Auto = key(1_000_000_000, "Parameters updated at a time (stage 3).", 1_000_000_000)
    stage3_prefetch_bucket_size: Count | Auto = key(50_000_000, "Elements gathered ahead of use.", "auto")
    stage3_param_persistence_threshold: Count | Auto = key(100_000, "Smaller parameters stay whole.", "auto")
    stage3_model_persistence_threshold: Count | Auto | None = key(None, "Most elements that stay whole.", 1_000_000)
    stage3_max_live_parameters: Count | Auto = key(1_000_000_000, "Most elements gathered at once.", 1_000_000_000)
    stage3_max_reuse_distance: Count | Auto = key(1_000_000_000, "Keep what is reused this soon.", 1_000_000_000)
    stage3_gather_16bit_weights_on_model_save: Flag | Auto = key(False, "Save whole 16-bit weights.", True)
    stage3_gather_fp16_weights_on_model_save: Flag = key(False, "Older name of the key above.", True)
    stage3_module_granularity_threshold: Count = key(0, "Finer modules are gathered in one piece.", 0)
    stage3_use_all_reduce_for_fetch_params: Flag = key(False, "Gather parameters by all-reduce.", True)
    stage3_allgather_sequential: Flag = key(False, "Gather parameters one by one, for less memory.", True)
    stage3_partition_stream_chunk_size: Count = key(0, "Partition larger parameters in pieces; 0: whole.", 0)
    ignore_unused_parameters: Flag = key(True, "Allow parameters without gradients (stage 2).", True)
    legacy_stage1: Flag = key(False, "The older stage 1.", False)
    round_robin_gradients: Flag = key(False, "Copy gradients to the CPU in turns among ranks.", True)
    parameter_alignment: Flag = key(False, "Align parameters in their buffers.", True)
    zero_hpz_partition_size: Count = key(1, "Ranks of the secondary partition (ZeRO++).", 8)
    zero_quantized_weights: Flag = key(False, "Quantised all-gather (ZeRO++).", True)
    zero_quantized_nontrainable_weights: Flag = key(False, "Quantise frozen weights.", True)
    zero_quantized_gradients: Flag = key(False, "Quantised gradient exchange (ZeRO++).", True)
    memory_efficient_linear: Flag = key(True, "Linear layers that save memory (stage 3).", True)
    pipeline_loading_checkpoint: Flag = key(False, "Load checkpoints in pipeline mode.", True)
    override_module_apply: Flag = key(True, "Make Module.apply see whole parameters.", True)
    log_trace_cache_warnings: Flag = key(False, "Log changes of the traced order.", True)
    enable_sanity_checks: Flag = key(False, "Internal checks.", True)
    save_muon_momentum_buffer_in_memory: Flag = key(False, "Muon's momentum stays in memory under nvme.", True)
    leaf_module: LeafModule | None = key(None, "Modules that stay in one piece (stage 3).", {"classes": ["MoE"]})
    cpu_offload: Flag | None = key(None, "Deprecated by DeepSpeed: use offload_optimizer.", True)
    cpu_offload_param: Flag | None = key(None, "Deprecated by DeepSpeed: use offload_param.", True)
    cpu_offload_use_pin_memory: Flag | None = key(None, "Deprecated by DeepSpeed: use pin_memory there.", True)
