"""Argument classes in the styles of scripts that people share: mixins, redefined defaults, work in `__post_init__`."""

# The annotations are written as such scripts write them.
# ruff: noqa: N815, RUF036, UP006, UP007, UP035, UP045
# mypy: disable-error-code="assignment, misc"

import json
import os
from dataclasses import InitVar, asdict, dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Dict, List, Literal, Optional, Tuple, Union

from pydantic import SecretStr

from trainspec import TrainingArguments


class Pooling(str, Enum):
    MEAN = "mean"
    CLS = "cls"


# In the style of trl.


@dataclass
class SupervisedConfig(TrainingArguments):
    """Fine-tuning on examples: other defaults, and a few settings beside them."""

    learning_rate: float = field(default=2e-5, metadata={"help": "The initial learning rate."})
    logging_steps: float = field(default=10, metadata={"help": "Log every so many updates."})
    gradient_checkpointing: bool = field(default=True, metadata={"help": "Recompute to save memory."})
    bf16: Optional[bool] = field(default=None, metadata={"help": "True unless fp16 is."})
    model_init_kwargs: Optional[Dict[str, Any]] = field(default=None, metadata={"help": "For the model."})
    dataset_text_field: str = field(default="text", metadata={"help": "Column with the text."})
    max_length: Optional[int] = field(default=1024, metadata={"help": "Longest sequence in tokens."})
    packing: bool = field(default=False, metadata={"help": "Fill sequences with several examples."})
    loss_type: str = field(default="nll", metadata={"help": "The loss.", "choices": ["nll", "dft"]})

    def __post_init__(self) -> None:
        self.bf16 = not self.fp16 if self.bf16 is None else self.bf16
        super().__post_init__()


@dataclass
class PreferenceConfig(TrainingArguments):
    learning_rate: float = 1e-6
    beta: float = 0.1
    loss_type: Literal["sigmoid", "hinge", "ipo"] = "sigmoid"
    label_smoothing: float = 0.0
    loss_weights: Optional[List[float]] = None
    reference_free: bool = False
    remove_unused_columns: Optional[bool] = field(default=False)


@dataclass
class PolicyConfig(TrainingArguments):
    _VALID_DICT_FIELDS: ClassVar[List[str]] = ["model_init_kwargs"]

    model_init_kwargs: Optional[Union[dict, str]] = field(default=None)
    num_generations: Optional[int] = field(default=8)
    temperature: float = field(default=1.0)
    reward_weights: Optional[List[float]] = field(default=None)
    steps_per_generation: Optional[int] = None
    generation_batch_size: Optional[int] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps_per_generation is None:
            self.steps_per_generation = self.gradient_accumulation_steps
        self.generation_batch_size = self.per_device_train_batch_size * self.steps_per_generation
        if self.num_generations is not None and self.num_generations < 2:
            raise ValueError("two generations at least are compared")


@dataclass
class RewardConfig(SupervisedConfig):
    learning_rate: float = 1e-4
    center_rewards_coefficient: Optional[float] = None


@dataclass
class OnlineConfig(PreferenceConfig, SupervisedConfig):
    """Two of them at once, which both have TrainingArguments below."""

    missing_eos_penalty: Optional[float] = None


# In the style of LLaMA-Factory.


@dataclass
class LoraArguments:
    lora_rank: int = field(default=8, metadata={"help": "The rank."})
    lora_alpha: Optional[int] = field(default=None)
    lora_target: str = field(default="all")
    additional_target: Optional[str] = None


@dataclass
class FreezeArguments:
    freeze_trainable_layers: int = 2
    freeze_trainable_modules: str = "all"


@dataclass
class FinetuningArguments(LoraArguments, FreezeArguments, TrainingArguments):
    stage: Literal["pt", "sft", "rm"] = field(default="sft", metadata={"help": "Which stage."})
    finetuning_type: Literal["lora", "freeze", "full"] = "lora"
    plot_loss: bool = field(default=False)
    compute_dtype: Optional[str] = field(default=None, init=False)
    device_map: Optional[Union[str, Dict[str, Any]]] = field(default=None, init=False)

    def __post_init__(self) -> None:
        def split(text: Optional[str]) -> Optional[List[str]]:
            return text if isinstance(text, list) or text is None else [item.strip() for item in text.split(",")]

        self.target_modules = split(self.lora_target)
        self.lora_alpha = self.lora_alpha or self.lora_rank * 2
        self.use_ref_model = self.stage == "rm"
        self.compute_dtype = "bfloat16"
        super().__post_init__()


@dataclass
class RayArguments:
    ray_num_workers: int = field(default=1)
    ray_init_kwargs: Optional[Union[dict, str]] = field(default=None)

    def __post_init__(self) -> None:
        self.use_ray = os.environ.get("USE_RAY_HERE", "0") == "1"
        if isinstance(self.ray_init_kwargs, str):
            self.ray_init_kwargs = json.loads(self.ray_init_kwargs)


@dataclass
class RayTrainingArguments(RayArguments, TrainingArguments):
    def __post_init__(self) -> None:
        TrainingArguments.__post_init__(self)
        RayArguments.__post_init__(self)


# In the style of ms-swift.


@dataclass
class BaseMixin:
    model: Optional[str] = None
    model_type: Optional[str] = field(default=None, metadata={"help": "Kind of model."})
    torch_dtype: Literal["bfloat16", "float16", "float32", None] = None


@dataclass
class DataMixin(BaseMixin):
    dataset: List[str] = field(default_factory=list)
    split_dataset_ratio: float = 0.0
    dataset_seed: Optional[int] = 42


@dataclass
class TunerMixin(BaseMixin):
    target_modules: List[str] = field(default_factory=lambda: ["all-linear"])
    tuner_type: str = field(default="lora", metadata={"help": f"One of {['lora', 'full']}"})


@dataclass
class SwiftArguments(DataMixin, TunerMixin, TrainingArguments):
    output_dir: Optional[str] = None
    learning_rate: Optional[float] = None
    add_version: bool = True

    def __post_init__(self) -> None:
        if self.output_dir is None:
            self.output_dir = f"output/{self.model or 'model'}"
        if self.learning_rate is None:
            self.learning_rate = 1e-5 if self.tuner_type == "full" else 1e-4
        super().__post_init__()


@dataclass
class ScaledMixin:
    lr_scale: InitVar[float] = 1.0

    def __post_init__(self, lr_scale: float) -> None:
        self.scaled_by = lr_scale


@dataclass
class ScaledArguments(ScaledMixin, TrainingArguments):
    optimizer_name: Optional[str] = None


# In the style of axolotl.


@dataclass
class AxolotlMixins:
    sample_packing: Optional[bool] = field(default=None, metadata={"help": "Pack samples."})
    sample_packing_bin_size: int = 200
    curriculum_sampling: Optional[bool] = None
    relora_steps: Optional[int] = None
    loraplus_lr_ratio: Optional[float] = None
    adam_beta3: Optional[float] = field(default=None, metadata={"help": "The third beta."})


@dataclass
class AxolotlArguments(AxolotlMixins, TrainingArguments):
    """As the class of its own mixin."""


@dataclass
class AxolotlPreference(AxolotlMixins, PreferenceConfig):
    """The mixin over arguments of another library."""

    rpo_alpha: Optional[float] = None


# In the style of llava and FastChat.


@dataclass
class VisionArguments(TrainingArguments):
    cache_dir: Optional[str] = field(default=None)
    optim: str = field(default="adamw_torch")
    remove_unused_columns: bool = field(default=False)
    freeze_mm_mlp_adapter: bool = field(default=False)
    model_max_length: int = field(default=512, metadata={"help": "Longest sequence; right padded."})
    double_quant: bool = field(default=True)
    bits: int = field(default=16, metadata={"help": "How many bits."})
    lora_bias: str = "none"
    mm_projector_lr: Optional[float] = None
    group_by_modality_length: bool = field(default=False)


@dataclass
class ChatArguments(TrainingArguments):
    cache_dir: Optional[str] = field(default=None)
    optim: str = field(default="adamw_torch")
    model_max_length: int = field(default=512)
    min_lr: float = field(default=None)


@dataclass
class QuantArguments(TrainingArguments):
    train_on_source: Optional[bool] = field(default=False)
    report_to: str = field(default="none")
    output_dir: str = field(default="./output")
    optim: str = field(default="paged_adamw_32bit")
    per_device_train_batch_size: int = field(default=1)
    gradient_accumulation_steps: int = field(default=16)
    max_steps: int = field(default=10000)
    weight_decay: float = field(default=0.0)
    learning_rate: float = field(default=0.0002)
    max_grad_norm: float = field(default=0.3)
    gradient_checkpointing: bool = field(default=True)
    do_train: bool = field(default=True)
    lr_scheduler_type: str = field(default="constant")
    warmup_ratio: float = field(default=0.03)
    logging_steps: int = field(default=10)
    group_by_length: bool = field(default=True)
    save_strategy: str = field(default="steps")
    save_steps: int = field(default=250)
    save_total_limit: int = field(default=40)
    max_memory_MB: int = field(default=80000)
    full_finetune: bool = False


# In the style of open-instruct and alignment-handbook.


@dataclass
class InstructArguments(TrainingArguments):
    exp_name: str = os.path.basename(__file__)[: -len(".py")]
    dataset_mixer: dict = field(default_factory=lambda: {"a/b": 1.0})
    dataset_mixer_list: List[str] = field(default_factory=lambda: ["a/b", "1.0"])
    num_train_epochs: int = 2
    final_lr_ratio: Optional[float] = None
    seed: int = 8
    reduce_loss: str = field(default="mean", metadata={"help": "How.", "choices": ["mean", "sum"]})
    clip_grad_norm: float = field(default=-1)
    checkpointing_steps: Optional[str] = None
    hf_entity: Optional[str] = None
    hub_key: Optional[SecretStr] = None

    def __post_init__(self) -> None:
        self.run = f"{self.exp_name}__{self.seed}"
        if self.reduce_loss == "sum" and self.clip_grad_norm > 0:
            raise ValueError("sums are not clipped")


@dataclass
class HandbookArguments(SupervisedConfig):
    benchmarks: list[str] = field(default_factory=list, metadata={"help": "Run afterwards."})
    callbacks: list[str] = field(default_factory=list)
    chat_template: Optional[str] = field(default=None)
    hub_model_revision: Optional[str] = field(default="main")
    overwrite_hub_revision: bool = field(default=False)
    wandb_entity: Optional[str] = field(default=None)


# In the style of sentence-transformers, setfit and others.


@dataclass
class EmbeddingArguments(TrainingArguments):
    prompts: Union[str, None, Dict[str, str], Dict[str, Dict[str, str]]] = field(default=None)
    batch_sampler: str = field(default="batch_sampler")
    pooling: Pooling = Pooling.MEAN
    learning_rate_mapping: Dict[str, float] = field(default_factory=dict)
    router_mapping: Optional[Dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ddp_broadcast_buffers = False
        self.prompts = self.prompts or None


@dataclass
class TwoPhaseArguments(TrainingArguments):
    batch_size: Tuple[int, int] = field(default=(16, 2), repr=False)
    body_learning_rate: Tuple[float, float] = field(default=(2e-5, 1e-5))
    samples_per_label: int = 2
    embedding_batch_size: int = field(init=False, default=0)
    show_progress_bar: bool = True

    def __post_init__(self) -> None:
        self.embedding_batch_size = self.batch_size[0]

    @property
    def classifier_batch_size(self) -> int:
        return self.batch_size[1]


@dataclass
class Seq2SeqArguments(TrainingArguments):
    sortish_sampler: bool = field(default=False, metadata={"help": "Sort a little."})
    predict_with_generate: bool = field(default=False)
    generation_max_length: Optional[int] = field(default=None)
    generation_config: Optional[Union[str, Path]] = field(default=None)

    def as_plain(self) -> Dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name.startswith("generation")}


@dataclass
class DistillationArguments(TrainingArguments):
    alpha: float = 0.5
    temperature: float = 2.0
    teacher: Optional[str] = None
    log_level: Optional[str] = "info"
    eval_strategy: str = "no"
    report_to: List[str] = field(default_factory=lambda: ["jsonl"])
    _cached: int = field(default=3, init=False, repr=False)

    def snapshot(self) -> Dict[str, Any]:
        return asdict(self)


@dataclass
class DiffusionArguments(LoraArguments, TrainingArguments):
    resolution: int = field(default=512, metadata={"help": "Pixels a side.", "aliases": ["-r", "--res"]})
    snr_gamma: Optional[float] = None
    validation_prompt: Optional[List[str]] = None
    center_crop: bool = True


@dataclass
class ProcessArguments(TrainingArguments):
    """Work that a script does once it knows its settings, kept where it reads it later."""

    dataset_num_proc: Optional[int] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.distributed_state = object
        self.started = {"ranks": [self.process_index]}


class UndecoratedArguments(LoraArguments, TrainingArguments):
    """Without `@dataclass` of its own."""

    weight_decay: float = 0.1
    extra: List[int] = field(default_factory=list, metadata={"help": "More."})


@dataclass(kw_only=True)
class KeywordArguments(TrainingArguments):
    dataset: str
    column: str = "text"


@dataclass
class PruningArguments(DistillationArguments):
    """Settings over settings of one's own."""

    temperature: float = 4.0
    sparsity: float = field(default=0.5, metadata={"help": "Share of weights that go."})
    layers: List[str] = field(default_factory=list)


@dataclass
class ResearchArguments(RayTrainingArguments):
    learning_rate: float = 3e-4
    tags: Dict[str, str] = field(default_factory=dict)
    ablation: Literal["none", "depth", "width"] = "none"


CLASSES: tuple[type[TrainingArguments], ...] = tuple(
    cls for cls in list(globals().values()) if isinstance(cls, type) and issubclass(cls, TrainingArguments)
)[1:]
