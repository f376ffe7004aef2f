"""What each TGT rule looks for: functions of settings and a declared machine that return a message, or None."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainspec.settings.rules.optimizer import FUSED_BACKWARD, LAYERWISE
from trainspec.settings.values.choices import (
    DDPBackend,
    DebugOption,
    HalfPrecisionBackend,
    OptimizerNames,
    TorchCompileMode,
)
from trainspec.settings.views.layout import layout_of, splits_batches

if TYPE_CHECKING:
    from trainspec.settings.targets.machines import Target

_CUDA_ONLY = (OptimizerNames.GALORE_ADAMW_8BIT, OptimizerNames.GALORE_ADAMW_8BIT_LAYERWISE, OptimizerNames.ADALOMO)
_FUSED = (OptimizerNames.ADAMW_TORCH_FUSED, OptimizerNames.ADAMW_APEX_FUSED)
_GPUS = ("cuda", "rocm")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the settings are to run: a machine, a number of processes, a number of nodes; None where it is not told."""

    target: Target | None
    world: int | None
    nodes: int | None = None
    # Processes on this node, where others have another number.
    here: int | None = None

    @classmethod
    def of(cls, target: Target | None, world_size: int | None = None, nodes: int | None = None) -> Place:
        """What is declared, and what follows from it: a target's devices are those of every node."""
        devices = target.count if target is not None else None
        if world_size is None and devices is not None:
            world_size = devices * (nodes or 1)
        if nodes is None and devices and world_size is not None and world_size % devices == 0:
            nodes = world_size // devices
        return cls(target, world_size, nodes)

    @property
    def per_node(self) -> int | None:
        """Processes on each node, where that is known and the same for all."""
        if self.world is None or self.nodes is None or self.world % self.nodes:
            return None
        return self.world // self.nodes

    def device_is(self, *devices: str) -> bool:
        return self.target is not None and self.target.device in devices

    def device_is_not(self, *devices: str) -> bool:
        return self.target is not None and self.target.device not in devices


def _on(settings: Any, *names: str) -> str:
    """Those of the switches that are on, for a message."""
    return " and ".join(name for name in names if getattr(settings, name))


# What the device can compute.


def bf16(settings: Any, place: Place) -> str | None:
    asked = _on(settings, "bf16", "bf16_full_eval")
    if not asked or place.target is None or place.target.bf16 or settings.use_cpu:
        return None
    return f"{asked} needs bfloat16, which {place.target.label} does not have"


def fp16(settings: Any, place: Place) -> str | None:
    asked = _on(settings, "fp16", "fp16_full_eval")
    if not asked or place.target is None or place.target.fp16 or settings.use_cpu:
        return None
    return f"{asked} needs float16 training, which {place.target.label} does not have"


def tf32(settings: Any, place: Place) -> str | None:
    if not settings.tf32 or place.target is None or place.target.tf32:
        return None
    return f"tf32 needs an NVIDIA GPU of compute capability 8.0 or above, which {place.target.label} is not"


def apex(settings: Any, place: Place) -> str | None:
    apex = settings.half_precision_backend == HalfPrecisionBackend.APEX
    return (
        f"half_precision_backend apex does not run on {shown(place)}" if apex and place.device_is_not("cuda") else None
    )


def liger(settings: Any, place: Place) -> str | None:
    here = place.device_is("cpu", "mps", "tpu", "hpu")
    return f"use_liger_kernel has no kernels for {shown(place)}" if settings.use_liger_kernel and here else None


def too_old_to_compile(settings: Any, place: Place) -> str | None:
    capability = place.target.capability if place.target is not None else None
    if not settings.torch_compile or capability is None or capability >= (7, 0) or settings.use_cpu:
        return None
    if settings.torch_compile_backend != "inductor":
        return None
    return f"torch_compile needs compute capability 7.0 or above, which {shown(place)} does not have"


def deepspeed(settings: Any, place: Place) -> str | None:
    here = place.device_is("mps", "tpu")
    return f"deepspeed does not run on {shown(place)}" if settings.deepspeed and here else None


def compile_mode(settings: Any, place: Place) -> str | None:
    graphs = settings.torch_compile_mode == TorchCompileMode.REDUCE_OVERHEAD
    if not graphs or not settings.torch_compile or not (place.device_is_not(*_GPUS) or settings.use_cpu):
        return None
    return "torch_compile_mode reduce-overhead has no effect without CUDA graphs"


# Which optimizers are there.


def cuda_optimizer(settings: Any, place: Place) -> str | None:
    here = place.device_is_not(*_GPUS) or settings.use_cpu
    return f"optim {settings.optim} runs on CUDA devices only" if settings.optim in _CUDA_ONLY and here else None


def fused_optimizer(settings: Any, place: Place) -> str | None:
    here = place.device_is("tpu")
    return (
        f"optim {settings.optim} has no fused kernel on {shown(place)}" if settings.optim in _FUSED and here else None
    )


def foreign_optimizer(settings: Any, place: Place) -> str | None:
    if settings.optim == OptimizerNames.ADAMW_TORCH_XLA and place.device_is_not("tpu"):
        return f"optim {settings.optim} needs a TPU, which {shown(place)} is not"
    if settings.optim == OptimizerNames.ADAMW_TORCH_NPU_FUSED and place.target is not None:
        return f"optim {settings.optim} needs an Ascend NPU, which {shown(place)} is not"
    return None


# Processes.


def backend(settings: Any, place: Place) -> str | None:
    backend, target = settings.ddp_backend, place.target
    if backend is None or target is None or backend in target.backends:
        return None
    if settings.use_cpu and backend in (DDPBackend.GLOO, DDPBackend.MPI, DDPBackend.CCL):
        return None
    return f"ddp_backend {backend} does not reach {shown(place)}"


def slow_backend(settings: Any, place: Place) -> str | None:
    slow = settings.ddp_backend == DDPBackend.GLOO and not settings.use_cpu
    if not slow or place.target is None or place.target.backend not in ("nccl", "hccl", "xccl"):
        return None
    return f"ddp_backend gloo sends {shown(place)}'s tensors through host memory"


def mesh(settings: Any, place: Place) -> str | None:
    mesh = settings.parallelism_config
    if mesh is None or place.world is None or mesh.total_size() == place.world:
        return None
    if settings.deepspeed and mesh.sp_size > 1:
        # DeepSpeed deals out the other ranks by itself.
        left = place.world % mesh.sp_size
        return (
            f"sp_size {mesh.sp_size} of parallelism_config does not divide {processes(place.world)}" if left else None
        )
    product = mesh.total_size()
    said = f"the sizes of parallelism_config multiply to {product}, but there are {processes(place.world)}"
    if place.world % product:
        return said
    return f"{said}; {place.world // product} times as large a dp_replicate_size or dp_shard_size would use them all"


def machines(settings: Any, place: Place) -> str | None:
    count = place.target.count if place.target is not None else None
    if place.world is None:
        return None
    if place.nodes is not None and place.world % place.nodes:
        return f"{processes(place.world)} are not to be shared evenly by {place.nodes} nodes"
    if count is None or place.world % count == 0:
        return None
    return f"{processes(place.world)} do not fill machines of {count} devices"


def one_device(settings: Any, place: Place) -> str | None:
    return "fsdp shards nothing on one device" if settings.fsdp and place.world == 1 else None


def rank(settings: Any, place: Place) -> str | None:
    known = [number for number in (place.target.count if place.target else None, place.world) if number is not None]
    if not known or settings.local_rank < min(known):
        return None
    return f"local_rank {settings.local_rank} is none of the ranks 0 to {min(known) - 1}"


def layerwise(settings: Any, place: Place) -> str | None:
    if settings.optim not in (*LAYERWISE, *FUSED_BACKWARD) or place.world is None or place.world == 1:
        return None
    return f"optim {settings.optim} cannot work on {processes(place.world)}"


def split(settings: Any, place: Place) -> str | None:
    if place.world is None or not splits_batches(settings):
        return None
    readers = layout_of(settings, place.world, place.per_node).data_ranks
    whom = processes(place.world) if readers == place.world else f"{readers} groups of processes that share their rows"
    for name in ("per_device_train_batch_size", "per_device_eval_batch_size"):
        size = getattr(settings, name)
        if size % readers:
            return f"{name} ({size}) cannot be split among {whom}"
    return None


def deepspeed_batch(settings: Any, place: Place) -> str | None:
    said = getattr(settings.deepspeed, "train_batch_size", None)
    if not isinstance(said, int) or place.world is None or settings.auto_find_batch_size:
        return None
    readers = 1 if splits_batches(settings) else layout_of(settings, place.world).data_ranks
    rows = settings.per_device_train_batch_size * settings.gradient_accumulation_steps * readers
    if said == rows:
        return None
    return f"train_batch_size of deepspeed is {said}, but {processes(place.world)} make {rows} rows an update"


# Choices of device.


def tpu_cores(settings: Any, place: Place) -> str | None:
    cores = settings.tpu_num_cores
    if cores is None or place.target is None:
        return None
    if place.target.device != "tpu":
        return f"tpu_num_cores needs a TPU, which {shown(place)} is not"
    count = place.target.count
    return f"tpu_num_cores ({cores}) is more than the {count} of the target" if count and cores > count else None


def idle_accelerator(settings: Any, place: Place) -> str | None:
    return f"use_cpu leaves {shown(place)} idle" if settings.use_cpu and place.device_is_not("cpu") else None


def tpu_metrics(settings: Any, place: Place) -> str | None:
    asked = DebugOption.TPU_METRICS_DEBUG in settings.debug
    return f"debug tpu_metrics_debug has no effect on {shown(place)}" if asked and place.device_is_not("tpu") else None


OF_SEVERAL = (
    "ddp_backend",
    "ddp_find_unused_parameters",
    "ddp_bucket_cap_mb",
    "ddp_broadcast_buffers",
    "ddp_static_graph",
    "ddp_timeout",
    "uneven_inputs",
    "log_level_replica",
    "eval_use_gather_object",
)
OF_ACCELERATORS = ("dataloader_pin_memory", "torch_empty_cache_steps")


def _said(settings: Any, names: tuple[str, ...]) -> list[str]:
    said = settings.model_fields_set
    return [name for name in names if name in said and settings.__dict__[name] not in (None, False)]


def alone(settings: Any, place: Place) -> str | None:
    names = _said(settings, OF_SEVERAL) if place.world == 1 else []
    return f"{', '.join(names)} {_have(names)} no effect on one process" if names else None


def without_accelerator(settings: Any, place: Place) -> str | None:
    names = _said(settings, OF_ACCELERATORS) if place.device_is("cpu") and not settings.use_cpu else []
    return f"{', '.join(names)} {_have(names)} no effect on cpu" if names else None


def _have(names: list[str]) -> str:
    return "has" if len(names) == 1 else "have"


def shown(place: Place) -> str:
    """The machine's name for a message."""
    return place.target.name if place.target is not None else "the target"


def processes(world: int) -> str:
    """How many, in words."""
    return "1 process" if world == 1 else f"{world} processes"
