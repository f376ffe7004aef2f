"""`deepspeed`: the parts that watch, tune and store."""

from typing import Any, Literal

from trainspec.settings.sections.deepspeed_zero import Auto, Count
from trainspec.settings.sections.keys import key
from trainspec.settings.sections.section import Section
from trainspec.settings.values.types import Flag, MinusOneOrMore, Name, NonNegativeNumber, Positive, Text


class ActivationCheckpointing(Section):
    partition_activations: Flag = key(False, "Each rank keeps a part.", True)
    cpu_checkpointing: Flag = key(False, "Keep them in host memory.", True)
    contiguous_memory_optimization: Flag = key(False, "Keep them in one buffer.", True)
    number_checkpoints: Positive | None = key(None, "How many there are, for that buffer.", 24)
    synchronize_checkpoint_boundary: Flag = key(False, "Synchronise at each boundary.", True)
    profile: Flag = key(False, "Log their times.", True)


class Aio(Section):
    block_size: Count = key(1_048_576, "Bytes of a request.", 262_144)
    queue_depth: Positive = key(8, "Requests under way.", 32)
    intra_op_parallelism: Positive = key(1, "Threads of a request.", 1)
    thread_count: Positive = key(1, "Older name of the key above.", 1)
    single_submit: Flag = key(False, "Submit requests one by one.", False)
    overlap_events: Flag = key(True, "Submit while waiting.", True)
    use_gds: Flag = key(False, "GPUDirect Storage.", True)


class FileMonitor(Section):
    enabled: Flag = key(False, "Write these files.", True)
    output_path: Text = key("", "Folder.", "logs")
    job_name: Name = key("DeepSpeedJobName", "Name of the run's folder.", "digits")


class WandbMonitor(Section):
    enabled: Flag = key(False, "Log to Weights & Biases.", True)
    group: Name | None = key(None, "Group of runs.", "sweep-1")
    team: Name | None = key(None, "Team.", "research")
    project: Name = key("deepspeed", "Project.", "digits")


class CometMonitor(Section):
    """The key of the account comes from COMET_API_KEY: a document is no place for a secret."""

    enabled: Flag = key(False, "Log to Comet.", True)
    samples_log_interval: Positive = key(100, "Samples between entries.", 100)
    project: Name | None = key(None, "Project.", "digits")
    workspace: Name | None = key(None, "Workspace.", "research")
    experiment_name: Name | None = key(None, "Name of the experiment.", "run-7")
    experiment_key: Name | None = key(None, "Key of an existing experiment.", "run7")
    online: Flag | None = key(None, "Log online.", False)
    mode: Literal["get", "create", "get_or_create"] | None = key(None, "How the experiment is opened.", "create")


class FlopsProfiler(Section):
    enabled: Flag = key(False, "Count floating-point operations.", True)
    recompute_fwd_factor: NonNegativeNumber = key(0.0, "Share of the forward pass that is recomputed.", 1.0)
    profile_step: Positive = key(1, "The step that is profiled.", 10)
    module_depth: MinusOneOrMore = key(-1, "How deep into modules; -1: all the way.", 2)
    top_modules: Positive = key(1, "Modules shown.", 3)
    detailed: Flag = key(True, "Show every module.", True)
    output_file: Name | None = key(None, "Write it to this file.", "flops.txt")


class CommsLogger(Section):
    enabled: Flag = key(False, "Log communication.", True)
    verbose: Flag = key(False, "Log every call.", True)
    prof_all: Flag = key(True, "All operations.", True)
    prof_ops: list[Name] = key([], "Only these operations.", ["all_reduce"])
    debug: Flag = key(False, "Name the caller.", True)


class Throughput(Section):
    enabled: Flag = key(True, "Measure throughput.", True)
    synchronized: Flag = key(True, "Wait for the device before each measurement.", False)


class Timers(Section):
    throughput: Throughput | None = key(None, "Throughput.", {"enabled": False})


class CheckpointWriter(Section):
    type: Literal["mock", "python", "fast"] = key("fast", "Writer.", "fast")
    decoupled: Flag = key(False, "Write while training goes on.", True)
    io_buffer_size: Count = key(67_108_864, "Bytes of the buffer.", 67_108_864)
    io_buffer_double: Flag = key(True, "Two buffers.", True)
    show_statistics: Flag = key(False, "Log its speed.", True)
    data_parallel: Literal["replica", "socket", "machine"] | None = key(None, "Who shares the writing.", "replica")
    io_multiplier: Positive = key(1, "Writers a rank.", 1)


class ParallelWrite(Section):
    pipeline_stage: Flag = key(False, "Pipeline stages write in parallel.", True)


class Checkpoint(Section):
    tag_validation: Literal["Ignore", "Warn", "Fail", "IGNORE", "WARN", "FAIL", "ignore", "warn", "fail"] = key(
        "Warn", "What happens when ranks disagree on the tag.", "Warn"
    )
    load_universal: Flag = key(False, "Load universal checkpoints.", True)
    use_node_local_storage: Flag = key(False, "Every node has its own disk; follows save_on_each_node.", True)
    parallel_write: ParallelWrite | None = key(None, "Parallel writing.", {"pipeline_stage": True})
    checkpoint_serialization: Flag = key(True, "Serialise as torch.save does.", True)
    writer: CheckpointWriter | None = key(None, "Fast writing.", {"type": "fast"})


class DataTypes(Section):
    grad_accum_dtype: Literal["fp32", "fp16", "bf16"] | None = key(None, "Type of accumulated gradients.", "fp32")
    param_dtype: Literal["fp32", "fp16", "bf16"] | None = key(None, "Type of parameters.", "bf16")
    buffer_dtype: Literal["fp32", "fp16", "bf16"] | None = key(None, "Type of buffers.", "fp32")
    keep_in_fp32_modules: list[Name] | Auto | None = key("auto", "Modules that stay in float32.", ["router"])


class Compile(Section):
    deepcompile: Flag = key(False, "DeepCompile: compiled ZeRO.", True)
    autoep_non_moe: Flag = key(False, "Compile what is not expert under automatic expert parallelism.", True)
    free_activation: Flag = key(False, "Free activations early.", True)
    free_activation_threshold: Count = key(10_485_760, "Bytes above which they are freed.", 10_485_760)
    offload_activation: Flag = key(False, "Keep activations in host memory.", True)
    offload_activation_pin_memory: Flag = key(True, "Page-locked.", True)
    offload_opt_states: Flag = key(False, "Keep optimizer state in host memory.", True)
    offload_parameters: Flag = key(False, "Keep parameters in host memory.", True)
    double_buffer: Flag = key(True, "Two communication buffers.", True)
    symmetric_memory: Flag = key(False, "Symmetric memory.", True)
    debug_log: Flag = key(False, "Log the passes.", True)
    sync_before_reduce: Flag = key(False, "Synchronise before a reduction.", True)
    sync_after_reduce: Flag = key(False, "Synchronise after a reduction.", True)
    sync_before_allgather: Flag = key(False, "Synchronise before a gather.", True)
    sync_after_allgather: Flag = key(False, "Synchronise after a gather.", True)
    keep_int_input_tensors: Flag = key(True, "Keep integer inputs.", True)
    keep_all_input_tensors: Flag = key(False, "Keep all inputs.", True)
    passes: list[Name] | None = key(None, "Passes, in order.", ["zero3_compile"])


class Autotuning(Section):
    enabled: Flag = key(False, "Search for fast settings.", True)
    fast: Flag = key(True, "Tune only the ZeRO stage and the micro-batch.", True)
    results_dir: Name = key("autotuning_results", "Folder of the results.", "autotuning_results")
    exps_dir: Name = key("autotuning_exps", "Folder of the experiments.", "autotuning_exps")
    overwrite: Flag = key(True, "Overwrite earlier results.", True)
    start_profile_step: Positive = key(3, "First step measured.", 3)
    end_profile_step: Positive = key(5, "Last step measured.", 5)
    metric: Literal["latency", "throughput", "flops", "forward", "backward", "step"] = key(
        "throughput", "What is best.", "throughput"
    )
    metric_path: Name | None = key(None, "File with the metric.", "metrics.json")
    tuner_type: Literal["gridsearch", "random", "model_based"] = key("gridsearch", "Kind of search.", "random")
    tuner_early_stopping: Positive = key(5, "Trials without improvement that are let pass.", 5)
    tuner_num_trials: Positive = key(50, "Trials.", 50)
    arg_mappings: dict[str, Any] | None = key(None, "Flags of the script, by setting.", {"batch": "--batch"})
    model_info: dict[str, Any] | None = key(None, "Size of the model.", {"num_params": 1000000})
    model_info_path: Name | None = key(None, "File with that size.", "model_info.json")
    mp_size: Positive = key(1, "Ranks that share a model.", 1)
    max_train_batch_size: Positive | None = key(None, "Largest batch.", 512)
    min_train_batch_size: Positive = key(1, "Smallest batch.", 1)
    max_train_micro_batch_size_per_gpu: Positive = key(1024, "Largest micro-batch.", 64)
    min_train_micro_batch_size_per_gpu: Positive = key(1, "Smallest micro-batch.", 1)
    num_tuning_micro_batch_sizes: Positive = key(3, "Micro-batches tried.", 3)
