"""What this release does not drive yet. A setting of that kind is refused, never passed over in silence.

Whatever is driven is read somewhere in this package; a test compares the two with the list of all settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainspec.training.findings import found
from trainspec.training.optimizers import OPTIMIZERS
from trainspec.training.trackers import TRACKERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic


@dataclass(frozen=True)
class Gap:
    """One setting with the values that are driven; `details` are settings that only matter together with it."""

    field: str
    driven: tuple[Any, ...]
    what: str
    details: tuple[str, ...] = ()

    def is_asked_for(self, args: TrainingArguments) -> bool:
        value = getattr(args, self.field)
        if isinstance(value, (list, tuple, set)):
            return any(entry not in self.driven for entry in value)
        return value not in self.driven


NOT_DRIVEN: tuple[Gap, ...] = (
    Gap("optim", tuple(OPTIMIZERS), "this optimizer"),
    Gap("optim_args", (None, "", {}), "further optimizer arguments"),
    Gap("optim_target_modules", (None,), "low-rank optimizers"),
    Gap(
        "report_to",
        ("all", "none", *TRACKERS),
        "this tracker",
        ("logging_dir", "project", "trackio_space_id"),
    ),
    Gap("fsdp", (False, None, ""), "sharding with FSDP", ("fsdp_config",)),
    Gap("deepspeed", (None,), "DeepSpeed"),
    Gap("accelerator_config", (None,), "dealing batches to processes"),
    Gap("parallelism_config", (None,), "device meshes"),
    Gap("tpu_num_cores", (None,), "TPUs"),
    Gap(
        "push_to_hub",
        (False,),
        "pushing to a hub",
        ("hub_model_id", "hub_revision", "hub_private_repo", "hub_strategy", "hub_token", "hub_always_push"),
    ),
    Gap(
        "torch_compile",
        (False,),
        "compilation",
        ("torch_compile_backend", "torch_compile_mode", "torchdynamo"),
    ),
    Gap("torch_empty_cache_steps", (None,), "emptying the device cache"),
    Gap("jit_mode_eval", (False,), "traced evaluation"),
    Gap("gradient_checkpointing", (False,), "recomputing activations", ("gradient_checkpointing_kwargs",)),
    Gap("auto_find_batch_size", (False,), "finding the batch size"),
    Gap("use_liger_kernel", (False,), "Liger kernels", ("liger_kernel_config",)),
    Gap("group_by_length", (False,), "batches of similar length", ("length_column_name",)),
    Gap("fp16_opt_level", ("O1",), "half-precision levels other than O1"),
    Gap("half_precision_backend", ("auto", "cpu_amp"), "apex (torch's own mixed precision needs no package)"),
    Gap("bf16_full_eval", (False,), "evaluation entirely in bfloat16"),
    Gap("fp16_full_eval", (False,), "evaluation entirely in float16"),
    Gap("include_for_metrics", (), "inputs and losses in compute_metrics"),
    Gap("label_smoothing_factor", (0,), "label smoothing"),
    Gap("neftune_noise_alpha", (None,), "noise on embeddings"),
    Gap("include_tokens_per_second", (False,), "counting tokens"),
    Gap("include_num_input_tokens_seen", (None, False, "no"), "counting tokens"),
    Gap("restore_callback_states_from_checkpoint", (False,), "saving the state of callbacks"),
    Gap("debug", ("",), "debugging aids"),
    Gap("skip_memory_metrics", (True,), "memory figures"),
    Gap("past_index", (-1,), "feeding outputs back"),
)

# These say how several processes work together or how a search compares trials. Runs have one process, where they
# change nothing; a configuration that sets them is not wrong, but its author should know.
WITHOUT_EFFECT_YET: dict[str, Any] = {
    "ddp_backend": None,
    "ddp_find_unused_parameters": None,
    "ddp_bucket_cap_mb": None,
    "ddp_broadcast_buffers": None,
    "ddp_timeout": 1800,
    "eval_use_gather_object": False,
    "save_on_each_node": False,
    "log_level_replica": "warning",
    "log_on_each_node": True,
    "average_tokens_across_devices": True,
    "ray_scope": "last",
}

# By contract: accepted for the sake of old configurations; the settings themselves warn of it.
RETIRED = ("use_mps_device",)


def find_gaps(args: TrainingArguments) -> Iterator[Diagnostic]:
    """A finding for every setting that asks for what is not there."""
    for gap in NOT_DRIVEN:
        if gap.is_asked_for(args):
            yield _refusal(gap, args)
    idle = [name for name, usual in WITHOUT_EFFECT_YET.items() if getattr(args, name) != usual]
    if idle:
        yield found(
            args,
            "RUN102",
            f"{', '.join(idle)}: no effect, because this run is a single process without a search",
            *idle,
            remedy="nothing has to be done; leave them out to make this notice go away",
            severity="warning",
        )


def _refusal(gap: Gap, args: TrainingArguments) -> Diagnostic:
    said = [gap.field, *(name for name in gap.details if name in args.model_fields_set)]
    return found(
        args,
        "RUN101",
        f"{gap.field}: {gap.what} cannot be had in this release",
        *said,
        remedy=f"leave {gap.field} out" + _choices(gap),
    )


def _choices(gap: Gap) -> str:
    names = [value for value in gap.driven if isinstance(value, str) and value]
    return f", or use one of {', '.join(names)}" if names else ""
