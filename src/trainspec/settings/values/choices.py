"""The closed sets of values that settings take, as `str` enums people can import."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class Choice(str, Enum):
    """A `str` enum: equal to, hashed as and printed as its value."""

    def __str__(self) -> str:
        return str(self.value)

    __hash__ = str.__hash__

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> JsonSchemaValue:
        from trainspec.settings.values.choice_descriptions import describe_choice

        choices = "\n".join(f"- `{choice}`: {describe_choice(choice)}" for choice in cls)
        return {**handler.resolve_ref_schema(handler(schema)), "description": choices}


class IntervalStrategy(Choice):
    NO = "no"
    STEPS = "steps"
    EPOCH = "epoch"


class SaveStrategy(Choice):
    NO = "no"
    STEPS = "steps"
    EPOCH = "epoch"
    BEST = "best"


class SchedulerType(Choice):
    LINEAR = "linear"
    COSINE = "cosine"
    COSINE_WITH_RESTARTS = "cosine_with_restarts"
    POLYNOMIAL = "polynomial"
    CONSTANT = "constant"
    CONSTANT_WITH_WARMUP = "constant_with_warmup"
    INVERSE_SQRT = "inverse_sqrt"
    REDUCE_ON_PLATEAU = "reduce_lr_on_plateau"
    COSINE_WITH_MIN_LR = "cosine_with_min_lr"
    COSINE_WARMUP_WITH_MIN_LR = "cosine_warmup_with_min_lr"
    WARMUP_STABLE_DECAY = "warmup_stable_decay"


class OptimizerNames(Choice):
    ADAMW_TORCH = "adamw_torch"
    ADAMW_TORCH_FUSED = "adamw_torch_fused"
    ADAMW_TORCH_XLA = "adamw_torch_xla"
    ADAMW_TORCH_NPU_FUSED = "adamw_torch_npu_fused"
    ADAMW_APEX_FUSED = "adamw_apex_fused"
    ADAFACTOR = "adafactor"
    ADAMW_ANYPRECISION = "adamw_anyprecision"
    ADAMW_TORCH_4BIT = "adamw_torch_4bit"
    ADAMW_TORCH_8BIT = "adamw_torch_8bit"
    ADEMAMIX = "ademamix"
    ADEMAMIX_8BIT = "ademamix_8bit"
    PAGED_ADEMAMIX = "paged_ademamix_32bit"
    PAGED_ADEMAMIX_8BIT = "paged_ademamix_8bit"
    SGD = "sgd"
    ADAGRAD = "adagrad"
    RMSPROP = "rmsprop"
    ADAMW_BNB = "adamw_bnb_8bit"
    ADAMW_8BIT = "adamw_8bit"
    PAGED_ADAMW = "paged_adamw_32bit"
    PAGED_ADAMW_8BIT = "paged_adamw_8bit"
    LION = "lion_32bit"
    LION_8BIT = "lion_8bit"
    PAGED_LION = "paged_lion_32bit"
    PAGED_LION_8BIT = "paged_lion_8bit"
    RMSPROP_BNB = "rmsprop_bnb"
    RMSPROP_8BIT = "rmsprop_bnb_8bit"
    RMSPROP_32BIT = "rmsprop_bnb_32bit"
    GALORE_ADAMW = "galore_adamw"
    GALORE_ADAFACTOR = "galore_adafactor"
    GALORE_ADAMW_LAYERWISE = "galore_adamw_layerwise"
    GALORE_ADAFACTOR_LAYERWISE = "galore_adafactor_layerwise"
    GALORE_ADAMW_8BIT = "galore_adamw_8bit"
    GALORE_ADAMW_8BIT_LAYERWISE = "galore_adamw_8bit_layerwise"
    APOLLO_ADAMW = "apollo_adamw"
    APOLLO_ADAMW_LAYERWISE = "apollo_adamw_layerwise"
    LOMO = "lomo"
    ADALOMO = "adalomo"
    GROKADAMW = "grokadamw"
    SCHEDULE_FREE_ADAMW = "schedule_free_adamw"
    SCHEDULE_FREE_SGD = "schedule_free_sgd"
    SCHEDULE_FREE_RADAM = "schedule_free_radam"
    STABLE_ADAMW = "stable_adamw"
    MUON = "muon"


class HubStrategy(Choice):
    END = "end"
    EVERY_SAVE = "every_save"
    CHECKPOINT = "checkpoint"
    ALL_CHECKPOINTS = "all_checkpoints"


class SamplingStrategy(Choice):
    RANDOM = "random"
    SEQUENTIAL = "sequential"
    GROUP_BY_LENGTH = "group_by_length"


class UnevenInputs(Choice):
    PAD = "pad"
    DROP = "drop"
    JOIN = "join"


class OnChangedSettings(Choice):
    WARN = "warn"
    ERROR = "error"
    ACCEPT = "accept"


class WorkerStart(Choice):
    FORK = "fork"
    SPAWN = "spawn"
    FORKSERVER = "forkserver"


class FSDPOption(Choice):
    FULL_SHARD = "full_shard"
    SHARD_GRAD_OP = "shard_grad_op"
    HYBRID_SHARD = "hybrid_shard"
    HYBRID_SHARD_ZERO2 = "hybrid_shard_zero2"
    NO_SHARD = "no_shard"
    OFFLOAD = "offload"
    AUTO_WRAP = "auto_wrap"


class DebugOption(Choice):
    UNDERFLOW_OVERFLOW = "underflow_overflow"
    TPU_METRICS_DEBUG = "tpu_metrics_debug"


class LogLevel(Choice):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"
    PASSIVE = "passive"


class TrackerName(Choice):
    ALL = "all"
    NONE = "none"
    JSONL = "jsonl"
    PLOT = "plot"
    TENSORBOARD = "tensorboard"
    WANDB = "wandb"
    MLFLOW = "mlflow"
    TRACKIO = "trackio"
    COMET_ML = "comet_ml"
    CLEARML = "clearml"
    DVCLIVE = "dvclive"
    CODECARBON = "codecarbon"
    SWANLAB = "swanlab"
    NEPTUNE = "neptune"
    AZURE_ML = "azure_ml"
    FLYTE = "flyte"
    DAGSHUB = "dagshub"


class TorchCompileMode(Choice):
    DEFAULT = "default"
    REDUCE_OVERHEAD = "reduce-overhead"
    MAX_AUTOTUNE = "max-autotune"
    MAX_AUTOTUNE_NO_CUDAGRAPHS = "max-autotune-no-cudagraphs"


class ApexOptLevel(Choice):
    O0 = "O0"
    O1 = "O1"
    O2 = "O2"
    O3 = "O3"


class HalfPrecisionBackend(Choice):
    AUTO = "auto"
    APEX = "apex"
    CPU_AMP = "cpu_amp"


class DDPBackend(Choice):
    NCCL = "nccl"
    GLOO = "gloo"
    MPI = "mpi"
    CCL = "ccl"
    HCCL = "hccl"
    CNCL = "cncl"
    MCCL = "mccl"
    XCCL = "xccl"


class RayScope(Choice):
    LAST = "last"
    ALL = "all"
    AVG = "avg"
    LAST_5_AVG = "last-5-avg"
    LAST_10_AVG = "last-10-avg"


class TokenCount(Choice):
    ALL = "all"
    NON_PADDING = "non_padding"
    NO = "no"


class MetricInput(Choice):
    INPUTS = "inputs"
    LOSS = "loss"


class ParallelMode(Choice):
    """How the work of this process is shared; what `TrainingArguments.parallel_mode` returns."""

    NOT_PARALLEL = "not_parallel"
    NOT_DISTRIBUTED = "not_distributed"
    DISTRIBUTED = "distributed"
    SAGEMAKER_MODEL_PARALLEL = "sagemaker_model_parallel"
    SAGEMAKER_DATA_PARALLEL = "sagemaker_data_parallel"
    TPU = "tpu"
