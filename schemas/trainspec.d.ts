// The settings of a training run, for TypeScript. Generated; do not edit.
// Types say what one setting may be; what several may be together, trainspec validate and the JSON Schema judge.

export type ApexOptLevel =
  /** float32. */
  | "O0"
  /** Autocast. */
  | "O1"
  /** Half model with float32 master weights. */
  | "O2"
  /** Pure half. */
  | "O3";

export type DDPBackend =
  /** NVIDIA GPUs. */
  | "nccl"
  /** CPUs. */
  | "gloo"
  /** MPI. */
  | "mpi"
  /** Intel oneCCL. */
  | "ccl"
  /** Habana and Ascend. */
  | "hccl"
  /** Cambricon. */
  | "cncl"
  /** Moore Threads. */
  | "mccl"
  /** Intel GPUs. */
  | "xccl";

export type DebugOption =
  /** Stop at the first inf or nan, and say where it arose. */
  | "underflow_overflow"
  /** Print the metrics of the TPU. */
  | "tpu_metrics_debug";

export type FSDPOption =
  /** Shard parameters, gradients and optimizer state (ZeRO-3). */
  | "full_shard"
  /** Shard gradients and optimizer state (ZeRO-2). */
  | "shard_grad_op"
  /** full_shard within a node, replicas across nodes. */
  | "hybrid_shard"
  /** shard_grad_op within a node, replicas across nodes. */
  | "hybrid_shard_zero2"
  /** Shard nothing. */
  | "no_shard"
  /** Keep parameters and gradients on the CPU between uses. */
  | "offload"
  /** Wrap layers by size or class, as fsdp_config says. */
  | "auto_wrap";

export type HalfPrecisionBackend =
  /** torch's own mixed precision. */
  | "auto"
  /** NVIDIA apex. */
  | "apex"
  /** torch's own, on the CPU. */
  | "cpu_amp";

export type HubStrategy =
  /** The model, at the end. */
  | "end"
  /** The model, with every checkpoint. */
  | "every_save"
  /** The newest checkpoint too, under last-checkpoint. */
  | "checkpoint"
  /** Every checkpoint, under its own name. */
  | "all_checkpoints";

export type IntervalStrategy =
  /** Never. */
  | "no"
  /** Every so many updates. */
  | "steps"
  /** At the end of each epoch. */
  | "epoch";

export type LogLevel =
  /** Everything. */
  | "debug"
  /** What happens, and what may go wrong. */
  | "info"
  /** What may go wrong. */
  | "warning"
  /** What went wrong. */
  | "error"
  /** What ends the run. */
  | "critical"
  /** Leave the logger as the application set it. */
  | "passive";

export type MetricInput =
  /** The model's inputs. */
  | "inputs"
  /** The loss of each row. */
  | "loss";

export type OnChangedSettings =
  /** One warning lists them, with which value holds. */
  | "warn"
  /** The run is refused before anything is written. */
  | "error"
  /** Nothing is told. */
  | "accept";

export type OptimizerNames =
  /** torch's AdamW in its fastest correct form for the device. */
  | "adamw_torch"
  /** torch's fused AdamW, demanded. */
  | "adamw_torch_fused"
  /** AdamW of torch_xla, for TPUs. */
  | "adamw_torch_xla"
  /** Fused AdamW of torch_npu. */
  | "adamw_torch_npu_fused"
  /** Superseded: adamw_torch_fused is built. */
  | "adamw_apex_fused"
  /** Adafactor: memory that grows with rows and columns, not with weights. */
  | "adafactor"
  /** AdamW in low precision with Kahan summation. */
  | "adamw_anyprecision"
  /** torchao's AdamW with 4-bit state. */
  | "adamw_torch_4bit"
  /** torchao's AdamW with 8-bit state. */
  | "adamw_torch_8bit"
  /** bitsandbytes' AdEMAMix. */
  | "ademamix"
  /** bitsandbytes' AdEMAMix with 8-bit state. */
  | "ademamix_8bit"
  /** bitsandbytes' AdEMAMix with paged state. */
  | "paged_ademamix_32bit"
  /** bitsandbytes' AdEMAMix with paged 8-bit state. */
  | "paged_ademamix_8bit"
  /** torch's stochastic gradient descent. */
  | "sgd"
  /** torch's Adagrad. */
  | "adagrad"
  /** torch's RMSprop. */
  | "rmsprop"
  /** bitsandbytes' AdamW with 8-bit state. */
  | "adamw_bnb_8bit"
  /** Another name of adamw_bnb_8bit. */
  | "adamw_8bit"
  /** bitsandbytes' AdamW with paged state. */
  | "paged_adamw_32bit"
  /** bitsandbytes' AdamW with paged 8-bit state. */
  | "paged_adamw_8bit"
  /** bitsandbytes' Lion. */
  | "lion_32bit"
  /** bitsandbytes' Lion with 8-bit state. */
  | "lion_8bit"
  /** bitsandbytes' Lion with paged state. */
  | "paged_lion_32bit"
  /** bitsandbytes' Lion with paged 8-bit state. */
  | "paged_lion_8bit"
  /** bitsandbytes' RMSprop. */
  | "rmsprop_bnb"
  /** bitsandbytes' RMSprop with 8-bit state. */
  | "rmsprop_bnb_8bit"
  /** bitsandbytes' RMSprop with 32-bit state. */
  | "rmsprop_bnb_32bit"
  /** GaLore over AdamW; needs optim_target_modules. */
  | "galore_adamw"
  /** GaLore over Adafactor; needs optim_target_modules. */
  | "galore_adafactor"
  /** GaLore over AdamW, layer by layer in the backward pass. */
  | "galore_adamw_layerwise"
  /** GaLore over Adafactor, layer by layer in the backward pass. */
  | "galore_adafactor_layerwise"
  /** GaLore over 8-bit AdamW; CUDA only. */
  | "galore_adamw_8bit"
  /** GaLore over 8-bit AdamW, layer by layer; CUDA only. */
  | "galore_adamw_8bit_layerwise"
  /** APOLLO; needs optim_target_modules. */
  | "apollo_adamw"
  /** APOLLO, layer by layer in the backward pass. */
  | "apollo_adamw_layerwise"
  /** LOMO: the update is fused into the backward pass. */
  | "lomo"
  /** AdaLOMO; CUDA only. */
  | "adalomo"
  /** GrokAdamW. */
  | "grokadamw"
  /** Schedule-free AdamW: no learning-rate schedule is needed. */
  | "schedule_free_adamw"
  /** Schedule-free SGD. */
  | "schedule_free_sgd"
  /** Schedule-free RAdam. */
  | "schedule_free_radam"
  /** StableAdamW: updates clipped by their own size. */
  | "stable_adamw"
  /** Muon for matrices, AdamW for the rest. */
  | "muon";

export type RayScope =
  /** The last result. */
  | "last"
  /** The best of all results. */
  | "all"
  /** The mean of all results. */
  | "avg"
  /** The mean of the last 5. */
  | "last-5-avg"
  /** The mean of the last 10. */
  | "last-10-avg";

export type SamplingStrategy =
  /** A new order in every epoch. */
  | "random"
  /** As the data set has them. */
  | "sequential"
  /** Rows of similar length together, to pad less. */
  | "group_by_length";

export type SaveStrategy =
  /** Never. */
  | "no"
  /** Every so many updates. */
  | "steps"
  /** At the end of each epoch. */
  | "epoch"
  /** Each time the metric improves. */
  | "best";

export type SchedulerType =
  /** Down to 0 in a straight line, after warmup. */
  | "linear"
  /** Down to 0 along half a cosine, after warmup. */
  | "cosine"
  /** Several cosines, each starting at the top again. */
  | "cosine_with_restarts"
  /** Down to an end value along a power of the time left. */
  | "polynomial"
  /** The same all the time, without warmup. */
  | "constant"
  /** The same all the time, after warmup. */
  | "constant_with_warmup"
  /** Down with the inverse square root of the step, after warmup. */
  | "inverse_sqrt"
  /** Lower when the evaluation metric stops improving. */
  | "reduce_lr_on_plateau"
  /** A cosine down to a lowest rate; needs min_lr or min_lr_rate. */
  | "cosine_with_min_lr"
  /** The same, with a choice of the rate warmup begins at. */
  | "cosine_warmup_with_min_lr"
  /** Up, flat, down; needs num_decay_steps. */
  | "warmup_stable_decay";

export type TokenCount =
  /** Every token. */
  | "all"
  /** Tokens that are not padding. */
  | "non_padding"
  /** None. */
  | "no";

export type TorchCompileMode =
  /** A balance of speed and compile time. */
  | "default"
  /** CUDA graphs, for small batches. */
  | "reduce-overhead"
  /** The fastest kernels, after a long search. */
  | "max-autotune"
  /** The same without CUDA graphs. */
  | "max-autotune-no-cudagraphs";

export type TrackerName =
  /** Every tracker that is installed. */
  | "all"
  /** No tracker. */
  | "none"
  /** metrics.jsonl in output_dir. */
  | "jsonl"
  /** loss.png in output_dir. */
  | "plot"
  /** TensorBoard event files. */
  | "tensorboard"
  /** Weights & Biases. */
  | "wandb"
  /** MLflow. */
  | "mlflow"
  /** Trackio. */
  | "trackio"
  /** Comet. */
  | "comet_ml"
  /** ClearML. */
  | "clearml"
  /** DVCLive. */
  | "dvclive"
  /** CodeCarbon: energy and emissions. */
  | "codecarbon"
  /** SwanLab. */
  | "swanlab"
  /** Neptune. */
  | "neptune"
  /** Azure ML, through MLflow. */
  | "azure_ml"
  /** Flyte decks. */
  | "flyte"
  /** DagsHub, through MLflow. */
  | "dagshub";

export type UnevenInputs =
  /** It repeats its last batch, which counts nothing. */
  | "pad"
  /** The others leave out what they have more. */
  | "drop"
  /** It repeats one row, which counts nothing: the cheapest way to keep step. */
  | "join";

export type WorkerStart =
  /** As copies of the training process. */
  | "fork"
  /** Anew: they import the script and take over the data set. */
  | "spawn"
  /** As copies of a process that holds nothing yet. */
  | "forkserver";

/** Keys of GradientCheckpointingKwargs. */
export interface GradientCheckpointingKwargs {
  /**
   * The older implementation; torch recommends false.
   * @default false
   * @example false
   */
  use_reentrant?: boolean;
  /**
   * Restore the random state for the recomputation, so that dropout agrees.
   * @default true
   * @example true
   */
  preserve_rng_state?: boolean;
  /**
   * Compare the metadata of recomputed tensors.
   * @default "default"
   * @example "none"
   */
  determinism_check?: "default" | "none";
  /**
   * Trace both passes in the error message.
   * @default false
   * @example true
   */
  debug?: boolean;
  /**
   * End the recomputation once all needed tensors are there.
   * @default true
   * @example true
   */
  early_stop?: boolean;
}

/** Keys of LigerKernelConfig. */
export interface LigerKernelConfig {
  /**
   * Rotary position embedding.
   * @example true
   */
  rope?: boolean | null;
  /**
   * RMSNorm.
   * @example true
   */
  rms_norm?: boolean | null;
  /**
   * LayerNorm.
   * @example true
   */
  layer_norm?: boolean | null;
  /**
   * SwiGLU.
   * @example true
   */
  swiglu?: boolean | null;
  /**
   * GeGLU.
   * @example true
   */
  geglu?: boolean | null;
  /**
   * Cross-entropy; not together with the fused one.
   * @example false
   */
  cross_entropy?: boolean | null;
  /**
   * Output layer and cross-entropy in one, for less memory.
   * @example true
   */
  fused_linear_cross_entropy?: boolean | null;
}

/** Keys of FSDPConfig. */
export interface FSDPConfig {
  /**
   * Wrap every module with at least so many parameters; 0: not by size.
   * Bounds: >= 0.
   * @default 0
   * @example 1000000
   */
  min_num_params?: number;
  /**
   * Class names of the layers to wrap.
   * @example ["Block"]
   */
  transformer_layer_cls_to_wrap?: string | Array<string> | null;
  /**
   * When the next parameters are gathered in the backward pass.
   * @example "backward_pre"
   */
  backward_prefetch?:
    | "backward_pre"
    | "backward_post"
    | "no_prefetch"
    | "BACKWARD_PRE"
    | "BACKWARD_POST"
    | "NO_PREFETCH"
    | null;
  /**
   * Gather the next parameters during the forward pass.
   * @default false
   * @example true
   */
  forward_prefetch?: boolean | "true" | "false" | "True" | "False";
  /**
   * Let the CPU not run ahead of the gathers.
   * @default false
   * @example true
   */
  limit_all_gathers?: boolean | "true" | "false" | "True" | "False";
  /**
   * Keep the model's own parameter objects visible.
   * @default true
   * @example true
   */
  use_orig_params?: boolean | "true" | "false" | "True" | "False";
  /**
   * Broadcast the weights of rank 0 at the start.
   * @default true
   * @example true
   */
  sync_module_states?: boolean | "true" | "false" | "True" | "False";
  /**
   * Only rank 0 loads the weights; needs sync_module_states.
   * @default false
   * @example true
   */
  cpu_ram_efficient_loading?: boolean | "true" | "false" | "True" | "False";
  /**
   * Recompute activations of the wrapped layers.
   * @default false
   * @example true
   */
  activation_checkpointing?: boolean | "true" | "false" | "True" | "False";
  /**
   * Form of the weights in checkpoints.
   * @example "SHARDED_STATE_DICT"
   */
  state_dict_type?:
    | "FULL_STATE_DICT"
    | "SHARDED_STATE_DICT"
    | "LOCAL_STATE_DICT"
    | "full_state_dict"
    | "sharded_state_dict"
    | "local_state_dict"
    | null;
  /**
   * FSDP generation; 2 is fully_shard.
   * @default 2
   * @example 2
   */
  version?: 1 | 2;
  /**
   * What is wrapped: layers by class, modules by size, or nothing; says auto_wrap in fsdp.
   * @example "TRANSFORMER_BASED_WRAP"
   */
  auto_wrap_policy?:
    | "TRANSFORMER_BASED_WRAP"
    | "SIZE_BASED_WRAP"
    | "NO_WRAP"
    | "transformer_based_wrap"
    | "size_based_wrap"
    | "no_wrap"
    | null;
  /**
   * accelerate's name or number of the way to shard, where fsdp names none.
   * @example "FULL_SHARD"
   */
  sharding_strategy?:
    | 1
    | 2
    | 3
    | 4
    | 5
    | "1"
    | "2"
    | "3"
    | "4"
    | "5"
    | "full_shard"
    | "shard_grad_op"
    | "no_shard"
    | "hybrid_shard"
    | "hybrid_shard_zero2"
    | "FULL_SHARD"
    | "SHARD_GRAD_OP"
    | "NO_SHARD"
    | "HYBRID_SHARD"
    | "HYBRID_SHARD_ZERO2"
    | null;
  /**
   * Free gathered parameters after the forward pass: true is full_shard, false is shard_grad_op.
   * @example true
   */
  reshard_after_forward?:
    | boolean
    | "true"
    | "false"
    | "True"
    | "False"
    | "full_shard"
    | "shard_grad_op"
    | "no_shard"
    | "hybrid_shard"
    | "hybrid_shard_zero2"
    | "FULL_SHARD"
    | "SHARD_GRAD_OP"
    | "NO_SHARD"
    | "HYBRID_SHARD"
    | "HYBRID_SHARD_ZERO2"
    | null;
  /**
   * The same as offload in fsdp.
   * @default false
   * @example true
   */
  cpu_offload?: boolean | "true" | "false" | "True" | "False";
  /**
   * accelerate's name of cpu_offload.
   * @default false
   * @example true
   */
  offload_params?: boolean | "true" | "false" | "True" | "False";
  /**
   * FSDP of torch_xla, which is not done here.
   * @default false
   * @example false
   */
  xla?: boolean | "true" | "false" | "True" | "False";
  /**
   * Its second generation, not done here.
   * @default false
   * @example false
   */
  xla_fsdp_v2?: boolean | "true" | "false" | "True" | "False";
  /**
   * Its recomputation, not done here.
   * @default false
   * @example false
   */
  xla_fsdp_grad_ckpt?: boolean | "true" | "false" | "True" | "False";
  /**
   * Its details, not done here.
   * @example {"compute_dtype": "bfloat16"}
   */
  xla_fsdp_settings?: Record<string, unknown> | null;
  /**
   * Bounds: >= 0.
   * @default 0
   * @example 1000000
   * @deprecated Wrap every module with at least so many parameters; 0: not by size.
   */
  fsdp_min_num_params?: number;
  /**
   * @example ["Block"]
   * @deprecated Class names of the layers to wrap.
   */
  fsdp_transformer_layer_cls_to_wrap?: string | Array<string> | null;
  /**
   * @example "backward_pre"
   * @deprecated When the next parameters are gathered in the backward pass.
   */
  fsdp_backward_prefetch?:
    | "backward_pre"
    | "backward_post"
    | "no_prefetch"
    | "BACKWARD_PRE"
    | "BACKWARD_POST"
    | "NO_PREFETCH"
    | null;
  /**
   * @default false
   * @example true
   * @deprecated Gather the next parameters during the forward pass.
   */
  fsdp_forward_prefetch?: boolean | "true" | "false" | "True" | "False";
  /**
   * @default false
   * @example true
   * @deprecated Let the CPU not run ahead of the gathers.
   */
  fsdp_limit_all_gathers?: boolean | "true" | "false" | "True" | "False";
  /**
   * @default true
   * @example true
   * @deprecated Keep the model's own parameter objects visible.
   */
  fsdp_use_orig_params?: boolean | "true" | "false" | "True" | "False";
  /**
   * @default true
   * @example true
   * @deprecated Broadcast the weights of rank 0 at the start.
   */
  fsdp_sync_module_states?: boolean | "true" | "false" | "True" | "False";
  /**
   * @default false
   * @example true
   * @deprecated Only rank 0 loads the weights; needs sync_module_states.
   */
  fsdp_cpu_ram_efficient_loading?: boolean | "true" | "false" | "True" | "False";
  /**
   * @default false
   * @example true
   * @deprecated Recompute activations of the wrapped layers.
   */
  fsdp_activation_checkpointing?: boolean | "true" | "false" | "True" | "False";
  /**
   * @example "SHARDED_STATE_DICT"
   * @deprecated Form of the weights in checkpoints.
   */
  fsdp_state_dict_type?:
    | "FULL_STATE_DICT"
    | "SHARDED_STATE_DICT"
    | "LOCAL_STATE_DICT"
    | "full_state_dict"
    | "sharded_state_dict"
    | "local_state_dict"
    | null;
  /**
   * @default 2
   * @example 2
   * @deprecated FSDP generation; 2 is fully_shard.
   */
  fsdp_version?: 1 | 2;
  /**
   * @example "TRANSFORMER_BASED_WRAP"
   * @deprecated What is wrapped: layers by class, modules by size, or nothing; says auto_wrap in fsdp.
   */
  fsdp_auto_wrap_policy?:
    | "TRANSFORMER_BASED_WRAP"
    | "SIZE_BASED_WRAP"
    | "NO_WRAP"
    | "transformer_based_wrap"
    | "size_based_wrap"
    | "no_wrap"
    | null;
  /**
   * @example "FULL_SHARD"
   * @deprecated accelerate's name or number of the way to shard, where fsdp names none.
   */
  fsdp_sharding_strategy?:
    | 1
    | 2
    | 3
    | 4
    | 5
    | "1"
    | "2"
    | "3"
    | "4"
    | "5"
    | "full_shard"
    | "shard_grad_op"
    | "no_shard"
    | "hybrid_shard"
    | "hybrid_shard_zero2"
    | "FULL_SHARD"
    | "SHARD_GRAD_OP"
    | "NO_SHARD"
    | "HYBRID_SHARD"
    | "HYBRID_SHARD_ZERO2"
    | null;
  /**
   * @example true
   * @deprecated Free gathered parameters after the forward pass: true is full_shard, false is shard_grad_op.
   */
  fsdp_reshard_after_forward?:
    | boolean
    | "true"
    | "false"
    | "True"
    | "False"
    | "full_shard"
    | "shard_grad_op"
    | "no_shard"
    | "hybrid_shard"
    | "hybrid_shard_zero2"
    | "FULL_SHARD"
    | "SHARD_GRAD_OP"
    | "NO_SHARD"
    | "HYBRID_SHARD"
    | "HYBRID_SHARD_ZERO2"
    | null;
  /**
   * @default false
   * @example true
   * @deprecated The same as offload in fsdp.
   */
  fsdp_cpu_offload?: boolean | "true" | "false" | "True" | "False";
  /**
   * @default false
   * @example true
   * @deprecated accelerate's name of cpu_offload.
   */
  fsdp_offload_params?: boolean | "true" | "false" | "True" | "False";
  /**
   * @default false
   * @example false
   * @deprecated FSDP of torch_xla, which is not done here.
   */
  fsdp_xla?: boolean | "true" | "false" | "True" | "False";
  /**
   * @default false
   * @example false
   * @deprecated Its second generation, not done here.
   */
  fsdp_xla_fsdp_v2?: boolean | "true" | "false" | "True" | "False";
  /**
   * @default false
   * @example false
   * @deprecated Its recomputation, not done here.
   */
  fsdp_xla_fsdp_grad_ckpt?: boolean | "true" | "false" | "True" | "False";
  /**
   * @example {"compute_dtype": "bfloat16"}
   * @deprecated Its details, not done here.
   */
  fsdp_xla_fsdp_settings?: Record<string, unknown> | null;
}

/** Keys of DeepSpeedConfig. */
export interface DeepSpeedConfig {
  /**
   * Rows an update, over all ranks.
   * Bounds: >= 1.
   * @example "auto"
   */
  train_batch_size?: number | "auto" | null;
  /**
   * auto: per_device_train_batch_size.
   * Bounds: >= 1.
   * @example "auto"
   */
  train_micro_batch_size_per_gpu?: number | "auto" | null;
  /**
   * auto: our setting of that name.
   * Bounds: >= 1.
   * @example "auto"
   */
  gradient_accumulation_steps?: number | "auto" | null;
  /**
   * DeepSpeed counts the micro-batches.
   * @example true
   */
  managed_gradient_accumulation?: boolean | null;
  /**
   * auto: max_grad_norm.
   * Bounds: >= 0.
   * @example "auto"
   */
  gradient_clipping?: number | "auto" | null;
  /**
   * Updates between its log lines.
   * Bounds: >= 1.
   * @example 2000
   */
  steps_per_print?: number | "auto" | null;
  /**
   * Log the time of each phase.
   * @default false
   * @example true
   */
  wall_clock_breakdown?: boolean | "auto";
  /**
   * Log memory.
   * @default false
   * @example true
   */
  memory_breakdown?: boolean;
  /**
   * Print the state at the start.
   * @default false
   * @example true
   */
  dump_state?: boolean;
  /**
   * No garbage collection while training.
   * @default false
   * @example true
   */
  disable_python_gc?: boolean;
  /**
   * Level of its logger.
   * @example "warning"
   */
  log_level?: string | null;
  /**
   * Checked against tensor-core sizes.
   * Bounds: >= 1.
   * @example 50304
   */
  vocabulary_size?: number | null;
  /**
   * Seed.
   * Bounds: >= 0.
   * @example 42
   */
  seed?: number | null;
  /**
   * An optimizer of DeepSpeed's, in place of optim.
   * @example {"type": "AdamW"}
   */
  optimizer?: Optimizer | null;
  /**
   * A schedule of DeepSpeed's, in place of ours.
   * @example {"type": "WarmupLR"}
   */
  scheduler?: Scheduler | null;
  /**
   * float16.
   * @example {"enabled": "auto"}
   */
  fp16?: Fp16 | null;
  /**
   * bfloat16.
   * @example {"enabled": "auto"}
   */
  bf16?: Bf16 | null;
  /**
   * torch.autocast.
   * @example {"enabled": true}
   */
  torch_autocast?: TorchAutocast | null;
  /**
   * ZeRO.
   * @example {"stage": 2}
   */
  zero_optimization?: ZeroOptimization | null;
  /**
   * Optimizers that ZeRO was not tested with.
   * @default false
   * @example true
   */
  zero_allow_untested_optimizer?: boolean;
  /**
   * DeepSpeed's optimizer when offloading.
   * @default true
   * @example false
   */
  zero_force_ds_cpu_optimizer?: boolean;
  /**
   * Type of communicated gradients.
   * @example "fp32"
   */
  communication_data_type?: "fp32" | "fp16" | "bf16" | null;
  /**
   * The same, of sequence parallelism.
   * @example "fp32"
   */
  seq_parallel_communication_data_type?: "fp32" | "fp16" | "bf16" | null;
  /**
   * Scale before the reduction.
   * @default false
   * @example true
   */
  prescale_gradients?: boolean;
  /**
   * Divisor before the reduction.
   * Bounds: > 0.
   * @default 1.0
   * @example 1.0
   */
  gradient_predivide_factor?: number;
  /**
   * How gradients are reduced.
   * @example "mean"
   */
  gradient_allreduce_op?: "mean" | "sum" | null;
  /**
   * Broadcasts instead of all-gathers.
   * @default false
   * @example false
   */
  disable_allgather?: boolean;
  /**
   * Drop the last incomplete batch.
   * @example true
   */
  dataloader_drop_last?: boolean | null;
  /**
   * Order of the ranks with experts.
   * @default false
   * @example true
   */
  use_data_before_expert_parallelism?: boolean;
  /**
   * Ranks that split a sequence (Ulysses).
   * Bounds: >= 1.
   * @example 4
   */
  sequence_parallel_size?: number | null;
  /**
   * Automatic tensor parallelism.
   * @example {"autotp_size": 2}
   */
  tensor_parallel?: Record<string, unknown> | null;
  /**
   * Automatic expert parallelism.
   * @example {"enabled": true}
   */
  expert_parallel?: Record<string, unknown> | null;
  /**
   * Curriculum and routing of data.
   * @example {"enabled": true}
   */
  data_efficiency?: Record<string, unknown> | null;
  /**
   * Quantised weights.
   * @example {"enabled": true}
   */
  weight_quantization?: Record<string, unknown> | null;
  /**
   * DataStates checkpoints.
   * @example {"host_cache_size": 16}
   */
  datastates_ckpt?: Record<string, unknown> | boolean | null;
  /**
   * Recomputation.
   * @example {"profile": true}
   */
  activation_checkpointing?: ActivationCheckpointing | null;
  /**
   * Asynchronous disk access.
   * @example {"block_size": 262144}
   */
  aio?: Aio | null;
  /**
   * Search for fast settings.
   * @example {"enabled": true}
   */
  autotuning?: Autotuning | null;
  /**
   * Checkpoints.
   * @example {"load_universal": true}
   */
  checkpoint?: Checkpoint | null;
  /**
   * Log of the communication.
   * @example {"enabled": true}
   */
  comms_logger?: CommsLogger | null;
  /**
   * DeepCompile.
   * @example {"deepcompile": true}
   */
  compile?: Compile | null;
  /**
   * Number formats.
   * @example {"grad_accum_dtype": "fp32"}
   */
  data_types?: DataTypes | null;
  /**
   * Count of operations.
   * @example {"enabled": true}
   */
  flops_profiler?: FlopsProfiler | null;
  /**
   * Training and generation in one.
   * @example {"enabled": true}
   */
  hybrid_engine?: HybridEngine | null;
  /**
   * Pipeline parallelism.
   * @example {"stages": 4}
   */
  pipeline?: Pipeline | null;
  /**
   * Timers.
   * @example {"throughput": {"enabled": false}}
   */
  timers?: Timers | null;
  /**
   * TensorBoard.
   * @example {"enabled": true}
   */
  tensorboard?: FileMonitor | null;
  /**
   * CSV files.
   * @example {"enabled": true}
   */
  csv_monitor?: FileMonitor | null;
  /**
   * Weights & Biases.
   * @example {"enabled": true}
   */
  wandb?: WandbMonitor | null;
  /**
   * Comet.
   * @example {"enabled": true}
   */
  comet?: CometMonitor | null;
  /** Removed from DeepSpeed. */
  amp?: Record<string, unknown> | boolean | null;
  /** Removed from DeepSpeed. */
  bfloat16?: Record<string, unknown> | boolean | null;
  /** Removed from DeepSpeed. */
  compression_training?: Record<string, unknown> | boolean | null;
  /** Removed from DeepSpeed. */
  curriculum_learning?: Record<string, unknown> | boolean | null;
  /** Removed from DeepSpeed. */
  eigenvalue?: Record<string, unknown> | boolean | null;
  /** Removed from DeepSpeed. */
  elasticity?: Record<string, unknown> | boolean | null;
  /** Removed from DeepSpeed. */
  graph_harvesting?: Record<string, unknown> | boolean | null;
  /** Removed from DeepSpeed. */
  nebula?: Record<string, unknown> | boolean | null;
  /** Removed from DeepSpeed. */
  progressive_layer_drop?: Record<string, unknown> | boolean | null;
  /** Removed from DeepSpeed. */
  quantize_training?: Record<string, unknown> | boolean | null;
  /** Removed from DeepSpeed. */
  sparse_attention?: Record<string, unknown> | boolean | null;
  /** Removed from DeepSpeed. */
  sparse_gradients?: Record<string, unknown> | boolean | null;
}

/** Keys of Optimizer. */
export interface Optimizer {
  /**
   * Name of DeepSpeed's or torch's optimizer.
   * @example "AdamW"
   */
  type?: string | null;
  /**
   * Its arguments.
   * @example {"lr": "auto"}
   */
  params?: OptimizerParams | null;
  /**
   * The older fusion.
   * @default false
   * @example false
   */
  legacy_fusion?: boolean;
}

/** Keys of OptimizerParams. */
export interface OptimizerParams {
  /**
   * Learning rate; auto: learning_rate.
   * Bounds: >= 0.
   * @example "auto"
   */
  lr?: number | "auto" | null;
  /**
   * Betas; auto: adam_beta1 and adam_beta2.
   * @example "auto"
   */
  betas?: Array<number> | "auto" | null;
  /**
   * Epsilon; auto: adam_epsilon.
   * Bounds: >= 0.
   * @example "auto"
   */
  eps?: number | "auto" | null;
  /**
   * Weight decay; auto: weight_decay.
   * Bounds: >= 0.
   * @example "auto"
   */
  weight_decay?: number | "auto" | null;
  /**
   * Momentum (SGD, Muon).
   * Bounds: >= 0, < 1.
   * @example 0.9
   */
  momentum?: number | "auto" | null;
  /**
   * Correct the bias of the moments.
   * @example true
   */
  bias_correction?: boolean | null;
  /**
   * Keep the largest second moment.
   * @example false
   */
  amsgrad?: boolean | null;
  /**
   * torch's Adam rather than DeepSpeed's.
   * @example true
   */
  torch_adam?: boolean | null;
  /**
   * Decoupled weight decay.
   * @example true
   */
  adam_w_mode?: boolean | null;
  /**
   * Optimizer state in float32 on the CPU.
   * @example true
   */
  fp32_optimizer_states?: boolean | null;
  /**
   * One kernel for many tensors.
   * @example true
   */
  foreach?: boolean | null;
  /**
   * Warmup steps of the 1-bit optimizers.
   * Bounds: >= 0.
   * @example 400
   */
  freeze_step?: number | null;
  /**
   * CUDA-aware MPI, for the 1-bit optimizers.
   * @example false
   */
  cuda_aware?: boolean | null;
  /**
   * Backend of the 1-bit optimizers.
   * @example "nccl"
   */
  comm_backend_name?: string | null;
  /**
   * When 0/1 Adam freezes the variance.
   * Bounds: >= 0.
   * @example 1000
   */
  var_freeze_step?: number | null;
  /**
   * Interval of variance updates of 0/1 Adam.
   * Bounds: >= 0.
   * @example 16
   */
  var_update_scaler?: number | null;
  /**
   * Interval of local steps of 0/1 Adam.
   * Bounds: >= 0.
   * @example 1000
   */
  local_step_scaler?: number | null;
  /**
   * Longest such interval.
   * Bounds: >= 0.
   * @example 16
   */
  local_step_clipper?: number | null;
  /**
   * Largest coefficient of LAMB.
   * @example 10.0
   */
  max_coeff?: number | null;
  /**
   * Smallest coefficient of LAMB.
   * @example 0.01
   */
  min_coeff?: number | null;
  /**
   * Newton-Schulz method of Muon.
   * @example "gram"
   */
  ns_method?: string | null;
  /**
   * Learning rate of Muon's matrices.
   * Bounds: >= 0.
   * @example 0.02
   */
  muon_lr?: number | null;
  /**
   * Learning rate of Muon's other parameters.
   * Bounds: >= 0.
   * @example 0.0003
   */
  adam_lr?: number | null;
}

/** Keys of Scheduler. */
export interface Scheduler {
  /**
   * Name of the schedule.
   * @example "WarmupDecayLR"
   */
  type?: "LRRangeTest" | "OneCycle" | "WarmupLR" | "WarmupDecayLR" | "WarmupCosineLR" | null;
  /**
   * Its arguments.
   * @example {"warmup_num_steps": "auto"}
   */
  params?: SchedulerParams | null;
}

/** Keys of SchedulerParams. */
export interface SchedulerParams {
  /**
   * Where the warmup starts; auto: 0.
   * Bounds: >= 0.
   * @example "auto"
   */
  warmup_min_lr?: number | "auto" | null;
  /**
   * Where it ends; auto: learning_rate.
   * Bounds: >= 0.
   * @example "auto"
   */
  warmup_max_lr?: number | "auto" | null;
  /**
   * Updates of the warmup; auto: ours.
   * Bounds: >= 0.
   * @example "auto"
   */
  warmup_num_steps?: number | "auto" | null;
  /**
   * Shape of the warmup.
   * @example "linear"
   */
  warmup_type?: "log" | "linear" | null;
  /**
   * Start of a cosine's warmup, as a share.
   * Bounds: >= 0.
   * @example 0.01
   */
  warmup_min_ratio?: number | null;
  /**
   * End of a cosine, as a share.
   * Bounds: >= 0.
   * @example 0.01
   */
  cos_min_ratio?: number | null;
  /**
   * Updates in all; auto: ours.
   * Bounds: >= 1.
   * @example "auto"
   */
  total_num_steps?: number | "auto" | null;
  /**
   * Lowest rate of the range test.
   * Bounds: >= 0.
   * @example 0.0001
   */
  lr_range_test_min_lr?: number | null;
  /**
   * Updates a step of it.
   * Bounds: >= 1.
   * @example 2000
   */
  lr_range_test_step_size?: number | null;
  /**
   * How fast it rises.
   * Bounds: >= 0.
   * @example 5
   */
  lr_range_test_step_rate?: number | null;
  /**
   * In steps.
   * @example true
   */
  lr_range_test_staircase?: boolean | null;
  /**
   * Lowest rate of a cycle.
   * Bounds: >= 0.
   * @example 0.0001
   */
  cycle_min_lr?: number | null;
  /**
   * Highest rate of a cycle.
   * Bounds: >= 0.
   * @example 0.001
   */
  cycle_max_lr?: number | null;
  /**
   * Decay after the cycle.
   * Bounds: >= 0.
   * @example 0.1
   */
  decay_lr_rate?: number | null;
  /**
   * Updates of its first half.
   * Bounds: >= 1.
   * @example 2000
   */
  cycle_first_step_size?: number | null;
  /**
   * Updates of its second half.
   * Bounds: >= 1.
   * @example 2000
   */
  cycle_second_step_size?: number | null;
  /**
   * Stairs of the first half.
   * Bounds: >= 0.
   * @example 0
   */
  cycle_first_stair_count?: number | null;
  /**
   * Stairs of the second half.
   * Bounds: >= 0.
   * @example 0
   */
  cycle_second_stair_count?: number | null;
  /**
   * Updates a step of the decay.
   * Bounds: >= 0.
   * @example 0
   */
  decay_step_size?: number | null;
  /**
   * Cycle the momentum too.
   * @example true
   */
  cycle_momentum?: boolean | null;
  /**
   * Lowest momentum.
   * Bounds: >= 0.
   * @example 0.85
   */
  cycle_min_mom?: number | null;
  /**
   * Highest momentum.
   * Bounds: >= 0.
   * @example 0.99
   */
  cycle_max_mom?: number | null;
  /**
   * Decay of the momentum.
   * Bounds: >= 0.
   * @example 0.0
   */
  decay_mom_rate?: number | null;
}

/** Keys of Fp16. */
export interface Fp16 {
  /**
   * Train in float16; auto: as fp16 says.
   * @default false
   * @example "auto"
   */
  enabled?: boolean | "auto";
  /**
   * Cast inputs to float16.
   * @default false
   * @example false
   */
  auto_cast?: boolean;
  /**
   * Fixed loss scale; 0: dynamic.
   * Bounds: >= 0.
   * @default 0.0
   * @example 0
   */
  loss_scale?: number;
  /**
   * The scale starts at 2 to this power.
   * Bounds: >= 0.
   * @default 16
   * @example 16
   */
  initial_scale_power?: number;
  /**
   * Good steps before it doubles.
   * Bounds: >= 1.
   * @default 1000
   * @example 1000
   */
  loss_scale_window?: number;
  /**
   * Overflows before it halves.
   * Bounds: >= 1.
   * @default 2
   * @example 2
   */
  hysteresis?: number;
  /**
   * Count only overflows in a row.
   * @default false
   * @example true
   */
  consecutive_hysteresis?: boolean;
  /**
   * Lowest scale.
   * Bounds: >= 0.
   * @default 1.0
   * @example 1
   */
  min_loss_scale?: number;
  /**
   * Master weights in float16 too.
   * @default false
   * @example true
   */
  fp16_master_weights_and_grads?: boolean;
}

/** Keys of Bf16. */
export interface Bf16 {
  /**
   * Train in bfloat16; auto: as bf16 says.
   * @default false
   * @example "auto"
   */
  enabled?: boolean | "auto";
  /**
   * Add gradients as they come.
   * @default false
   * @example true
   */
  immediate_grad_update?: boolean;
  /**
   * Look for overflows.
   * @default false
   * @example true
   */
  check_grad_overflow?: boolean;
  /**
   * Master weights in bfloat16 too.
   * @default false
   * @example true
   */
  bf16_master_weights_and_grads?: boolean;
  /**
   * Optimizer state in bfloat16; needs the key above.
   * @default false
   * @example true
   */
  bf16_optimizer_states?: boolean;
}

/** Keys of TorchAutocast. */
export interface TorchAutocast {
  /**
   * torch.autocast instead of 16-bit weights.
   * @default false
   * @example true
   */
  enabled?: boolean;
  /**
   * Its type.
   * @example "bfloat16"
   */
  dtype?: "fp16" | "bf16" | "float16" | "bfloat16" | "torch.float16" | "torch.bfloat16" | "half" | null;
  /**
   * Modules it covers.
   * @example ["torch.nn.Linear"]
   */
  lower_precision_safe_modules?: Array<string> | null;
}

/** Keys of ZeroOptimization. */
export interface ZeroOptimization {
  /**
   * 1: optimizer state; 2: gradients too; 3: parameters too.
   * @default 0
   * @example 2
   */
  stage?: 0 | 1 | 2 | 3 | "auto";
  /**
   * Copy gradients into one buffer.
   * @default true
   * @example true
   */
  contiguous_gradients?: boolean;
  /**
   * Reduce-scatter rather than all-reduce.
   * @default true
   * @example true
   */
  reduce_scatter?: boolean;
  /**
   * Elements reduced at a time.
   * Bounds: >= 0.
   * @default 500000000
   * @example "auto"
   */
  reduce_bucket_size?: number | "auto";
  /**
   * One all-reduce for the buckets of several ranks.
   * @default true
   * @example true
   */
  use_multi_rank_bucket_allreduce?: boolean;
  /**
   * All-gather rather than broadcasts.
   * @default true
   * @example true
   */
  allgather_partitions?: boolean;
  /**
   * Elements gathered at a time.
   * Bounds: >= 0.
   * @default 500000000
   * @example 200000000
   */
  allgather_bucket_size?: number | "auto";
  /**
   * Reduce during the backward pass; unset: under stage 3.
   * @example true
   */
  overlap_comm?: boolean | "auto" | null;
  /**
   * Compute the gradient norm.
   * @default true
   * @example true
   */
  compute_grad_norm?: boolean;
  /**
   * Master weights from the 32-bit copy in a checkpoint.
   * @default true
   * @example true
   */
  load_from_fp32_weights?: boolean;
  /**
   * Older elastic checkpoints.
   * @default false
   * @example false
   */
  elastic_checkpoint?: boolean;
  /**
   * Parameters outside the device (stage 3).
   * @example {"device": "cpu"}
   */
  offload_param?: OffloadParam | null;
  /**
   * Optimizer state outside the device.
   * @example {"device": "cpu"}
   */
  offload_optimizer?: OffloadOptimizer | null;
  /**
   * ZenFlow: important gradients first.
   * @example {"topk_ratio": 0.1}
   */
  zenflow?: ZenFlow | null;
  /**
   * Parameters updated at a time (stage 3).
   * Bounds: >= 0.
   * @default 1000000000
   * @example 1000000000
   */
  sub_group_size?: number | "auto";
  /**
   * Elements gathered ahead of use.
   * Bounds: >= 0.
   * @default 50000000
   * @example "auto"
   */
  stage3_prefetch_bucket_size?: number | "auto";
  /**
   * Smaller parameters stay whole.
   * Bounds: >= 0.
   * @default 100000
   * @example "auto"
   */
  stage3_param_persistence_threshold?: number | "auto";
  /**
   * Most elements that stay whole.
   * Bounds: >= 0.
   * @example 1000000
   */
  stage3_model_persistence_threshold?: number | "auto" | null;
  /**
   * Most elements gathered at once.
   * Bounds: >= 0.
   * @default 1000000000
   * @example 1000000000
   */
  stage3_max_live_parameters?: number | "auto";
  /**
   * Keep what is reused this soon.
   * Bounds: >= 0.
   * @default 1000000000
   * @example 1000000000
   */
  stage3_max_reuse_distance?: number | "auto";
  /**
   * Save whole 16-bit weights.
   * @default false
   * @example true
   */
  stage3_gather_16bit_weights_on_model_save?: boolean | "auto";
  /**
   * Older name of the key above.
   * @default false
   * @example true
   */
  stage3_gather_fp16_weights_on_model_save?: boolean;
  /**
   * Finer modules are gathered in one piece.
   * Bounds: >= 0.
   * @default 0
   * @example 0
   */
  stage3_module_granularity_threshold?: number;
  /**
   * Gather parameters by all-reduce.
   * @default false
   * @example true
   */
  stage3_use_all_reduce_for_fetch_params?: boolean;
  /**
   * Gather parameters one by one, for less memory.
   * @default false
   * @example true
   */
  stage3_allgather_sequential?: boolean;
  /**
   * Partition larger parameters in pieces; 0: whole.
   * Bounds: >= 0.
   * @default 0
   * @example 0
   */
  stage3_partition_stream_chunk_size?: number;
  /**
   * Allow parameters without gradients (stage 2).
   * @default true
   * @example true
   */
  ignore_unused_parameters?: boolean;
  /**
   * The older stage 1.
   * @default false
   * @example false
   */
  legacy_stage1?: boolean;
  /**
   * Copy gradients to the CPU in turns among ranks.
   * @default false
   * @example true
   */
  round_robin_gradients?: boolean;
  /**
   * Align parameters in their buffers.
   * @default false
   * @example true
   */
  parameter_alignment?: boolean;
  /**
   * Ranks of the secondary partition (ZeRO++).
   * Bounds: >= 0.
   * @default 1
   * @example 8
   */
  zero_hpz_partition_size?: number;
  /**
   * Quantised all-gather (ZeRO++).
   * @default false
   * @example true
   */
  zero_quantized_weights?: boolean;
  /**
   * Quantise frozen weights.
   * @default false
   * @example true
   */
  zero_quantized_nontrainable_weights?: boolean;
  /**
   * Quantised gradient exchange (ZeRO++).
   * @default false
   * @example true
   */
  zero_quantized_gradients?: boolean;
  /**
   * Linear layers that save memory (stage 3).
   * @default true
   * @example true
   */
  memory_efficient_linear?: boolean;
  /**
   * Load checkpoints in pipeline mode.
   * @default false
   * @example true
   */
  pipeline_loading_checkpoint?: boolean;
  /**
   * Make Module.apply see whole parameters.
   * @default true
   * @example true
   */
  override_module_apply?: boolean;
  /**
   * Log changes of the traced order.
   * @default false
   * @example true
   */
  log_trace_cache_warnings?: boolean;
  /**
   * Internal checks.
   * @default false
   * @example true
   */
  enable_sanity_checks?: boolean;
  /**
   * Muon's momentum stays in memory under nvme.
   * @default false
   * @example true
   */
  save_muon_momentum_buffer_in_memory?: boolean;
  /**
   * Modules that stay in one piece (stage 3).
   * @example {"classes": ["MoE"]}
   */
  leaf_module?: LeafModule | null;
  /**
   * Deprecated by DeepSpeed: use offload_optimizer.
   * @example true
   */
  cpu_offload?: boolean | null;
  /**
   * Deprecated by DeepSpeed: use offload_param.
   * @example true
   */
  cpu_offload_param?: boolean | null;
  /**
   * Deprecated by DeepSpeed: use pin_memory there.
   * @example true
   */
  cpu_offload_use_pin_memory?: boolean | null;
}

/** Keys of OffloadParam. */
export interface OffloadParam {
  /**
   * Where parameters go.
   * @default "none"
   * @example "cpu"
   */
  device?: "none" | "cpu" | "nvme" | "auto";
  /**
   * Folder on a fast disk, for nvme.
   * @example "/local_nvme"
   */
  nvme_path?: string | null;
  /**
   * Buffers for reading parameters from nvme.
   * Bounds: >= 0.
   * @default 5
   * @example 5
   */
  buffer_count?: number;
  /**
   * Elements of a buffer.
   * Bounds: >= 0.
   * @default 100000000
   * @example 100000000
   */
  buffer_size?: number | "auto";
  /**
   * Elements that stay in memory under nvme.
   * Bounds: >= 0.
   * @default 1000000000
   * @example 1000000000
   */
  max_in_cpu?: number;
  /**
   * Page-locked memory: faster, and more of it.
   * @default true
   * @example true
   */
  pin_memory?: boolean;
}

/** Keys of OffloadOptimizer. */
export interface OffloadOptimizer {
  /**
   * Where the optimizer's state goes.
   * @default "none"
   * @example "cpu"
   */
  device?: "none" | "cpu" | "nvme" | "auto";
  /**
   * Folder on a fast disk, for nvme.
   * @example "/local_nvme"
   */
  nvme_path?: string | null;
  /**
   * Buffers for reading state from nvme.
   * Bounds: >= 0.
   * @default 4
   * @example 4
   */
  buffer_count?: number;
  /**
   * Page-locked memory: faster, and more of it.
   * @default true
   * @example true
   */
  pin_memory?: boolean;
  /**
   * Read and write while computing (both of the next two).
   * @default false
   * @example true
   */
  pipeline?: boolean;
  /**
   * Read the next tile while computing.
   * @default false
   * @example true
   */
  pipeline_read?: boolean;
  /**
   * Write the last tile while computing.
   * @default false
   * @example true
   */
  pipeline_write?: boolean;
  /**
   * Initialise quickly under nvme.
   * @default false
   * @example true
   */
  fast_init?: boolean;
  /**
   * Share of the parameters that is updated on the CPU (stage 3).
   * Bounds: >= 0, <= 1.
   * @default 1.0
   * @example 0.4
   */
  ratio?: number;
  /**
   * SuperOffload, for superchips.
   * @default false
   * @example true
   */
  super_offload?: boolean;
  /**
   * Share of the cores for the optimizer under SuperOffload.
   * Bounds: >= 0, <= 1.
   * @default 0.8
   * @example 0.8
   */
  cpuadam_cores_perc?: number;
}

/** Keys of ZenFlow. */
export interface ZenFlow {
  /**
   * Share of the gradients that is updated at once.
   * Bounds: >= 0, <= 1.
   * @default 0.1
   * @example 0.1
   */
  topk_ratio?: number;
  /**
   * When important gradients are chosen.
   * @default "auto"
   * @example "step"
   */
  select_strategy?: "auto" | "step" | "epoch";
  /**
   * Steps or epochs between choices.
   * Bounds: >= 0.
   * @default "auto"
   * @example 1
   */
  select_interval?: number | "auto";
  /**
   * Steps between updates of the others.
   * Bounds: >= 0.
   * @default "auto"
   * @example 4
   */
  update_interval?: number | "auto";
  /**
   * Update on the CPU while the device computes.
   * @default false
   * @example true
   */
  overlap_step?: boolean;
  /**
   * Keep the chosen state on the CPU.
   * @default false
   * @example true
   */
  offload?: boolean;
  /**
   * Threshold of the automatic interval.
   * Bounds: >= 0, <= 1.
   * @default 0.99
   * @example 0.99
   */
  auto_ratio?: number;
  /**
   * Full updates at the start.
   * Bounds: >= 0.
   * @default 0
   * @example 10
   */
  full_warm_up_rounds?: number;
  /**
   * Share of the cores that torch keeps.
   * Bounds: >= 0, <= 1.
   * @default 0.5
   * @example 0.5
   */
  pt_reserved_cores_perc?: number;
  /**
   * Filled in by DeepSpeed.
   * Bounds: >= 0.
   * @example 100
   */
  steps_per_epoch?: number | null;
}

/** Keys of LeafModule. */
export interface LeafModule {
  /**
   * Class names of modules that stay in one piece.
   * @default []
   * @example ["MixtralSparseMoeBlock"]
   */
  classes?: Array<string>;
  /**
   * Names of such modules.
   * @default []
   * @example ["model.layers.0.mlp"]
   */
  names?: Array<string>;
  /**
   * Endings of such names.
   * @default []
   * @example ["mlp.experts"]
   */
  name_suffixes?: Array<string>;
}

/** Keys of ActivationCheckpointing. */
export interface ActivationCheckpointing {
  /**
   * Each rank keeps a part.
   * @default false
   * @example true
   */
  partition_activations?: boolean;
  /**
   * Keep them in host memory.
   * @default false
   * @example true
   */
  cpu_checkpointing?: boolean;
  /**
   * Keep them in one buffer.
   * @default false
   * @example true
   */
  contiguous_memory_optimization?: boolean;
  /**
   * How many there are, for that buffer.
   * Bounds: >= 1.
   * @example 24
   */
  number_checkpoints?: number | null;
  /**
   * Synchronise at each boundary.
   * @default false
   * @example true
   */
  synchronize_checkpoint_boundary?: boolean;
  /**
   * Log their times.
   * @default false
   * @example true
   */
  profile?: boolean;
}

/** Keys of Aio. */
export interface Aio {
  /**
   * Bytes of a request.
   * Bounds: >= 0.
   * @default 1048576
   * @example 262144
   */
  block_size?: number;
  /**
   * Requests under way.
   * Bounds: >= 1.
   * @default 8
   * @example 32
   */
  queue_depth?: number;
  /**
   * Threads of a request.
   * Bounds: >= 1.
   * @default 1
   * @example 1
   */
  intra_op_parallelism?: number;
  /**
   * Older name of the key above.
   * Bounds: >= 1.
   * @default 1
   * @example 1
   */
  thread_count?: number;
  /**
   * Submit requests one by one.
   * @default false
   * @example false
   */
  single_submit?: boolean;
  /**
   * Submit while waiting.
   * @default true
   * @example true
   */
  overlap_events?: boolean;
  /**
   * GPUDirect Storage.
   * @default false
   * @example true
   */
  use_gds?: boolean;
}

/** Keys of Autotuning. */
export interface Autotuning {
  /**
   * Search for fast settings.
   * @default false
   * @example true
   */
  enabled?: boolean;
  /**
   * Tune only the ZeRO stage and the micro-batch.
   * @default true
   * @example true
   */
  fast?: boolean;
  /**
   * Folder of the results.
   * @default "autotuning_results"
   * @example "autotuning_results"
   */
  results_dir?: string;
  /**
   * Folder of the experiments.
   * @default "autotuning_exps"
   * @example "autotuning_exps"
   */
  exps_dir?: string;
  /**
   * Overwrite earlier results.
   * @default true
   * @example true
   */
  overwrite?: boolean;
  /**
   * First step measured.
   * Bounds: >= 1.
   * @default 3
   * @example 3
   */
  start_profile_step?: number;
  /**
   * Last step measured.
   * Bounds: >= 1.
   * @default 5
   * @example 5
   */
  end_profile_step?: number;
  /**
   * What is best.
   * @default "throughput"
   * @example "throughput"
   */
  metric?: "latency" | "throughput" | "flops" | "forward" | "backward" | "step";
  /**
   * File with the metric.
   * @example "metrics.json"
   */
  metric_path?: string | null;
  /**
   * Kind of search.
   * @default "gridsearch"
   * @example "random"
   */
  tuner_type?: "gridsearch" | "random" | "model_based";
  /**
   * Trials without improvement that are let pass.
   * Bounds: >= 1.
   * @default 5
   * @example 5
   */
  tuner_early_stopping?: number;
  /**
   * Trials.
   * Bounds: >= 1.
   * @default 50
   * @example 50
   */
  tuner_num_trials?: number;
  /**
   * Flags of the script, by setting.
   * @example {"batch": "--batch"}
   */
  arg_mappings?: Record<string, unknown> | null;
  /**
   * Size of the model.
   * @example {"num_params": 1000000}
   */
  model_info?: Record<string, unknown> | null;
  /**
   * File with that size.
   * @example "model_info.json"
   */
  model_info_path?: string | null;
  /**
   * Ranks that share a model.
   * Bounds: >= 1.
   * @default 1
   * @example 1
   */
  mp_size?: number;
  /**
   * Largest batch.
   * Bounds: >= 1.
   * @example 512
   */
  max_train_batch_size?: number | null;
  /**
   * Smallest batch.
   * Bounds: >= 1.
   * @default 1
   * @example 1
   */
  min_train_batch_size?: number;
  /**
   * Largest micro-batch.
   * Bounds: >= 1.
   * @default 1024
   * @example 64
   */
  max_train_micro_batch_size_per_gpu?: number;
  /**
   * Smallest micro-batch.
   * Bounds: >= 1.
   * @default 1
   * @example 1
   */
  min_train_micro_batch_size_per_gpu?: number;
  /**
   * Micro-batches tried.
   * Bounds: >= 1.
   * @default 3
   * @example 3
   */
  num_tuning_micro_batch_sizes?: number;
}

/** Keys of Checkpoint. */
export interface Checkpoint {
  /**
   * What happens when ranks disagree on the tag.
   * @default "Warn"
   * @example "Warn"
   */
  tag_validation?: "Ignore" | "Warn" | "Fail" | "IGNORE" | "WARN" | "FAIL" | "ignore" | "warn" | "fail";
  /**
   * Load universal checkpoints.
   * @default false
   * @example true
   */
  load_universal?: boolean;
  /**
   * Every node has its own disk; follows save_on_each_node.
   * @default false
   * @example true
   */
  use_node_local_storage?: boolean;
  /**
   * Parallel writing.
   * @example {"pipeline_stage": true}
   */
  parallel_write?: ParallelWrite | null;
  /**
   * Serialise as torch.save does.
   * @default true
   * @example true
   */
  checkpoint_serialization?: boolean;
  /**
   * Fast writing.
   * @example {"type": "fast"}
   */
  writer?: CheckpointWriter | null;
}

/** Keys of ParallelWrite. */
export interface ParallelWrite {
  /**
   * Pipeline stages write in parallel.
   * @default false
   * @example true
   */
  pipeline_stage?: boolean;
}

/** Keys of CheckpointWriter. */
export interface CheckpointWriter {
  /**
   * Writer.
   * @default "fast"
   * @example "fast"
   */
  type?: "mock" | "python" | "fast";
  /**
   * Write while training goes on.
   * @default false
   * @example true
   */
  decoupled?: boolean;
  /**
   * Bytes of the buffer.
   * Bounds: >= 0.
   * @default 67108864
   * @example 67108864
   */
  io_buffer_size?: number;
  /**
   * Two buffers.
   * @default true
   * @example true
   */
  io_buffer_double?: boolean;
  /**
   * Log its speed.
   * @default false
   * @example true
   */
  show_statistics?: boolean;
  /**
   * Who shares the writing.
   * @example "replica"
   */
  data_parallel?: "replica" | "socket" | "machine" | null;
  /**
   * Writers a rank.
   * Bounds: >= 1.
   * @default 1
   * @example 1
   */
  io_multiplier?: number;
}

/** Keys of CommsLogger. */
export interface CommsLogger {
  /**
   * Log communication.
   * @default false
   * @example true
   */
  enabled?: boolean;
  /**
   * Log every call.
   * @default false
   * @example true
   */
  verbose?: boolean;
  /**
   * All operations.
   * @default true
   * @example true
   */
  prof_all?: boolean;
  /**
   * Only these operations.
   * @default []
   * @example ["all_reduce"]
   */
  prof_ops?: Array<string>;
  /**
   * Name the caller.
   * @default false
   * @example true
   */
  debug?: boolean;
}

/** Keys of Compile. */
export interface Compile {
  /**
   * DeepCompile: compiled ZeRO.
   * @default false
   * @example true
   */
  deepcompile?: boolean;
  /**
   * Compile what is not expert under automatic expert parallelism.
   * @default false
   * @example true
   */
  autoep_non_moe?: boolean;
  /**
   * Free activations early.
   * @default false
   * @example true
   */
  free_activation?: boolean;
  /**
   * Bytes above which they are freed.
   * Bounds: >= 0.
   * @default 10485760
   * @example 10485760
   */
  free_activation_threshold?: number;
  /**
   * Keep activations in host memory.
   * @default false
   * @example true
   */
  offload_activation?: boolean;
  /**
   * Page-locked.
   * @default true
   * @example true
   */
  offload_activation_pin_memory?: boolean;
  /**
   * Keep optimizer state in host memory.
   * @default false
   * @example true
   */
  offload_opt_states?: boolean;
  /**
   * Keep parameters in host memory.
   * @default false
   * @example true
   */
  offload_parameters?: boolean;
  /**
   * Two communication buffers.
   * @default true
   * @example true
   */
  double_buffer?: boolean;
  /**
   * Symmetric memory.
   * @default false
   * @example true
   */
  symmetric_memory?: boolean;
  /**
   * Log the passes.
   * @default false
   * @example true
   */
  debug_log?: boolean;
  /**
   * Synchronise before a reduction.
   * @default false
   * @example true
   */
  sync_before_reduce?: boolean;
  /**
   * Synchronise after a reduction.
   * @default false
   * @example true
   */
  sync_after_reduce?: boolean;
  /**
   * Synchronise before a gather.
   * @default false
   * @example true
   */
  sync_before_allgather?: boolean;
  /**
   * Synchronise after a gather.
   * @default false
   * @example true
   */
  sync_after_allgather?: boolean;
  /**
   * Keep integer inputs.
   * @default true
   * @example true
   */
  keep_int_input_tensors?: boolean;
  /**
   * Keep all inputs.
   * @default false
   * @example true
   */
  keep_all_input_tensors?: boolean;
  /**
   * Passes, in order.
   * @example ["zero3_compile"]
   */
  passes?: Array<string> | null;
}

/** Keys of DataTypes. */
export interface DataTypes {
  /**
   * Type of accumulated gradients.
   * @example "fp32"
   */
  grad_accum_dtype?: "fp32" | "fp16" | "bf16" | null;
  /**
   * Type of parameters.
   * @example "bf16"
   */
  param_dtype?: "fp32" | "fp16" | "bf16" | null;
  /**
   * Type of buffers.
   * @example "fp32"
   */
  buffer_dtype?: "fp32" | "fp16" | "bf16" | null;
  /**
   * Modules that stay in float32.
   * @default "auto"
   * @example ["router"]
   */
  keep_in_fp32_modules?: Array<string> | "auto" | null;
}

/** Keys of FlopsProfiler. */
export interface FlopsProfiler {
  /**
   * Count floating-point operations.
   * @default false
   * @example true
   */
  enabled?: boolean;
  /**
   * Share of the forward pass that is recomputed.
   * Bounds: >= 0.
   * @default 0.0
   * @example 1.0
   */
  recompute_fwd_factor?: number;
  /**
   * The step that is profiled.
   * Bounds: >= 1.
   * @default 1
   * @example 10
   */
  profile_step?: number;
  /**
   * How deep into modules; -1: all the way.
   * Bounds: >= -1.
   * @default -1
   * @example 2
   */
  module_depth?: number;
  /**
   * Modules shown.
   * Bounds: >= 1.
   * @default 1
   * @example 3
   */
  top_modules?: number;
  /**
   * Show every module.
   * @default true
   * @example true
   */
  detailed?: boolean;
  /**
   * Write it to this file.
   * @example "flops.txt"
   */
  output_file?: string | null;
}

/** Keys of HybridEngine. */
export interface HybridEngine {
  /**
   * One engine for training and generation.
   * @default false
   * @example true
   */
  enabled?: boolean;
  /**
   * Longest generation.
   * Bounds: >= 1.
   * @default 512
   * @example 512
   */
  max_out_tokens?: number;
  /**
   * Ranks that split a layer in generation.
   * Bounds: >= 1.
   * @default 1
   * @example 2
   */
  inference_tp_size?: number;
  /**
   * Free its cache.
   * @default false
   * @example true
   */
  release_inference_cache?: boolean;
  /**
   * Page-locked parameters.
   * @default true
   * @example true
   */
  pin_parameters?: boolean;
  /**
   * Layers gathered at a time.
   * Bounds: >= 1.
   * @default 8
   * @example 8
   */
  tp_gather_partition_size?: number;
  /**
   * CUDA graphs.
   * @default false
   * @example true
   */
  enable_cuda_graph?: boolean;
}

/** Keys of Pipeline. */
export interface Pipeline {
  /**
   * Stages.
   * Bounds: >= 1.
   * @default "auto"
   * @example 4
   */
  stages?: number | "auto";
  /**
   * How layers are dealt out.
   * @default "best"
   * @example "parameters"
   */
  partition?: string;
  /**
   * A seed for every layer.
   * @default false
   * @example true
   */
  seed_layers?: boolean;
  /**
   * Layers between checkpoints.
   * Bounds: >= 0.
   * @default 0
   * @example 1
   */
  activation_checkpoint_interval?: number;
  /**
   * Partition activations.
   * @default true
   * @example true
   */
  pipe_partitioned?: boolean;
  /**
   * Partition gradients.
   * @default true
   * @example true
   */
  grad_partitioned?: boolean;
  /**
   * The older recomputation.
   * @example false
   */
  use_reentrant?: boolean | null;
}

/** Keys of Timers. */
export interface Timers {
  /**
   * Throughput.
   * @example {"enabled": false}
   */
  throughput?: Throughput | null;
}

/** Keys of Throughput. */
export interface Throughput {
  /**
   * Measure throughput.
   * @default true
   * @example true
   */
  enabled?: boolean;
  /**
   * Wait for the device before each measurement.
   * @default true
   * @example false
   */
  synchronized?: boolean;
}

/** Keys of FileMonitor. */
export interface FileMonitor {
  /**
   * Write these files.
   * @default false
   * @example true
   */
  enabled?: boolean;
  /**
   * Folder.
   * @default ""
   * @example "logs"
   */
  output_path?: string;
  /**
   * Name of the run's folder.
   * @default "DeepSpeedJobName"
   * @example "digits"
   */
  job_name?: string;
}

/** Keys of WandbMonitor. */
export interface WandbMonitor {
  /**
   * Log to Weights & Biases.
   * @default false
   * @example true
   */
  enabled?: boolean;
  /**
   * Group of runs.
   * @example "sweep-1"
   */
  group?: string | null;
  /**
   * Team.
   * @example "research"
   */
  team?: string | null;
  /**
   * Project.
   * @default "deepspeed"
   * @example "digits"
   */
  project?: string;
}

/** The key of the account comes from COMET_API_KEY: a document is no place for a secret. */
export interface CometMonitor {
  /**
   * Log to Comet.
   * @default false
   * @example true
   */
  enabled?: boolean;
  /**
   * Samples between entries.
   * Bounds: >= 1.
   * @default 100
   * @example 100
   */
  samples_log_interval?: number;
  /**
   * Project.
   * @example "digits"
   */
  project?: string | null;
  /**
   * Workspace.
   * @example "research"
   */
  workspace?: string | null;
  /**
   * Name of the experiment.
   * @example "run-7"
   */
  experiment_name?: string | null;
  /**
   * Key of an existing experiment.
   * @example "run7"
   */
  experiment_key?: string | null;
  /**
   * Log online.
   * @example false
   */
  online?: boolean | null;
  /**
   * How the experiment is opened.
   * @example "create"
   */
  mode?: "get" | "create" | "get_or_create" | null;
}

/** Keys of AcceleratorConfig. */
export interface AcceleratorConfig {
  /**
   * The batch size is that of all processes together.
   * @default false
   * @example true
   */
  split_batches?: boolean;
  /**
   * Rank 0 reads and deals out the batches; unset: only of streams that cannot be shared out.
   * @example true
   */
  dispatch_batches?: boolean | null;
  /**
   * Repeat rows, which count nothing, where a process has no batch left; as uneven_inputs says.
   * @default true
   * @example false
   */
  even_batches?: boolean;
  /**
   * The order of the data depends on the seed and the epoch alone.
   * @default true
   * @example true
   */
  use_seedable_sampler?: boolean;
  /**
   * Copy to the device while computing; wants pinned memory.
   * @default false
   * @example true
   */
  non_blocking?: boolean;
  /**
   * Details of gradient accumulation.
   * @example {"sync_each_batch": true}
   */
  gradient_accumulation_kwargs?: GradientAccumulationKwargs | null;
  /**
   * Use the process state that is already configured.
   * @default false
   * @example true
   */
  use_configured_state?: boolean;
}

/** Keys of GradientAccumulationKwargs. */
export interface GradientAccumulationKwargs {
  /**
   * Micro-batches per update; must agree with gradient_accumulation_steps.
   * Bounds: >= 1.
   * @example 4
   */
  num_steps?: number | null;
  /**
   * The schedule counts updates, not micro-batches.
   * @default true
   * @example true
   */
  adjust_scheduler?: boolean;
  /**
   * The window ends with the data set.
   * @default true
   * @example false
   */
  sync_with_dataloader?: boolean;
  /**
   * Synchronise gradients at every micro-batch, for less memory.
   * @default false
   * @example true
   */
  sync_each_batch?: boolean;
}

/** Keys of ParallelismConfig. */
export interface ParallelismConfig {
  /**
   * Replicas of the (possibly sharded) model.
   * Bounds: >= 1.
   * @default 1
   * @example 2
   */
  dp_replicate_size?: number;
  /**
   * Ranks that share one copy of parameters and optimizer state.
   * Bounds: >= 1.
   * @default 1
   * @example 4
   */
  dp_shard_size?: number;
  /**
   * Ranks that split each layer (tensor parallel).
   * Bounds: >= 1.
   * @default 1
   * @example 2
   */
  tp_size?: number;
  /**
   * Ranks that split each sequence (context parallel).
   * Bounds: >= 1.
   * @default 1
   * @example 2
   */
  cp_size?: number;
  /**
   * Implementation of context parallelism.
   * @default "torch"
   * @example "torch"
   */
  cp_backend?: "torch";
  /**
   * Ranks that split each sequence, and heads in attention (sequence parallel, Ulysses).
   * Bounds: >= 1.
   * @default 1
   * @example 2
   */
  sp_size?: number;
  /**
   * Implementation of sequence parallelism: deepspeed where deepspeed is set, else torch.
   * @example "torch"
   */
  sp_backend?: "torch" | "deepspeed" | null;
  /**
   * Ranks that share out experts (expert parallel).
   * Bounds: >= 1.
   * @default 1
   * @example 2
   */
  ep_size?: number;
  /**
   * Ranks that each have some of the layers (pipeline parallel).
   * Bounds: >= 1.
   * @default 1
   * @example 2
   */
  pp_size?: number;
}

/** A schedule that is wholly described by the other settings. */
export interface NoScheduleArguments {
}

/** Keys of CosineArguments. */
export interface CosineArguments {
  /**
   * Waves of the cosine; 0.5: from the top to 0 once.
   * Bounds: > 0.
   * @default 0.5
   * @example 0.5
   */
  num_cycles?: number;
}

/** Keys of RestartArguments. */
export interface RestartArguments {
  /**
   * Cosine decays, each of which restarts at the top.
   * Bounds: >= 1.
   * @default 1
   * @example 3
   */
  num_cycles?: number;
}

/** Keys of PolynomialArguments. */
export interface PolynomialArguments {
  /**
   * Learning rate at the end; must be below learning_rate.
   * Bounds: >= 0.
   * @default 1e-07
   * @example 1e-07
   */
  lr_end?: number;
  /**
   * Exponent of the decay; 1: a line.
   * Bounds: > 0.
   * @default 1.0
   * @example 2.0
   */
  power?: number;
}

/** Keys of InverseSqrtArguments. */
export interface InverseSqrtArguments {
  /**
   * Updates over which the decay stretches; unset: those of the warmup.
   * Bounds: >= 1.
   * @example 10000
   */
  timescale?: number | null;
}

/** Keys of PlateauArguments. */
export interface PlateauArguments {
  /**
   * Whether the metric should fall or rise; unset: as greater_is_better says.
   * @example "min"
   */
  mode?: "min" | "max" | null;
  /**
   * What the learning rate is multiplied by.
   * Bounds: > 0, < 1.
   * @default 0.1
   * @example 0.5
   */
  factor?: number;
  /**
   * Evaluations without improvement that are let pass.
   * Bounds: >= 0.
   * @default 10
   * @example 3
   */
  patience?: number;
  /**
   * How much better counts as better.
   * Bounds: >= 0.
   * @default 0.0001
   * @example 0.001
   */
  threshold?: number;
  /**
   * Whether threshold is relative.
   * @default "rel"
   * @example "abs"
   */
  threshold_mode?: "rel" | "abs";
  /**
   * Evaluations to wait after a reduction.
   * Bounds: >= 0.
   * @default 0
   * @example 1
   */
  cooldown?: number;
  /**
   * Lower bound of the learning rate, for all parameter groups or each.
   * Bounds: >= 0.
   * @default 0.0
   * @example 1e-06
   */
  min_lr?: number | Array<number>;
  /**
   * Smallest reduction that is made.
   * Bounds: >= 0.
   * @default 1e-08
   * @example 1e-08
   */
  eps?: number;
}

/** Keys of CosineMinArguments. */
export interface CosineMinArguments {
  /**
   * Waves of the cosine; 0.5: from the top to 0 once.
   * Bounds: > 0.
   * @default 0.5
   * @example 0.5
   */
  num_cycles?: number;
  /**
   * Learning rate at the end; this or min_lr_rate.
   * Bounds: >= 0.
   * @example 1e-06
   */
  min_lr?: number | null;
  /**
   * The same as a share of learning_rate.
   * Bounds: >= 0, <= 1.
   * @example 0.1
   */
  min_lr_rate?: number | null;
}

/** Keys of CosineWarmupMinArguments. */
export interface CosineWarmupMinArguments {
  /**
   * Waves of the cosine; 0.5: from the top to 0 once.
   * Bounds: > 0.
   * @default 0.5
   * @example 0.5
   */
  num_cycles?: number;
  /**
   * Learning rate at the end; this or min_lr_rate.
   * Bounds: >= 0.
   * @example 1e-06
   */
  min_lr?: number | null;
  /**
   * The same as a share of learning_rate.
   * Bounds: >= 0, <= 1.
   * @example 0.1
   */
  min_lr_rate?: number | null;
  /**
   * Where the warmup starts, as a share of learning_rate; unset: one over the warmup's updates.
   * Bounds: >= 0, <= 1.
   * @example 0.01
   */
  warmup_lr_rate?: number | null;
}

/** Keys of StableDecayArguments. */
export interface StableDecayArguments {
  /**
   * Updates of the decay at the end; required.
   * Bounds: >= 1.
   * @example 1000
   */
  num_decay_steps?: number | null;
  /**
   * Updates at the top; unset: those left over.
   * Bounds: >= 0.
   * @example 8000
   */
  num_stable_steps?: number | null;
  /**
   * Shape of the warmup.
   * @default "linear"
   * @example "linear"
   */
  warmup_type?: "linear" | "cosine" | "1-sqrt";
  /**
   * Shape of the decay.
   * @default "cosine"
   * @example "1-sqrt"
   */
  decay_type?: "linear" | "cosine" | "1-sqrt";
  /**
   * Learning rate before and after, as a share of learning_rate.
   * Bounds: >= 0, <= 1.
   * @default 0.0
   * @example 0.1
   */
  min_lr_ratio?: number;
  /**
   * Waves of a cosine decay.
   * Bounds: > 0.
   * @default 0.5
   * @example 0.5
   */
  num_cycles?: number;
}

/** Keys of AdamWArguments. */
export interface AdamWArguments {
  /**
   * Keep the largest second moment (AMSGrad).
   * @default false
   * @example true
   */
  amsgrad?: boolean;
  /**
   * Climb instead of descend.
   * @default false
   * @example false
   */
  maximize?: boolean;
  /**
   * Allow capture in a CUDA graph.
   * @default false
   * @example true
   */
  capturable?: boolean;
  /**
   * One kernel for many tensors; unset: where it is faster.
   * @example true
   */
  foreach?: boolean | null;
  /**
   * Let gradients flow through the step.
   * @default false
   * @example false
   */
  differentiable?: boolean;
  /**
   * One kernel for the whole step; unset: where the device has it.
   * @example false
   */
  fused?: boolean | null;
}

/** Keys of FusedArguments. */
export interface FusedArguments {
  /**
   * Keep the largest second moment (AMSGrad).
   * @default false
   * @example true
   */
  amsgrad?: boolean;
  /**
   * Climb instead of descend.
   * @default false
   * @example false
   */
  maximize?: boolean;
  /**
   * Allow capture in a CUDA graph.
   * @default false
   * @example true
   */
  capturable?: boolean;
}

/** Keys of AmsgradArguments. */
export interface AmsgradArguments {
  /**
   * Keep the largest second moment (AMSGrad).
   * @default false
   * @example true
   */
  amsgrad?: boolean;
  /**
   * Climb instead of descend.
   * @default false
   * @example false
   */
  maximize?: boolean;
}

/** Keys of AdafactorArguments. */
export interface AdafactorArguments {
  /**
   * Regularisation of the squared gradient and of the parameter scale.
   * @default [1e-30, 0.001]
   * @example [1e-30, 0.001]
   */
  eps?: Array<number>;
  /**
   * Root mean square of an update, clipped above.
   * Bounds: > 0.
   * @default 1.0
   * @example 1.0
   */
  clip_threshold?: number;
  /**
   * Exponent of the running average of squares.
   * Bounds: <= 0.
   * @default -0.8
   * @example -0.8
   */
  decay_rate?: number;
  /**
   * Running average of the gradient; unset: none is kept.
   * Bounds: >= 0, < 1.
   * @example 0.9
   */
  beta1?: number | null;
  /**
   * Scale the learning rate by the parameter's size.
   * @default false
   * @example true
   */
  scale_parameter?: boolean;
  /**
   * Learning rate from the step number, not from learning_rate.
   * @default false
   * @example true
   */
  relative_step?: boolean;
  /**
   * Start small; needs relative_step.
   * @default false
   * @example true
   */
  warmup_init?: boolean;
}

/** Keys of AnyPrecisionArguments. */
export interface AnyPrecisionArguments {
  /**
   * Weight decay independent of the learning rate.
   * @default false
   * @example true
   */
  decouple_lr?: boolean;
  /**
   * Highest learning rate, for decouple_lr.
   * Bounds: > 0.
   * @example 0.001
   */
  max_lr?: number | null;
  /**
   * Kahan summation; unset: for low-precision parameters.
   * @example true
   */
  kahan_sum?: boolean | null;
  /**
   * One kernel for many tensors.
   * @example true
   */
  foreach?: boolean | null;
  /**
   * Triton kernels.
   * @example true
   */
  triton?: boolean | null;
  /**
   * transformers' name of kahan_sum.
   * @example true
   */
  use_kahan_summation?: boolean | null;
  /**
   * Without effect: as the parameters.
   * @example "bfloat16"
   */
  momentum_dtype?: "float32" | "bfloat16" | "float16" | "torch.float32" | "torch.bfloat16" | "torch.float16" | null;
  /**
   * Without effect: as the parameters.
   * @example "bfloat16"
   */
  variance_dtype?: "float32" | "bfloat16" | "float16" | "torch.float32" | "torch.bfloat16" | "torch.float16" | null;
  /**
   * Without effect: as the parameters.
   * @example "bfloat16"
   */
  compensation_buffer_dtype?:
    | "float32"
    | "bfloat16"
    | "float16"
    | "torch.float32"
    | "torch.bfloat16"
    | "torch.float16"
    | null;
}

/** Keys of TorchAO4bitArguments. */
export interface TorchAO4bitArguments {
  /**
   * Values that share a scale.
   * Bounds: >= 1.
   * @default 128
   * @example 128
   */
  block_size?: number;
  /**
   * Stochastic rounding of bfloat16 parameters.
   * @default false
   * @example true
   */
  bf16_stochastic_round?: boolean;
  /**
   * Keep the largest second moment (AMSGrad).
   * @default false
   * @example true
   */
  amsgrad?: boolean;
  /**
   * Without effect.
   * @example true
   */
  offload_optimizer?: boolean | null;
}

/** Keys of TorchAO8bitArguments. */
export interface TorchAO8bitArguments {
  /**
   * Values that share a scale.
   * Bounds: >= 1.
   * @default 256
   * @example 256
   */
  block_size?: number;
  /**
   * Stochastic rounding of bfloat16 parameters.
   * @default false
   * @example true
   */
  bf16_stochastic_round?: boolean;
  /**
   * Keep the largest second moment (AMSGrad).
   * @default false
   * @example true
   */
  amsgrad?: boolean;
  /**
   * Without effect.
   * @example true
   */
  offload_optimizer?: boolean | null;
}

/** Keys of AdEMAMixArguments. */
export interface AdEMAMixArguments {
  /**
   * Overrides adam_beta1.
   * Bounds: >= 0, < 1.
   * @example 0.9
   */
  beta1?: number | null;
  /**
   * Overrides adam_beta2.
   * Bounds: >= 0, < 1.
   * @example 0.999
   */
  beta2?: number | null;
  /**
   * Decay of the slow average.
   * Bounds: >= 0, < 1.
   * @default 0.9999
   * @example 0.9999
   */
  beta3?: number;
  /**
   * Weight of the slow average.
   * Bounds: >= 0.
   * @default 5.0
   * @example 5.0
   */
  alpha?: number;
  /**
   * Overrides adam_epsilon.
   * Bounds: > 0.
   * @example 1e-08
   */
  eps?: number | null;
  /**
   * Updates over which alpha rises.
   * Bounds: >= 1.
   * @example 10000
   */
  t_alpha?: number | null;
  /**
   * Updates over which beta3 rises.
   * Bounds: >= 1.
   * @example 10000
   */
  t_beta3?: number | null;
}

/** Keys of AdEMAMix8bitArguments. */
export interface AdEMAMix8bitArguments {
  /**
   * Without effect: as optim says.
   * Bounds: >= 1.
   * @example 8
   */
  optim_bits?: number | null;
  /**
   * Without effect: as optim says.
   * @example true
   */
  is_paged?: boolean | null;
  /**
   * Without effect.
   * @example true
   */
  amsgrad?: boolean | null;
  /**
   * Without effect.
   * Bounds: >= 1.
   * @example 100
   */
  percentile_clipping?: number | null;
  /**
   * Without effect.
   * @example true
   */
  block_wise?: boolean | null;
  /**
   * Without effect.
   * @example true
   */
  offload_optimizer?: boolean | null;
  /**
   * Tensors smaller than this keep 32-bit state.
   * Bounds: >= 0.
   * @default 4096
   * @example 16384
   */
  min_8bit_size?: number;
  /**
   * Overrides adam_beta1.
   * Bounds: >= 0, < 1.
   * @example 0.9
   */
  beta1?: number | null;
  /**
   * Overrides adam_beta2.
   * Bounds: >= 0, < 1.
   * @example 0.999
   */
  beta2?: number | null;
  /**
   * Decay of the slow average.
   * Bounds: >= 0, < 1.
   * @default 0.9999
   * @example 0.9999
   */
  beta3?: number;
  /**
   * Weight of the slow average.
   * Bounds: >= 0.
   * @default 5.0
   * @example 5.0
   */
  alpha?: number;
  /**
   * Overrides adam_epsilon.
   * Bounds: > 0.
   * @example 1e-08
   */
  eps?: number | null;
  /**
   * Updates over which alpha rises.
   * Bounds: >= 1.
   * @example 10000
   */
  t_alpha?: number | null;
  /**
   * Updates over which beta3 rises.
   * Bounds: >= 1.
   * @example 10000
   */
  t_beta3?: number | null;
}

/** Keys of SGDArguments. */
export interface SGDArguments {
  /**
   * Climb instead of descend.
   * @default false
   * @example false
   */
  maximize?: boolean;
  /**
   * One kernel for many tensors; unset: where it is faster.
   * @example true
   */
  foreach?: boolean | null;
  /**
   * Let gradients flow through the step.
   * @default false
   * @example false
   */
  differentiable?: boolean;
  /**
   * Momentum.
   * Bounds: >= 0, < 1.
   * @default 0.0
   * @example 0.9
   */
  momentum?: number;
  /**
   * Dampening of the momentum.
   * Bounds: >= 0.
   * @default 0.0
   * @example 0.0
   */
  dampening?: number;
  /**
   * Nesterov's momentum; needs momentum and no dampening.
   * @default false
   * @example true
   */
  nesterov?: boolean;
  /**
   * One kernel for the whole step.
   * @example true
   */
  fused?: boolean | null;
}

/** Keys of AdagradArguments. */
export interface AdagradArguments {
  /**
   * Climb instead of descend.
   * @default false
   * @example false
   */
  maximize?: boolean;
  /**
   * One kernel for many tensors; unset: where it is faster.
   * @example true
   */
  foreach?: boolean | null;
  /**
   * Let gradients flow through the step.
   * @default false
   * @example false
   */
  differentiable?: boolean;
  /**
   * Decay of the learning rate.
   * Bounds: >= 0.
   * @default 0.0
   * @example 0.01
   */
  lr_decay?: number;
  /**
   * Where the sums of squares start.
   * Bounds: >= 0.
   * @default 0.0
   * @example 0.1
   */
  initial_accumulator_value?: number;
  /**
   * Added to the denominator.
   * Bounds: >= 0.
   * @default 1e-10
   * @example 1e-10
   */
  eps?: number;
  /**
   * One kernel for the whole step.
   * @example true
   */
  fused?: boolean | null;
}

/** Keys of RMSpropArguments. */
export interface RMSpropArguments {
  /**
   * Climb instead of descend.
   * @default false
   * @example false
   */
  maximize?: boolean;
  /**
   * One kernel for many tensors; unset: where it is faster.
   * @example true
   */
  foreach?: boolean | null;
  /**
   * Let gradients flow through the step.
   * @default false
   * @example false
   */
  differentiable?: boolean;
  /**
   * Smoothing of the mean square.
   * Bounds: >= 0, < 1.
   * @default 0.99
   * @example 0.99
   */
  alpha?: number;
  /**
   * Added to the denominator.
   * Bounds: >= 0.
   * @default 1e-08
   * @example 1e-08
   */
  eps?: number;
  /**
   * Momentum.
   * Bounds: >= 0.
   * @default 0.0
   * @example 0.9
   */
  momentum?: number;
  /**
   * Normalise by the estimated variance.
   * @default false
   * @example true
   */
  centered?: boolean;
  /**
   * Allow capture in a CUDA graph.
   * @default false
   * @example true
   */
  capturable?: boolean;
}

/** Keys of Bnb8bitArguments. */
export interface Bnb8bitArguments {
  /**
   * Without effect: as optim says.
   * Bounds: >= 1.
   * @example 8
   */
  optim_bits?: number | null;
  /**
   * Without effect: as optim says.
   * @example true
   */
  is_paged?: boolean | null;
  /**
   * Without effect.
   * @example true
   */
  amsgrad?: boolean | null;
  /**
   * Without effect.
   * Bounds: >= 1.
   * @example 100
   */
  percentile_clipping?: number | null;
  /**
   * Without effect.
   * @example true
   */
  block_wise?: boolean | null;
  /**
   * Without effect.
   * @example true
   */
  offload_optimizer?: boolean | null;
  /**
   * Tensors smaller than this keep 32-bit state.
   * Bounds: >= 0.
   * @default 4096
   * @example 16384
   */
  min_8bit_size?: number;
}

/** Keys of Bnb32bitArguments. */
export interface Bnb32bitArguments {
  /**
   * Without effect: as optim says.
   * Bounds: >= 1.
   * @example 8
   */
  optim_bits?: number | null;
  /**
   * Without effect: as optim says.
   * @example true
   */
  is_paged?: boolean | null;
  /**
   * Without effect.
   * @example true
   */
  amsgrad?: boolean | null;
  /**
   * Without effect.
   * Bounds: >= 1.
   * @example 100
   */
  percentile_clipping?: number | null;
  /**
   * Without effect.
   * @example true
   */
  block_wise?: boolean | null;
  /**
   * Without effect.
   * @example true
   */
  offload_optimizer?: boolean | null;
  /**
   * Without effect: all state has 32 bits.
   * Bounds: >= 0.
   * @example 16384
   */
  min_8bit_size?: number | null;
}

/** Keys of BnbRMSpropArguments. */
export interface BnbRMSpropArguments {
  /**
   * Smoothing of the mean square.
   * Bounds: >= 0, < 1.
   * @default 0.99
   * @example 0.99
   */
  alpha?: number;
  /**
   * Added to the denominator.
   * Bounds: > 0.
   * @default 1e-08
   * @example 1e-08
   */
  eps?: number;
  /**
   * Momentum.
   * Bounds: >= 0.
   * @default 0.0
   * @example 0.9
   */
  momentum?: number;
}

/** Keys of BnbRMSprop8bitArguments. */
export interface BnbRMSprop8bitArguments {
  /**
   * Without effect: as optim says.
   * Bounds: >= 1.
   * @example 8
   */
  optim_bits?: number | null;
  /**
   * Without effect: as optim says.
   * @example true
   */
  is_paged?: boolean | null;
  /**
   * Without effect.
   * @example true
   */
  amsgrad?: boolean | null;
  /**
   * Without effect.
   * Bounds: >= 1.
   * @example 100
   */
  percentile_clipping?: number | null;
  /**
   * Without effect.
   * @example true
   */
  block_wise?: boolean | null;
  /**
   * Without effect.
   * @example true
   */
  offload_optimizer?: boolean | null;
  /**
   * Tensors smaller than this keep 32-bit state.
   * Bounds: >= 0.
   * @default 4096
   * @example 16384
   */
  min_8bit_size?: number;
  /**
   * Smoothing of the mean square.
   * Bounds: >= 0, < 1.
   * @default 0.99
   * @example 0.99
   */
  alpha?: number;
  /**
   * Added to the denominator.
   * Bounds: > 0.
   * @default 1e-08
   * @example 1e-08
   */
  eps?: number;
  /**
   * Momentum.
   * Bounds: >= 0.
   * @default 0.0
   * @example 0.9
   */
  momentum?: number;
}

/** Keys of GaLoreArguments. */
export interface GaLoreArguments {
  /**
   * Rank of the projection.
   * Bounds: >= 1.
   * @default 128
   * @example 64
   */
  rank?: number;
  /**
   * Updates between new projections.
   * Bounds: >= 1.
   * @default 200
   * @example 50
   */
  update_proj_gap?: number;
  /**
   * Factor of the low-rank update.
   * Bounds: > 0.
   * @default 0.25
   * @example 0.25
   */
  scale?: number;
  /**
   * Side of the projection.
   * @default "std"
   * @example "std"
   */
  proj_type?: "std" | "reverse_std" | "left" | "right" | "full";
}

/** Keys of GaLoreAdafactorArguments. */
export interface GaLoreAdafactorArguments {
  /**
   * Rank of the projection.
   * Bounds: >= 1.
   * @default 128
   * @example 64
   */
  rank?: number;
  /**
   * Updates between new projections.
   * Bounds: >= 1.
   * @default 200
   * @example 50
   */
  update_proj_gap?: number;
  /**
   * Factor of the low-rank update.
   * Bounds: > 0.
   * @default 0.25
   * @example 0.25
   */
  scale?: number;
  /**
   * Side of the projection.
   * @default "std"
   * @example "std"
   */
  proj_type?: "std" | "reverse_std" | "left" | "right" | "full";
  /**
   * Root mean square of an update, clipped above.
   * Bounds: > 0.
   * @default 1.0
   * @example 1.0
   */
  clip_threshold?: number;
  /**
   * Exponent of the running average of squares.
   * Bounds: <= 0.
   * @default -0.8
   * @example -0.8
   */
  decay_rate?: number;
  /**
   * Running average of the gradient; unset: none is kept.
   * Bounds: >= 0, < 1.
   * @example 0.9
   */
  beta1?: number | null;
}

/** Keys of ApolloArguments. */
export interface ApolloArguments {
  /**
   * Rank of the projection.
   * Bounds: >= 1.
   * @default 128
   * @example 64
   */
  rank?: number;
  /**
   * Updates between new projections.
   * Bounds: >= 1.
   * @default 200
   * @example 50
   */
  update_proj_gap?: number;
  /**
   * Factor of the low-rank update.
   * Bounds: > 0.
   * @default 1.0
   * @example 1.0
   */
  scale?: number;
  /**
   * Side of the projection.
   * @default "std"
   * @example "std"
   */
  proj_type?: "std" | "reverse_std" | "left" | "right" | "full";
  /**
   * Kind of projection.
   * @default "random"
   * @example "random"
   */
  proj?: "random" | "svd";
  /**
   * What shares a scale.
   * @default "channel"
   * @example "tensor"
   */
  scale_type?: "channel" | "tensor";
  /**
   * Scale before limiting the norm's growth.
   * @default false
   * @example true
   */
  scale_front?: boolean;
  /**
   * Do not limit the norm's growth.
   * @default false
   * @example true
   */
  disable_nl?: boolean;
}

/** Keys of LomoArguments. */
export interface LomoArguments {
  /**
   * Largest gradient norm, at the cost of a second backward pass.
   * Bounds: > 0.
   * @example 1.0
   */
  clip_grad_norm?: number | null;
  /**
   * Largest value of a gradient.
   * Bounds: > 0.
   * @example 1.0
   */
  clip_grad_value?: number | null;
}

/** Keys of AdaLomoArguments. */
export interface AdaLomoArguments {
  /**
   * Largest gradient norm, at the cost of a second backward pass.
   * Bounds: > 0.
   * @example 1.0
   */
  clip_grad_norm?: number | null;
  /**
   * Largest value of a gradient.
   * Bounds: > 0.
   * @example 1.0
   */
  clip_grad_value?: number | null;
  /**
   * Factor of the loss under float16.
   * Bounds: > 0.
   * @default 1024.0
   * @example 1024.0
   */
  loss_scale?: number;
  /**
   * Regularisation of the squared gradient and of the parameter scale.
   * @default [1e-30, 0.001]
   * @example [1e-30, 0.001]
   */
  eps?: Array<number>;
  /**
   * Root mean square of an update, clipped above.
   * Bounds: > 0.
   * @default 1.0
   * @example 1.0
   */
  clip_threshold?: number;
  /**
   * Exponent of the running average of squares.
   * Bounds: <= 0.
   * @default -0.8
   * @example -0.8
   */
  decay_rate?: number;
}

/** Keys of GrokAdamWArguments. */
export interface GrokAdamWArguments {
  /**
   * Decay of the slow gradient at the start.
   * Bounds: >= 0, < 1.
   * @default 0.98
   * @example 0.98
   */
  alpha_init?: number;
  /**
   * Weight of the slow gradient.
   * Bounds: >= 0.
   * @default 2.0
   * @example 2.0
   */
  lamb?: number;
  /**
   * How fast beta 1 falls from layer to layer.
   * Bounds: >= 0, < 1.
   * @default 0.1
   * @example 0.1
   */
  gamma?: number;
  /**
   * How fast the grokking signal fades.
   * Bounds: >= 0.
   * @default 0.1
   * @example 0.1
   */
  grokking_signal_decay_rate?: number;
  /**
   * Largest gradient norm, clipped by the optimizer; 0: off.
   * Bounds: >= 0.
   * @default 1.0
   * @example 1.0
   */
  gradient_clipping?: number;
}

/** Keys of ScheduleFreeArguments. */
export interface ScheduleFreeArguments {
  /**
   * Exponent of the step number in the average's weights.
   * Bounds: >= 0.
   * @default 0.0
   * @example 0.0
   */
  r?: number;
  /**
   * Exponent of the learning rate in the average's weights.
   * Bounds: >= 0.
   * @default 2.0
   * @example 2.0
   */
  weight_lr_power?: number;
  /**
   * One kernel for many tensors.
   * @example true
   */
  foreach?: boolean | null;
}

/** Keys of ScheduleFreeSGDArguments. */
export interface ScheduleFreeSGDArguments {
  /**
   * Exponent of the step number in the average's weights.
   * Bounds: >= 0.
   * @default 0.0
   * @example 0.0
   */
  r?: number;
  /**
   * Exponent of the learning rate in the average's weights.
   * Bounds: >= 0.
   * @default 2.0
   * @example 2.0
   */
  weight_lr_power?: number;
  /**
   * One kernel for many tensors.
   * @example true
   */
  foreach?: boolean | null;
  /**
   * Interpolation that takes the place of momentum.
   * Bounds: > 0, < 1.
   * @default 0.9
   * @example 0.9
   */
  momentum?: number;
}

/** Keys of ScheduleFreeRAdamArguments. */
export interface ScheduleFreeRAdamArguments {
  /**
   * Exponent of the step number in the average's weights.
   * Bounds: >= 0.
   * @default 0.0
   * @example 0.0
   */
  r?: number;
  /**
   * Exponent of the learning rate in the average's weights.
   * Bounds: >= 0.
   * @default 2.0
   * @example 2.0
   */
  weight_lr_power?: number;
  /**
   * One kernel for many tensors.
   * @example true
   */
  foreach?: boolean | null;
  /**
   * Do nothing in the first updates, rather than plain SGD.
   * @default true
   * @example true
   */
  silent_sgd_phase?: boolean;
}

/** Keys of OptimiArguments. */
export interface OptimiArguments {
  /**
   * Weight decay independent of the learning rate.
   * @default false
   * @example true
   */
  decouple_lr?: boolean;
  /**
   * Highest learning rate, for decouple_lr.
   * Bounds: > 0.
   * @example 0.001
   */
  max_lr?: number | null;
  /**
   * Kahan summation; unset: for low-precision parameters.
   * @example true
   */
  kahan_sum?: boolean | null;
  /**
   * One kernel for many tensors.
   * @example true
   */
  foreach?: boolean | null;
  /**
   * Triton kernels.
   * @example true
   */
  triton?: boolean | null;
}

/** Keys of MuonArguments. */
export interface MuonArguments {
  /**
   * Momentum.
   * Bounds: >= 0, < 1.
   * @default 0.95
   * @example 0.95
   */
  momentum?: number;
  /**
   * Nesterov's momentum.
   * @default true
   * @example true
   */
  nesterov?: boolean;
  /**
   * Coefficients of the Newton-Schulz iteration.
   * @default [3.4445, -4.775, 2.0315]
   * @example [3.4445, -4.775, 2.0315]
   */
  ns_coefficients?: Array<number>;
  /**
   * Newton-Schulz iterations.
   * Bounds: >= 1, < 100.
   * @default 5
   * @example 5
   */
  ns_steps?: number;
  /**
   * Added to the norm of the gradient.
   * Bounds: > 0.
   * @default 1e-07
   * @example 1e-07
   */
  eps?: number;
  /**
   * How the learning rate follows a matrix's shape; match_rms_adamw: AdamW's rates fit.
   * @example "match_rms_adamw"
   */
  adjust_lr_fn?: "original" | "match_rms_adamw" | null;
}

/** The settings of one training run: Hugging Face's names, types and defaults, validated together. */
export interface TrainingArguments {
  /** The schema of this file. */
  $schema?: string;
  /**
   * Folder or fsspec URL for checkpoints, the final model, the state and the resolved settings.
   * @default "trainer_output"
   * @example "runs/digits"
   */
  output_dir?: string | null;
  /**
   * Start fresh in an output_dir that already holds checkpoints; the old ones go only once the new run's first
   * checkpoint is safe.
   * @default false
   * @example true
   */
  overwrite_output_dir?: boolean | null;
  /**
   * Name of the run in every tracker; output_dir when unset.
   * @example "digits-lr3e-4"
   */
  run_name?: string | null;
  /**
   * Train; the train command does so unless a source says false.
   * @default false
   * @example true
   */
  do_train?: boolean | null;
  /**
   * Evaluate after training; true by itself when eval_strategy is not no.
   * @example true
   */
  do_eval?: boolean | null;
  /**
   * Write predictions for the test set to output_dir.
   * @default false
   * @example true
   */
  do_predict?: boolean | null;
  /**
   * Passes over the training data; a fraction ends inside the last epoch.
   * Bounds: >= 0.
   * @default 3.0
   * @example 1
   */
  num_train_epochs?: number;
  /**
   * When above 0: exactly that many optimizer updates, whatever num_train_epochs says.
   * Bounds: >= -1.
   * @default -1
   * @example 1000
   */
  max_steps?: number;
  /**
   * Checkpoint path or URL to resume from; true or latest: the newest valid one in output_dir; auto: that one, or a
   * fresh start where there is none.
   * @example "auto"
   */
  resume_from_checkpoint?: string | boolean | null;
  /**
   * Training rows per device in one micro-batch.
   * Bounds: >= 1.
   * @default 8
   * @example 32
   */
  per_device_train_batch_size?: number;
  /**
   * Evaluation rows per device in one batch.
   * Bounds: >= 1.
   * @default 8
   * @example 64
   */
  per_device_eval_batch_size?: number;
  /**
   * Micro-batches per optimizer update; the update equals that of one batch as large as all of them.
   * Bounds: >= 1.
   * @default 1
   * @example 4
   */
  gradient_accumulation_steps?: number;
  /**
   * Move predictions to the CPU every so many evaluation batches; unset: once, at the end.
   * Bounds: >= 1.
   * @example 20
   */
  eval_accumulation_steps?: number | null;
  /**
   * Largest global gradient norm, clipped above; 0 switches clipping off.
   * Bounds: >= 0.
   * @default 1.0
   * @example 0.5
   */
  max_grad_norm?: number | null;
  /**
   * When evaluation runs: never, every eval_steps updates, or after each epoch.
   * @default "no"
   * @example "epoch"
   */
  eval_strategy?: IntervalStrategy;
  /**
   * Updates between evaluations, or a fraction of all updates; logging_steps when unset.
   * Bounds: >= 0, > 0, < 1.
   * @example 200
   */
  eval_steps?: number | null;
  /**
   * Epochs (strategy epoch) or updates (strategy steps) before the first evaluation.
   * Bounds: >= 0.
   * @example 2
   */
  eval_delay?: number | null;
  /**
   * Evaluate once before the first update.
   * @default false
   * @example true
   */
  eval_on_start?: boolean | null;
  /**
   * Join predictions of all batches; false: compute_metrics gets lists, one entry a batch.
   * @default true
   * @example false
   */
  eval_do_concat_batches?: boolean | null;
  /**
   * Gather nested outputs that are not tensors from all ranks.
   * @default false
   * @example true
   */
  eval_use_gather_object?: boolean | null;
  /**
   * Keep only the loss of an evaluation, no logits.
   * @default false
   * @example true
   */
  prediction_loss_only?: boolean | null;
  /**
   * Call compute_metrics batch by batch, so that memory does not grow with the data set.
   * @default false
   * @example true
   */
  batch_eval_metrics?: boolean | null;
  /**
   * Initial learning rate.
   * Bounds: >= 0.
   * @default 5e-05
   * @example 0.0003
   */
  learning_rate?: number;
  /**
   * Decay of all parameters except biases and normalisation layers.
   * Bounds: >= 0.
   * @default 0.0
   * @example 0.01
   */
  weight_decay?: number;
  /**
   * Beta 1 of the Adam family.
   * Bounds: >= 0, < 1.
   * @default 0.9
   * @example 0.9
   */
  adam_beta1?: number;
  /**
   * Beta 2 of the Adam family.
   * Bounds: >= 0, < 1.
   * @default 0.999
   * @example 0.95
   */
  adam_beta2?: number;
  /**
   * Epsilon of the Adam family.
   * Bounds: > 0.
   * @default 1e-08
   * @example 1e-06
   */
  adam_epsilon?: number;
  /**
   * Optimizer to build.
   * @default "adamw_torch"
   * @example "adamw_torch_fused"
   */
  optim?: OptimizerNames | "adamw_hf" | "adamw";
  /**
   * Further arguments of that optimizer: a mapping, or text like k=v,k2=v2.
   * @example "rank=64,scale=0.5"
   */
  optim_args?: Record<string, unknown> | string | null;
  /**
   * Linear modules that a low-rank optimizer acts on: names, a regular expression, or all-linear.
   * @example "all-linear"
   */
  optim_target_modules?: string | Array<string> | null;
  /**
   * Shape of the learning-rate curve.
   * @default "linear"
   * @example "cosine"
   */
  lr_scheduler_type?: SchedulerType;
  /**
   * Arguments of that schedule; each schedule has its own.
   * @default {}
   * @example {"num_cycles": 0.5}
   */
  lr_scheduler_kwargs?: Record<string, unknown> | string | null;
  /**
   * Share of all updates spent warming up, rounded up.
   * Bounds: >= 0, <= 1.
   * @default 0.0
   * @example 0.03
   */
  warmup_ratio?: number | null;
  /**
   * Updates spent warming up; above 0 it overrides warmup_ratio.
   * Bounds: >= 0.
   * @default 0
   * @example 500
   */
  warmup_steps?: number;
  /**
   * TensorBoard folder; output_dir/runs/DATETIME_HOSTNAME when unset.
   * @example "logs"
   */
  logging_dir?: string | null;
  /**
   * When loss, grad_norm, learning_rate and epoch are logged.
   * @default "steps"
   * @example "epoch"
   */
  logging_strategy?: IntervalStrategy;
  /**
   * Updates between log entries, or a fraction of all updates.
   * Bounds: >= 0, > 0, < 1.
   * @default 500
   * @example 10
   */
  logging_steps?: number;
  /**
   * Log the first update too.
   * @default false
   * @example true
   */
  logging_first_step?: boolean | null;
  /**
   * A nan or inf loss enters the logged average as the average so far; false: it shows.
   * @default true
   * @example false
   */
  logging_nan_inf_filter?: boolean | null;
  /**
   * Level of the package's logger on the main process; passive leaves it alone.
   * @default "passive"
   * @example "info"
   */
  log_level?: LogLevel | "detail";
  /**
   * Level of the package's logger on the replicas.
   * @default "warning"
   * @example "error"
   */
  log_level_replica?: LogLevel | "detail";
  /**
   * log_level holds on the main process of every node; false: of the whole job only.
   * @default true
   * @example false
   */
  log_on_each_node?: boolean | null;
  /**
   * Trackers that receive every log entry: all that are installed, none, one name or a list.
   * @default "all"
   * @example "none"
   */
  report_to?: TrackerName | "azure-ml" | "comet-ml" | Array<TrackerName | "azure-ml" | "comet-ml"> | null;
  /**
   * Project or experiment in trackers that have one.
   * @default "huggingface"
   * @example "digits"
   */
  project?: string;
  /**
   * When checkpoints are written; best: each time the metric improves.
   * @default "steps"
   * @example "epoch"
   */
  save_strategy?: SaveStrategy;
  /**
   * Updates between checkpoints, or a fraction of all updates.
   * Bounds: >= 0, > 0, < 1.
   * @default 500
   * @example 1000
   */
  save_steps?: number;
  /**
   * Checkpoints that stay; the oldest go first, never the best or the newest valid one.
   * Bounds: >= 1.
   * @example 3
   */
  save_total_limit?: number | null | 0 | -1;
  /**
   * Weights as safetensors; false: a torch file.
   * @default true
   * @example true
   */
  save_safetensors?: boolean | null;
  /**
   * The first rank of every node writes, not just rank 0.
   * @default false
   * @example true
   */
  save_on_each_node?: boolean | null;
  /**
   * Write the model alone: smaller, but training cannot be resumed from it.
   * @default false
   * @example true
   */
  save_only_model?: boolean | null;
  /**
   * Drop columns that the model's forward does not take.
   * @default true
   * @example false
   */
  remove_unused_columns?: boolean | null;
  /**
   * Columns that are labels in evaluation; found from the forward signature when unset.
   * @example ["labels"]
   */
  label_names?: Array<string> | null;
  /**
   * Seed of the order of the data; seed when unset.
   * Bounds: >= 0, < 4294967296.
   * @example 1
   */
  data_seed?: number | null;
  /**
   * Drop the last batch when it is incomplete.
   * @default false
   * @example true
   */
  dataloader_drop_last?: boolean | null;
  /**
   * Processes that load data; 0: the training process itself.
   * Bounds: >= 0.
   * @default 0
   * @example 4
   */
  dataloader_num_workers?: number;
  /**
   * Pin host memory when an accelerator is used.
   * @default true
   * @example false
   */
  dataloader_pin_memory?: boolean | null;
  /**
   * Keep the loading processes between epochs.
   * @default false
   * @example true
   */
  dataloader_persistent_workers?: boolean | null;
  /**
   * Batches each loading process prepares ahead.
   * Bounds: >= 1.
   * @example 4
   */
  dataloader_prefetch_factor?: number | null;
  /**
   * Batch rows of similar length together, to pad less.
   * @default false
   * @example true
   */
  group_by_length?: boolean | null;
  /**
   * Column with precomputed lengths.
   * @default "length"
   * @example "num_tokens"
   */
  length_column_name?: string;
  /**
   * Compile the model with torch.compile.
   * @default false
   * @example true
   */
  torch_compile?: boolean | null;
  /**
   * Backend of torch.compile; setting it switches compilation on.
   * @example "inductor"
   */
  torch_compile_backend?: string | null;
  /**
   * Mode of torch.compile; setting it switches compilation on.
   * @example "reduce-overhead"
   */
  torch_compile_mode?: TorchCompileMode | null;
  /**
   * Empty the device cache every so many updates.
   * Bounds: >= 1.
   * @example 100
   */
  torch_empty_cache_steps?: number | null;
  /**
   * Evaluate a traced module.
   * @default false
   * @example true
   */
  jit_mode_eval?: boolean | null;
  /**
   * Recompute activations in the backward pass, for less memory.
   * @default false
   * @example true
   */
  gradient_checkpointing?: boolean | null;
  /**
   * Arguments of the recomputation.
   * @example {"use_reentrant": false}
   */
  gradient_checkpointing_kwargs?: GradientCheckpointingKwargs | string | null;
  /**
   * Halve the batch and start again when memory runs out.
   * @default false
   * @example true
   */
  auto_find_batch_size?: boolean | null;
  /**
   * Use Liger kernels in a supported model.
   * @default false
   * @example true
   */
  use_liger_kernel?: boolean | null;
  /**
   * Which Liger kernels are used.
   * @example {"rope": true, "cross_entropy": false}
   */
  liger_kernel_config?: LigerKernelConfig | string | null;
  /**
   * Train under bfloat16 autocast.
   * @default false
   * @example true
   */
  bf16?: boolean | null;
  /**
   * Train under float16 autocast with dynamic loss scaling.
   * @default false
   * @example true
   */
  fp16?: boolean | null;
  /**
   * O0 float32, O1 autocast, O2 half model with float32 master weights, O3 pure half.
   * @default "O1"
   * @example "O2"
   */
  fp16_opt_level?: ApexOptLevel;
  /**
   * Library for mixed precision; auto and cpu_amp are torch's own.
   * @default "auto"
   * @example "auto"
   */
  half_precision_backend?: HalfPrecisionBackend | "amp" | "cuda_amp";
  /**
   * Evaluate entirely in bfloat16.
   * @default false
   * @example true
   */
  bf16_full_eval?: boolean | null;
  /**
   * Evaluate entirely in float16.
   * @default false
   * @example true
   */
  fp16_full_eval?: boolean | null;
  /**
   * TF32 in matmul and cuDNN; unset leaves the process alone.
   * @example true
   */
  tf32?: boolean | null;
  /**
   * Rank on this node; LOCAL_RANK under a launcher.
   * Bounds: >= -1.
   * @default -1
   * @example 0
   */
  local_rank?: number;
  /**
   * Process-group backend; by device when unset.
   * @example "nccl"
   */
  ddp_backend?: DDPBackend | null;
  /**
   * Passed to DistributedDataParallel.
   * @example false
   */
  ddp_find_unused_parameters?: boolean | null;
  /**
   * Bucket size of DistributedDataParallel, in MB.
   * Bounds: >= 1.
   * @example 25
   */
  ddp_bucket_cap_mb?: number | null;
  /**
   * Passed to DistributedDataParallel.
   * @example false
   */
  ddp_broadcast_buffers?: boolean | null;
  /**
   * Process-group timeout, in seconds.
   * Bounds: >= 1.
   * @default 1800
   * @example 7200
   */
  ddp_timeout?: number;
  /**
   * Shard parameters, gradients and optimizer state: options as a list or as words in one text.
   * @default []
   * @example ["full_shard", "auto_wrap"]
   */
  fsdp?: boolean | Array<FSDPOption> | string | null;
  /**
   * Details of FSDP: a mapping, or the path or URL of a JSON or YAML file.
   * @example {"transformer_layer_cls_to_wrap": ["Block"]}
   */
  fsdp_config?: FSDPConfig | string | null;
  /**
   * DeepSpeed configuration: a mapping, or the path or URL of a file; auto takes our settings.
   * @example "ds_zero2.json"
   */
  deepspeed?: DeepSpeedConfig | string | null;
  /**
   * How batches are dealt to processes: a mapping, or the path or URL of a file.
   * @example {"split_batches": true}
   */
  accelerator_config?: AcceleratorConfig | string | null;
  /**
   * Device mesh: sizes whose product is the world size.
   * @example {"dp_shard_size": 4, "tp_size": 2}
   */
  parallelism_config?: ParallelismConfig | string | null;
  /**
   * Compute on the CPU even when an accelerator is there.
   * @default false
   * @example true
   */
  use_cpu?: boolean | null;
  /**
   * TPU cores, through torch_xla.
   * Bounds: >= 1.
   * @example 8
   */
  tpu_num_cores?: number | null;
  /**
   * Deprecated, without effect: Apple devices are found by themselves.
   * @default false
   * @example false
   */
  use_mps_device?: boolean | null;
  /**
   * Seed of python, numpy, torch and all devices.
   * Bounds: >= 0, < 4294967296.
   * @default 42
   * @example 1
   */
  seed?: number;
  /**
   * Deterministic algorithms only: two runs agree bit for bit.
   * @default false
   * @example true
   */
  full_determinism?: boolean | null;
  /**
   * Load the best checkpoint's weights after training.
   * @default false
   * @example true
   */
  load_best_model_at_end?: boolean | null;
  /**
   * Evaluation metric that decides, with or without eval_; loss when one is needed and none is set.
   * @example "accuracy"
   */
  metric_for_best_model?: string | null;
  /**
   * Direction of that metric; unset: true unless its name ends in loss.
   * @example true
   */
  greater_is_better?: boolean | null;
  /**
   * Push the model to the hub.
   * @default false
   * @example true
   */
  push_to_hub?: boolean | null;
  /**
   * Repository to push to; the name of output_dir when unset.
   * @example "team/digits"
   */
  hub_model_id?: string | null;
  /**
   * Branch to push to.
   * @example "main"
   */
  hub_revision?: string | null;
  /**
   * Create the repository private; unset: the account's default.
   * @example true
   */
  hub_private_repo?: boolean | null;
  /**
   * What is pushed, and when.
   * @default "every_save"
   * @example "end"
   */
  hub_strategy?: HubStrategy;
  /** Token for the push; a secret, shown nowhere. */
  hub_token?: string | null;
  /**
   * Push even while the last push still runs.
   * @default false
   * @example true
   */
  hub_always_push?: boolean | null;
  /**
   * Debugging aids, as a list or as words in one text.
   * @default ""
   * @example "underflow_overflow"
   */
  debug?: Array<DebugOption> | string | null;
  /**
   * Leave memory figures out of the metrics.
   * @default true
   * @example false
   */
  skip_memory_metrics?: boolean | null;
  /**
   * No progress bars; unset: none outside terminals and notebooks, or with log_level above warning.
   * @example true
   */
  disable_tqdm?: boolean | null;
  /**
   * Output that is fed back to the model as mems; -1: none.
   * Bounds: >= -1.
   * @default -1
   * @example 2
   */
  past_index?: number;
  /**
   * Deprecated: use torch_compile_backend.
   * @example "inductor"
   */
  torchdynamo?: string | null;
  /**
   * Which result of a trial a Ray search compares.
   * @default "last"
   * @example "all"
   */
  ray_scope?: RayScope;
  /**
   * What reaches compute_metrics besides predictions.
   * @default []
   * @example ["inputs"]
   */
  include_for_metrics?: Array<MetricInput> | null;
  /**
   * Smoothing of the cross-entropy; padding is ignored.
   * Bounds: >= 0, < 1.
   * @default 0.0
   * @example 0.1
   */
  label_smoothing_factor?: number;
  /**
   * A resumed run starts at the beginning of its epoch, not at the exact batch.
   * @default false
   * @example true
   */
  ignore_data_skip?: boolean | null;
  /**
   * Noise on input embeddings while training (NEFTune).
   * Bounds: > 0.
   * @example 5.0
   */
  neftune_noise_alpha?: number | null | 0;
  /**
   * Report train_tokens_per_second per device.
   * @default false
   * @example true
   */
  include_tokens_per_second?: boolean | null;
  /**
   * Count input tokens over all ranks: all of them, those that are not padding, or none.
   * @example "non_padding"
   */
  include_num_input_tokens_seen?: boolean | TokenCount | null;
  /**
   * Normalise the loss by the tokens of all ranks.
   * @default true
   * @example false
   */
  average_tokens_across_devices?: boolean | null;
  /**
   * Make callbacks on resume as the checkpoint's were.
   * @default false
   * @example true
   */
  restore_callback_states_from_checkpoint?: boolean | null;
  /**
   * Trackio space; null logs locally.
   * @default "trackio"
   * @example "team/space"
   */
  trackio_space_id?: string | null;
  /**
   * End the run at a loss or gradient that is nan or infinite, before it reaches a checkpoint.
   * @default true
   * @example false
   */
  stop_on_nonfinite?: boolean;
  /**
   * Order of the training rows; as group_by_length says when unset.
   * @example "sequential"
   */
  train_sampling_strategy?: SamplingStrategy | null;
  /**
   * Take batches in their order; false: as loading processes finish them, which no run repeats.
   * @default true
   * @example false
   */
  dataloader_in_order?: boolean | null;
  /**
   * How loading processes are started; the platform's own way when unset.
   * @example "spawn"
   */
  dataloader_multiprocessing_context?: WorkerStart | null;
  /**
   * Passed to DistributedDataParallel: the graph never changes.
   * @example true
   */
  ddp_static_graph?: boolean | null;
  /**
   * What a process does that runs out of training data before others; unset: as even_batches says.
   * @example "drop"
   */
  uneven_inputs?: UnevenInputs | null;
  /**
   * Whether the model keeps keys and values while it trains; as its configuration says when unset.
   * @example false
   */
  use_cache?: boolean | null;
  /**
   * At SIGTERM, finish the update, write a checkpoint, and end.
   * @default false
   * @example true
   */
  enable_jit_checkpoint?: boolean | null;
  /**
   * Bucket on the hub with the metrics of Trackio's Space.
   * @example "team/bucket"
   */
  trackio_bucket_id?: string | null;
  /**
   * Static Space that Trackio's is copied to after training; null or false: none.
   * @example "team/finished"
   */
  trackio_static_space_id?: string | boolean | null;
  /**
   * Seconds that a read or write of a remote store is tried before it counts as failed.
   * Bounds: > 0.
   * @default 60.0
   * @example 300.0
   */
  storage_timeout_seconds?: number;
  /**
   * Checkpoints in a row that may fail to be saved before the run ends; 0: it ends at the first.
   * Bounds: >= 0.
   * @default 3
   * @example 0
   */
  save_failures_allowed?: number;
  /**
   * Let training wait only for a copy in memory of what is saved, which a thread writes meanwhile.
   * @default false
   * @example true
   */
  save_in_background?: boolean;
  /**
   * Exit code of a run that was told to end and has saved; unset: 143, as after SIGTERM.
   * Bounds: >= 1, <= 255.
   * @example 85
   */
  preemption_exit_code?: number | null;
  /**
   * Seconds after the signal at which a run that has not ended by itself is ended; unset: no bound.
   * Bounds: > 0.
   * @example 25.0
   */
  preemption_grace_seconds?: number | null;
  /**
   * A local file whose appearance means the same as SIGTERM: a notice that the machine is taken away.
   * @example "/var/run/preempted"
   */
  preemption_file?: string | null;
  /**
   * What a resumed run does about settings that change it and are not those of its checkpoint.
   * @default "warn"
   * @example "error"
   */
  on_changed_settings?: OnChangedSettings;
  /** @deprecated Old name of eval_strategy: write eval_strategy. */
  evaluate_during_training?: boolean;
  /** @deprecated Old name of eval_strategy: write eval_strategy. */
  evaluation_strategy?: IntervalStrategy | null;
  /**
   * Bounds: >= 1.
   * @deprecated Old name of per_device_train_batch_size: write per_device_train_batch_size.
   */
  per_gpu_train_batch_size?: number | null;
  /**
   * Bounds: >= 1.
   * @deprecated Old name of per_device_eval_batch_size: write per_device_eval_batch_size.
   */
  per_gpu_eval_batch_size?: number | null;
  /** @deprecated Old name of debug: write debug. */
  tpu_metrics_debug?: boolean | null;
  /** @deprecated Old name of hub_token: write hub_token. */
  push_to_hub_token?: string | null;
  /** @deprecated Old name of hub_model_id: write hub_model_id. */
  push_to_hub_model_id?: string | null;
  /** @deprecated Old name of half_precision_backend: write half_precision_backend. */
  fp16_backend?: HalfPrecisionBackend | "amp" | "cuda_amp" | null;
  /** @deprecated Old name of optim: write optim: adafactor. */
  adafactor?: boolean | null;
  /** @deprecated Old name of fsdp: write fsdp, with the option that replaces fairscale's. */
  sharded_ddp?:
    | true
    | false
    | null
    | []
    | Array<"auto_wrap" | "offload">
    | Array<"auto_wrap" | "offload" | "simple">
    | Array<"auto_wrap" | "offload" | "zero_dp_2">
    | Array<"auto_wrap" | "offload" | "zero_dp_3">
    | string;
  /**
   * Bounds: >= 0.
   * @deprecated Old name of fsdp_config.min_num_params: write fsdp_config.min_num_params.
   */
  fsdp_min_num_params?: number | null;
  /**
   * @deprecated Old name of fsdp_config.transformer_layer_cls_to_wrap: write fsdp_config.transformer_layer_cls_to_wrap.
   */
  fsdp_transformer_layer_cls_to_wrap?: string | Array<string> | null;
  /** @deprecated Old name of ddp_backend: write ddp_backend. */
  xpu_backend?: DDPBackend | null;
  /** @deprecated Old name of use_cpu: write use_cpu. */
  no_cuda?: boolean | null;
  /** @deprecated Old name of accelerator_config.dispatch_batches: write accelerator_config.dispatch_batches. */
  dispatch_batches?: boolean | null;
  /** @deprecated Old name of accelerator_config.split_batches: write accelerator_config.split_batches. */
  split_batches?: boolean | null;
  /** @deprecated Old name of include_for_metrics: write include_for_metrics: [inputs]. */
  include_inputs_for_metrics?: boolean | null;
  /** @deprecated Old name of gradient_checkpointing: write gradient_checkpointing. */
  activation_checkpointing?: boolean | null;
  /** @deprecated Old name of gradient_checkpointing_kwargs: write gradient_checkpointing_kwargs. */
  activation_checkpointing_kwargs?: GradientCheckpointingKwargs | string | null;
  /** @deprecated Old name of the first part of hub_model_id: write hub_model_id: owner/name. */
  push_to_hub_organization?: string | null;
  /** @deprecated No setting: there is one evaluation loop; drop it. */
  use_legacy_prediction_loop?: null | false | 0 | "" | "false" | "False" | "0";
  /** @deprecated No setting: it configured SageMaker's model parallelism only; use parallelism_config. */
  mp_parameters?: null | false | 0 | "" | "false" | "False" | "0";
  /** @deprecated No setting: the extension went into torch itself; drop it; use bf16 and torch_compile. */
  use_ipex?: null | false | 0 | "" | "false" | "False" | "0";
  /** @deprecated No setting: it is derived, never set; drop it; choose devices through CUDA_VISIBLE_DEVICES. */
  _n_gpu?: null | false | 0 | "" | "false" | "False" | "0";
  /** @deprecated No setting: it is derived, never set; drop it; choose devices through CUDA_VISIBLE_DEVICES. */
  n_gpu?: null | false | 0 | "" | "false" | "False" | "0";
  /** Settings of the task's own; the task checks them. */
  task?: Record<string, unknown>;
}
