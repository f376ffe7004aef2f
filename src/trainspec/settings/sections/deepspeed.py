"""`deepspeed`: the DeepSpeed configuration, as DeepSpeed 0.19 reads it.

`auto` takes the value of a setting of ours (or, for sizes, of the model), as it does in transformers.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from trainspec.settings.sections.deepspeed_tools import (
    ActivationCheckpointing,
    Aio,
    Autotuning,
    Checkpoint,
    CometMonitor,
    CommsLogger,
    Compile,
    DataTypes,
    FileMonitor,
    FlopsProfiler,
    Timers,
    WandbMonitor,
)
from trainspec.settings.sections.deepspeed_zero import Auto, ZeroOptimization
from trainspec.settings.sections.keys import key
from trainspec.settings.sections.section import Section
from trainspec.settings.values.types import BelowOne, Flag, Name, NonNegative, NonNegativeNumber, Number, Positive

Dtype = Literal["fp32", "fp16", "bf16"]
Removed = dict[str, Any] | Flag | None
Betas = Annotated[list[BelowOne], Field(min_length=2, max_length=2)]


class Fp16(Section):
    enabled: Flag | Auto = key(False, "Train in float16; auto: as fp16 says.", "auto")
    auto_cast: Flag = key(False, "Cast inputs to float16.", False)
    loss_scale: NonNegativeNumber = key(0.0, "Fixed loss scale; 0: dynamic.", 0)
    initial_scale_power: NonNegative = key(16, "The scale starts at 2 to this power.", 16)
    loss_scale_window: Positive = key(1000, "Good steps before it doubles.", 1000)
    hysteresis: Positive = key(2, "Overflows before it halves.", 2)
    consecutive_hysteresis: Flag = key(False, "Count only overflows in a row.", True)
    min_loss_scale: NonNegativeNumber = key(1.0, "Lowest scale.", 1)
    fp16_master_weights_and_grads: Flag = key(False, "Master weights in float16 too.", True)


class Bf16(Section):
    enabled: Flag | Auto = key(False, "Train in bfloat16; auto: as bf16 says.", "auto")
    immediate_grad_update: Flag = key(False, "Add gradients as they come.", True)
    check_grad_overflow: Flag = key(False, "Look for overflows.", True)
    bf16_master_weights_and_grads: Flag = key(False, "Master weights in bfloat16 too.", True)
    bf16_optimizer_states: Flag = key(False, "Optimizer state in bfloat16; needs the key above.", True)


class TorchAutocast(Section):
    enabled: Flag = key(False, "torch.autocast instead of 16-bit weights.", True)
    dtype: Literal["fp16", "bf16", "float16", "bfloat16", "torch.float16", "torch.bfloat16", "half"] | None = key(
        None, "Its type.", "bfloat16"
    )
    lower_precision_safe_modules: list[Name] | None = key(None, "Modules it covers.", ["torch.nn.Linear"])


class OptimizerParams(Section):
    lr: NonNegativeNumber | Auto | None = key(None, "Learning rate; auto: learning_rate.", "auto")
    betas: Betas | Auto | None = key(None, "Betas; auto: adam_beta1 and adam_beta2.", "auto")
    eps: NonNegativeNumber | Auto | None = key(None, "Epsilon; auto: adam_epsilon.", "auto")
    weight_decay: NonNegativeNumber | Auto | None = key(None, "Weight decay; auto: weight_decay.", "auto")
    momentum: BelowOne | Auto | None = key(None, "Momentum (SGD, Muon).", 0.9)
    bias_correction: Flag | None = key(None, "Correct the bias of the moments.", True)
    amsgrad: Flag | None = key(None, "Keep the largest second moment.", False)
    torch_adam: Flag | None = key(None, "torch's Adam rather than DeepSpeed's.", True)
    adam_w_mode: Flag | None = key(None, "Decoupled weight decay.", True)
    fp32_optimizer_states: Flag | None = key(None, "Optimizer state in float32 on the CPU.", True)
    foreach: Flag | None = key(None, "One kernel for many tensors.", True)
    freeze_step: NonNegative | None = key(None, "Warmup steps of the 1-bit optimizers.", 400)
    cuda_aware: Flag | None = key(None, "CUDA-aware MPI, for the 1-bit optimizers.", False)
    comm_backend_name: Name | None = key(None, "Backend of the 1-bit optimizers.", "nccl")
    var_freeze_step: NonNegative | None = key(None, "When 0/1 Adam freezes the variance.", 1000)
    var_update_scaler: NonNegative | None = key(None, "Interval of variance updates of 0/1 Adam.", 16)
    local_step_scaler: NonNegative | None = key(None, "Interval of local steps of 0/1 Adam.", 1000)
    local_step_clipper: NonNegative | None = key(None, "Longest such interval.", 16)
    max_coeff: Number | None = key(None, "Largest coefficient of LAMB.", 10.0)
    min_coeff: Number | None = key(None, "Smallest coefficient of LAMB.", 0.01)
    ns_method: Name | None = key(None, "Newton-Schulz method of Muon.", "gram")
    muon_lr: NonNegativeNumber | None = key(None, "Learning rate of Muon's matrices.", 0.02)
    adam_lr: NonNegativeNumber | None = key(None, "Learning rate of Muon's other parameters.", 3e-4)


class Optimizer(Section):
    type: Name | None = key(None, "Name of DeepSpeed's or torch's optimizer.", "AdamW")
    params: OptimizerParams | None = key(None, "Its arguments.", {"lr": "auto"})
    legacy_fusion: Flag = key(False, "The older fusion.", False)


class SchedulerParams(Section):
    warmup_min_lr: NonNegativeNumber | Auto | None = key(None, "Where the warmup starts; auto: 0.", "auto")
    warmup_max_lr: NonNegativeNumber | Auto | None = key(None, "Where it ends; auto: learning_rate.", "auto")
    warmup_num_steps: NonNegative | Auto | None = key(None, "Updates of the warmup; auto: ours.", "auto")
    warmup_type: Literal["log", "linear"] | None = key(None, "Shape of the warmup.", "linear")
    warmup_min_ratio: NonNegativeNumber | None = key(None, "Start of a cosine's warmup, as a share.", 0.01)
    cos_min_ratio: NonNegativeNumber | None = key(None, "End of a cosine, as a share.", 0.01)
    total_num_steps: Positive | Auto | None = key(None, "Updates in all; auto: ours.", "auto")
    lr_range_test_min_lr: NonNegativeNumber | None = key(None, "Lowest rate of the range test.", 1e-4)
    lr_range_test_step_size: Positive | None = key(None, "Updates a step of it.", 2000)
    lr_range_test_step_rate: NonNegativeNumber | None = key(None, "How fast it rises.", 5)
    lr_range_test_staircase: Flag | None = key(None, "In steps.", True)
    cycle_min_lr: NonNegativeNumber | None = key(None, "Lowest rate of a cycle.", 1e-4)
    cycle_max_lr: NonNegativeNumber | None = key(None, "Highest rate of a cycle.", 1e-3)
    decay_lr_rate: NonNegativeNumber | None = key(None, "Decay after the cycle.", 0.1)
    cycle_first_step_size: Positive | None = key(None, "Updates of its first half.", 2000)
    cycle_second_step_size: Positive | None = key(None, "Updates of its second half.", 2000)
    cycle_first_stair_count: NonNegative | None = key(None, "Stairs of the first half.", 0)
    cycle_second_stair_count: NonNegative | None = key(None, "Stairs of the second half.", 0)
    decay_step_size: NonNegative | None = key(None, "Updates a step of the decay.", 0)
    cycle_momentum: Flag | None = key(None, "Cycle the momentum too.", True)
    cycle_min_mom: NonNegativeNumber | None = key(None, "Lowest momentum.", 0.85)
    cycle_max_mom: NonNegativeNumber | None = key(None, "Highest momentum.", 0.99)
    decay_mom_rate: NonNegativeNumber | None = key(None, "Decay of the momentum.", 0.0)


class Scheduler(Section):
    type: Literal["LRRangeTest", "OneCycle", "WarmupLR", "WarmupDecayLR", "WarmupCosineLR"] | None = key(
        None, "Name of the schedule.", "WarmupDecayLR"
    )
    params: SchedulerParams | None = key(None, "Its arguments.", {"warmup_num_steps": "auto"})


class HybridEngine(Section):
    enabled: Flag = key(False, "One engine for training and generation.", True)
    max_out_tokens: Positive = key(512, "Longest generation.", 512)
    inference_tp_size: Positive = key(1, "Ranks that split a layer in generation.", 2)
    release_inference_cache: Flag = key(False, "Free its cache.", True)
    pin_parameters: Flag = key(True, "Page-locked parameters.", True)
    tp_gather_partition_size: Positive = key(8, "Layers gathered at a time.", 8)
    enable_cuda_graph: Flag = key(False, "CUDA graphs.", True)


class Pipeline(Section):
    stages: Positive | Auto = key("auto", "Stages.", 4)
    partition: Name = key("best", "How layers are dealt out.", "parameters")
    seed_layers: Flag = key(False, "A seed for every layer.", True)
    activation_checkpoint_interval: NonNegative = key(0, "Layers between checkpoints.", 1)
    pipe_partitioned: Flag = key(True, "Partition activations.", True)
    grad_partitioned: Flag = key(True, "Partition gradients.", True)
    use_reentrant: Flag | None = key(None, "The older recomputation.", False)


class DeepSpeedConfig(Section):
    @model_validator(mode="before")
    @classmethod
    def _no_whole_configuration(cls, data: Any) -> Any:
        if isinstance(data, dict) and not {"compute_environment", "distributed_type"}.isdisjoint(data):
            raise ValueError(
                "this is a whole configuration of accelerate: `trainspec migrate FILE` writes it as settings, "
                "of which its deepspeed_config is one"
            )
        return data

    train_batch_size: Positive | Auto | None = key(None, "Rows an update, over all ranks.", "auto")
    train_micro_batch_size_per_gpu: Positive | Auto | None = key(None, "auto: per_device_train_batch_size.", "auto")
    gradient_accumulation_steps: Positive | Auto | None = key(None, "auto: our setting of that name.", "auto")
    managed_gradient_accumulation: Flag | None = key(None, "DeepSpeed counts the micro-batches.", True)
    gradient_clipping: NonNegativeNumber | Auto | None = key(None, "auto: max_grad_norm.", "auto")
    steps_per_print: Positive | Auto | None = key(None, "Updates between its log lines.", 2000)
    wall_clock_breakdown: Flag | Auto = key(False, "Log the time of each phase.", True)
    memory_breakdown: Flag = key(False, "Log memory.", True)
    dump_state: Flag = key(False, "Print the state at the start.", True)
    disable_python_gc: Flag = key(False, "No garbage collection while training.", True)
    log_level: Name | None = key(None, "Level of its logger.", "warning")
    vocabulary_size: Positive | None = key(None, "Checked against tensor-core sizes.", 50304)
    seed: NonNegative | None = key(None, "Seed.", 42)
    optimizer: Optimizer | None = key(None, "An optimizer of DeepSpeed's, in place of optim.", {"type": "AdamW"})
    scheduler: Scheduler | None = key(None, "A schedule of DeepSpeed's, in place of ours.", {"type": "WarmupLR"})
    fp16: Fp16 | None = key(None, "float16.", {"enabled": "auto"})
    bf16: Bf16 | None = key(None, "bfloat16.", {"enabled": "auto"})
    torch_autocast: TorchAutocast | None = key(None, "torch.autocast.", {"enabled": True})
    zero_optimization: ZeroOptimization | None = key(None, "ZeRO.", {"stage": 2})
    zero_allow_untested_optimizer: Flag = key(False, "Optimizers that ZeRO was not tested with.", True)
    zero_force_ds_cpu_optimizer: Flag = key(True, "DeepSpeed's optimizer when offloading.", False)
    communication_data_type: Dtype | None = key(None, "Type of communicated gradients.", "fp32")
    seq_parallel_communication_data_type: Dtype | None = key(None, "The same, of sequence parallelism.", "fp32")
    prescale_gradients: Flag = key(False, "Scale before the reduction.", True)
    gradient_predivide_factor: Number = key(1.0, "Divisor before the reduction.", 1.0, gt=0)
    gradient_allreduce_op: Literal["mean", "sum"] | None = key(None, "How gradients are reduced.", "mean")
    disable_allgather: Flag = key(False, "Broadcasts instead of all-gathers.", False)
    dataloader_drop_last: Flag | None = key(None, "Drop the last incomplete batch.", True)
    use_data_before_expert_parallelism: Flag = key(False, "Order of the ranks with experts.", True)
    sequence_parallel_size: Positive | None = key(None, "Ranks that split a sequence (Ulysses).", 4)
    tensor_parallel: dict[str, Any] | None = key(None, "Automatic tensor parallelism.", {"autotp_size": 2})
    expert_parallel: dict[str, Any] | None = key(None, "Automatic expert parallelism.", {"enabled": True})
    data_efficiency: dict[str, Any] | None = key(None, "Curriculum and routing of data.", {"enabled": True})
    weight_quantization: dict[str, Any] | None = key(None, "Quantised weights.", {"enabled": True})
    datastates_ckpt: dict[str, Any] | Flag | None = key(None, "DataStates checkpoints.", {"host_cache_size": 16})
    activation_checkpointing: ActivationCheckpointing | None = key(None, "Recomputation.", {"profile": True})
    aio: Aio | None = key(None, "Asynchronous disk access.", {"block_size": 262_144})
    autotuning: Autotuning | None = key(None, "Search for fast settings.", {"enabled": True})
    checkpoint: Checkpoint | None = key(None, "Checkpoints.", {"load_universal": True})
    comms_logger: CommsLogger | None = key(None, "Log of the communication.", {"enabled": True})
    compile: Compile | None = key(None, "DeepCompile.", {"deepcompile": True})
    data_types: DataTypes | None = key(None, "Number formats.", {"grad_accum_dtype": "fp32"})
    flops_profiler: FlopsProfiler | None = key(None, "Count of operations.", {"enabled": True})
    hybrid_engine: HybridEngine | None = key(None, "Training and generation in one.", {"enabled": True})
    pipeline: Pipeline | None = key(None, "Pipeline parallelism.", {"stages": 4})
    timers: Timers | None = key(None, "Timers.", {"throughput": {"enabled": False}})
    tensorboard: FileMonitor | None = key(None, "TensorBoard.", {"enabled": True})
    csv_monitor: FileMonitor | None = key(None, "CSV files.", {"enabled": True})
    wandb: WandbMonitor | None = key(None, "Weights & Biases.", {"enabled": True})
    comet: CometMonitor | None = key(None, "Comet.", {"enabled": True})
    # Keys that DeepSpeed has removed: known, so that a rule (DSP108) can say what became of them.
    amp: Removed = key(None, "Removed from DeepSpeed.", None)
    bfloat16: Removed = key(None, "Removed from DeepSpeed.", None)
    compression_training: Removed = key(None, "Removed from DeepSpeed.", None)
    curriculum_learning: Removed = key(None, "Removed from DeepSpeed.", None)
    eigenvalue: Removed = key(None, "Removed from DeepSpeed.", None)
    elasticity: Removed = key(None, "Removed from DeepSpeed.", None)
    graph_harvesting: Removed = key(None, "Removed from DeepSpeed.", None)
    nebula: Removed = key(None, "Removed from DeepSpeed.", None)
    progressive_layer_drop: Removed = key(None, "Removed from DeepSpeed.", None)
    quantize_training: Removed = key(None, "Removed from DeepSpeed.", None)
    sparse_attention: Removed = key(None, "Removed from DeepSpeed.", None)
    sparse_gradients: Removed = key(None, "Removed from DeepSpeed.", None)
