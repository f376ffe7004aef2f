"""Every name and value that settings had in other years, and what each becomes here.

A name with a successor still works, with one warning that names both. One without is refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Renamed:
    """An old name: its successor (dotted for a key of a section), the release that brought it, what values become.

    `idle` is the default it had, which dumps hold beside the new name's value and which says nothing there.
    """

    successor: str
    since: str
    note: str = ""
    convert: Callable[[Any], Any] | None = None
    newer: bool = False
    idle: Any = None


@dataclass(frozen=True)
class Removed:
    """A name with no successor: since when it is gone, why, and what to do instead."""

    gone: str
    reason: str
    advice: str
    idle: tuple[Any, ...] = ()


class Inexpressible(ValueError):
    """The old name's value says something that no setting of today can say; the message tells a person why."""


NOTHING = object()
"""What a conversion returns when the old value says nothing (a switch left off)."""


def _when_true(value: Any) -> Callable[[Any], Any]:
    """A switch that became a value of another setting: true says it, false says nothing."""

    def convert(switch: Any) -> Any:
        if switch is True:
            return value
        if switch is False or switch is None:
            return NOTHING
        raise Inexpressible("true or false was expected")

    return convert


def _on_off(when_on: Any, when_off: Any) -> Callable[[Any], Any]:
    def convert(switch: Any) -> Any:
        if isinstance(switch, bool):
            return when_on if switch else when_off
        raise Inexpressible("true or false was expected")

    return convert


SHARDED_DDP = {"simple": "shard_grad_op", "zero_dp_2": "shard_grad_op", "zero_dp_3": "full_shard"}


def _sharded_ddp(options: Any) -> Any:
    if options is False or options is None or options in ("", []):
        return NOTHING
    if options is True:
        return ["shard_grad_op"]
    names = options.split() if isinstance(options, str) else options
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Inexpressible("option names were expected")
    unknown = [name for name in names if name not in (*SHARDED_DDP, "offload", "auto_wrap")]
    if unknown:
        raise Inexpressible(f"{unknown[0]} is not an option that sharded_ddp had")
    if len(set(names)) < len(names) or sum(name in SHARDED_DDP for name in names) > 1:
        raise Inexpressible("each option was given once, and one way to shard at most")
    return [SHARDED_DDP.get(name, name) for name in names]


RENAMED: dict[str, Renamed] = {
    "evaluate_during_training": Renamed("eval_strategy", "3.x", convert=_on_off("steps", "no"), idle="no"),
    "evaluation_strategy": Renamed("eval_strategy", "4.41"),
    "per_gpu_train_batch_size": Renamed("per_device_train_batch_size", "4.0"),
    "per_gpu_eval_batch_size": Renamed("per_device_eval_batch_size", "4.0"),
    "tpu_metrics_debug": Renamed("debug", "4.7", convert=_when_true(["tpu_metrics_debug"])),
    "push_to_hub_token": Renamed("hub_token", "4.11"),
    "push_to_hub_model_id": Renamed("hub_model_id", "4.11"),
    "fp16_backend": Renamed("half_precision_backend", "4.13", idle="auto"),
    "adafactor": Renamed("optim", "4.16", "optim: adafactor", _when_true("adafactor")),
    "sharded_ddp": Renamed("fsdp", "4.31", "fsdp, with the option that replaces fairscale's", _sharded_ddp),
    "fsdp_min_num_params": Renamed("fsdp_config.min_num_params", "4.27", idle=0),
    "fsdp_transformer_layer_cls_to_wrap": Renamed("fsdp_config.transformer_layer_cls_to_wrap", "4.27"),
    "xpu_backend": Renamed("ddp_backend", "4.29"),
    "no_cuda": Renamed("use_cpu", "4.32", idle=False),
    "dispatch_batches": Renamed("accelerator_config.dispatch_batches", "4.38"),
    "split_batches": Renamed("accelerator_config.split_batches", "4.38"),
    "include_inputs_for_metrics": Renamed(
        "include_for_metrics", "4.46", "include_for_metrics: [inputs]", _when_true(["inputs"])
    ),
    "activation_checkpointing": Renamed("gradient_checkpointing", "5.23", newer=True),
    "activation_checkpointing_kwargs": Renamed("gradient_checkpointing_kwargs", "5.23", newer=True),
}

# What a removed switch holds in dumps where it was off; as text in the sources that hold only text.
SAYS_NOTHING: tuple[Any, ...] = (None, False, 0, "", "false", "False", "0")

# Joined with the model id rather than renamed; `names.py` does so, since it needs both values.
ORGANIZATION = "push_to_hub_organization"


class OwnerAlone(str):
    """The owner of a repository whose name is that of output_dir, which another source may give."""

    __slots__ = ()


def name_repository(values: dict[str, Any], fields: Mapping[str, FieldInfo]) -> None:
    """Give a repository of which only the owner was said the name of output_dir, once all sources are known."""
    owner = values.get("hub_model_id")
    if type(owner) is not OwnerAlone:
        return
    from trainspec.settings.views.derived import repository_name

    usual = fields["output_dir"].default if "output_dir" in fields else ""
    folder = values.get("output_dir", usual)
    # A folder that is no text is a fault of its own, of which nothing more follows.
    values["hub_model_id"] = f"{owner}/{repository_name(folder)}" if isinstance(folder, str) else f"{owner}/-"


REMOVED: dict[str, Removed] = {
    "use_legacy_prediction_loop": Removed("5.0", "there is one evaluation loop", "drop it"),
    "mp_parameters": Removed("5.0", "it configured SageMaker's model parallelism only", "use parallelism_config"),
    "use_ipex": Removed("4.57", "the extension went into torch itself", "drop it; use bf16 and torch_compile"),
    "_n_gpu": Removed("5.0", "it is derived, never set", "drop it; choose devices through CUDA_VISIBLE_DEVICES"),
    "n_gpu": Removed("4.0", "it is derived, never set", "drop it; choose devices through CUDA_VISIBLE_DEVICES"),
}


@dataclass(frozen=True)
class RetiredValue:
    """A value that a setting once took: what it becomes (NOTHING: unset), or None where it is refused; the reason."""

    becomes: Any
    reason: str


_OFF = RetiredValue(False, "null is off, as it was in transformers")
_UNSAID = RetiredValue(NOTHING, "null leaves the default, as it did in transformers")
_NO_LIMIT = RetiredValue(NOTHING, "it kept all checkpoints in transformers, as leaving it out does")
_NO_TEXT = RetiredValue(NOTHING, "no text was the same as nothing, as it was in transformers")
_EMPTY_IN_TRANSFORMERS = (
    *("deepspeed", "hub_revision", "logging_dir", "metric_for_best_model"),
    *("resume_from_checkpoint", "run_name", "torch_compile_backend"),
)
_SWITCHES_OF_TRANSFORMERS = (
    *("auto_find_batch_size", "average_tokens_across_devices", "batch_eval_metrics", "bf16", "bf16_full_eval"),
    *("dataloader_drop_last", "dataloader_in_order", "dataloader_persistent_workers", "dataloader_pin_memory"),
    *("do_predict", "do_train", "enable_jit_checkpoint", "eval_do_concat_batches", "eval_on_start"),
    *("eval_use_gather_object", "fp16", "fp16_full_eval", "full_determinism", "group_by_length", "hub_always_push"),
    *("ignore_data_skip", "include_tokens_per_second", "jit_mode_eval", "load_best_model_at_end", "log_on_each_node"),
    *("logging_first_step", "logging_nan_inf_filter", "overwrite_output_dir", "prediction_loss_only", "push_to_hub"),
    *("remove_unused_columns", "restore_callback_states_from_checkpoint", "save_on_each_node", "save_only_model"),
    *("save_safetensors", "skip_memory_metrics", "torch_compile", "use_cpu", "use_liger_kernel", "use_mps_device"),
)

RETIRED_VALUES: dict[str, dict[str | int | None, RetiredValue]] = {
    **{name: {None: _OFF} for name in _SWITCHES_OF_TRANSFORMERS},
    **{name: {"": _NO_TEXT} for name in _EMPTY_IN_TRANSFORMERS},
    "max_grad_norm": {None: RetiredValue(0.0, "null is no clipping, as it was in transformers")},
    "save_total_limit": dict.fromkeys((0, -1), _NO_LIMIT),
    "neftune_noise_alpha": {0: RetiredValue(NOTHING, "no noise is none, as it was in transformers")},
    "debug": {None: _UNSAID},
    "include_for_metrics": {None: _UNSAID},
    "output_dir": {
        None: _UNSAID,
        "": RetiredValue(".", "no name is the folder that the run is started in"),
    },
    "log_level": {"detail": RetiredValue("debug", "its level was that of debug, with the place of each message")},
    "log_level_replica": {
        "detail": RetiredValue("debug", "its level was that of debug, with the place of each message")
    },
    "optim": {
        "adamw_hf": RetiredValue("adamw_torch", "that implementation was removed in 4.50; torch's AdamW replaces it"),
        "adamw": RetiredValue("adamw_torch", "the name of torch's AdamW is adamw_torch"),
    },
    "warmup_ratio": {
        None: RetiredValue(NOTHING, "null stands in dumps of transformers 5.x, where warmup_steps holds the share"),
    },
    "gradient_checkpointing": {
        None: RetiredValue(NOTHING, "null stands in dumps of transformers 5.23 and means off"),
    },
    "lr_scheduler_type": {
        "greedy": RetiredValue(None, "the greedy schedule of transformers 5.x is not among ours"),
    },
    "train_sampling_strategy": {
        "batch_rebalance": RetiredValue(
            None, "dealing rows out to processes by their length is not done here; group_by_length comes next to it"
        ),
    },
    "report_to": {
        None: RetiredValue("all", "null meant all trackers up to transformers 4.x, and none from 5.0: write which"),
        "azure-ml": RetiredValue("azure_ml", "the tracker's name is written with an underscore"),
        "comet-ml": RetiredValue("comet_ml", "the tracker's name is written with an underscore"),
    },
    "half_precision_backend": {
        "amp": RetiredValue("auto", "torch's own mixed precision is called auto"),
        "cuda_amp": RetiredValue("auto", "torch's own mixed precision is called auto"),
    },
}
_RETIRED = frozenset((name, value) for name, table in RETIRED_VALUES.items() for value in table)


def says_nothing_of_before(document: Mapping[str, Any]) -> bool:
    """Whether a document of numbers, switches and texts is sure to hold none of these values."""
    return ORGANIZATION not in document and _RETIRED.isdisjoint(document.items())
