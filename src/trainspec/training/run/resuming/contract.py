"""What each setting means to a run that goes on from a checkpoint, and which are others than it was saved with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.stepping_codes import NEW_RUN, STEPPING_CODES
from trainspec.settings.values.choices import OnChangedSettings
from trainspec.storage import StorageError
from trainspec.text.bounded_json import parse_json
from trainspec.text.redaction import printable, redact_shown, shortened, show_value
from trainspec.training.checkpoint.contents import resolved_args_of
from trainspec.training.checkpoint.manifest import CheckpointError, json_bytes
from trainspec.training.checkpoint.states.documents import resolved_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.checkpoint import Checkpoint


class Term(StrEnum):
    """What another value of a setting is to a run that goes on."""

    # Weights and rows are what they would have been.
    FREE = "free"
    CHANGES = "changes the run"
    # Another value may make what is saved meaningless. Where it does, the run is refused (RUN241 to RUN247), whatever
    # on_changed_settings says; where the saved state can be taken over, it is one that changes the run.
    FORBIDDEN = "forbidden"


_FREE = (
    # Where it writes, and how a run is started and ended. To go on longer is what one resumes for: the length is as
    # the settings say, and a schedule that follows updates spreads over it.
    *("output_dir", "overwrite_output_dir", "run_name", "do_train", "do_eval", "do_predict", "num_train_epochs"),
    *("max_steps", "resume_from_checkpoint", "on_changed_settings", "ignore_data_skip", "stop_on_nonfinite"),
    *("restore_callback_states_from_checkpoint", "enable_jit_checkpoint", "storage_timeout_seconds"),
    *("preemption_exit_code", "preemption_grace_seconds", "preemption_file"),
    # Evaluation.
    *("per_device_eval_batch_size", "eval_accumulation_steps", "eval_strategy", "eval_steps", "eval_delay"),
    *("eval_on_start", "eval_do_concat_batches", "eval_use_gather_object", "prediction_loss_only"),
    *("batch_eval_metrics", "include_for_metrics", "bf16_full_eval", "fp16_full_eval", "jit_mode_eval"),
    *("load_best_model_at_end", "past_index", "predict_with_generate", "generation_max_length"),
    *("generation_num_beams", "generation_config"),
    # Logging, trackers, the hub.
    *("logging_dir", "logging_strategy", "logging_steps", "logging_first_step", "logging_nan_inf_filter"),
    *("log_level", "log_level_replica", "log_on_each_node", "report_to", "project", "disable_tqdm"),
    *("include_tokens_per_second", "include_num_input_tokens_seen", "skip_memory_metrics", "debug", "ray_scope"),
    *("push_to_hub", "hub_model_id", "hub_revision", "hub_private_repo", "hub_strategy", "hub_token"),
    *("hub_always_push", "trackio_space_id", "trackio_bucket_id", "trackio_static_space_id"),
    # Saving.
    *("save_strategy", "save_steps", "save_total_limit", "save_safetensors", "save_on_each_node", "save_only_model"),
    *("save_failures_allowed", "save_in_background"),
    # How rows get here, and how memory and processes are used. A size that auto_find_batch_size finds is the batch
    # size's matter, and streams that other workers would cut in another way are refused (RUN122).
    *("dataloader_num_workers", "dataloader_pin_memory", "dataloader_persistent_workers"),
    *("dataloader_prefetch_factor", "dataloader_multiprocessing_context", "auto_find_batch_size"),
    *("torch_empty_cache_steps", "gradient_checkpointing", "use_cache", "local_rank", "ddp_timeout"),
    *("ddp_find_unused_parameters", "ddp_static_graph"),
)
_CHANGES = (
    # The update.
    *("per_device_train_batch_size", "gradient_accumulation_steps", "max_grad_norm", "learning_rate"),
    *("weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon", "optim_args", "lr_scheduler_type"),
    *("lr_scheduler_kwargs", "warmup_ratio", "warmup_steps", "label_smoothing_factor", "neftune_noise_alpha"),
    "average_tokens_across_devices",
    # What stops a run or lowers its rate, and what is kept of it.
    *("metric_for_best_model", "greater_is_better"),
    # Rows, and their order.
    *("seed", "data_seed", "full_determinism", "remove_unused_columns", "label_names", "dataloader_drop_last"),
    *("group_by_length", "length_column_name", "train_sampling_strategy", "dataloader_in_order"),
    *("uneven_inputs", "accelerator_config", "sortish_sampler"),
    # Number formats, and who computes: the last bits are others.
    *("bf16", "fp16", "fp16_opt_level", "half_precision_backend", "tf32", "torch_compile"),
    *("torch_compile_backend", "torch_compile_mode", "torchdynamo", "use_liger_kernel", "liger_kernel_config"),
    *("gradient_checkpointing_kwargs", "use_cpu", "use_mps_device", "tpu_num_cores", "ddp_backend"),
    *("ddp_bucket_cap_mb", "ddp_broadcast_buffers", "fsdp_config"),
)
_FORBIDDEN = ("optim", "optim_target_modules", "fsdp", "deepspeed", "parallelism_config")
CONTRACT: dict[str, Term] = {
    **dict.fromkeys(_FREE, Term.FREE),
    **dict.fromkeys(_CHANGES, Term.CHANGES),
    **dict.fromkeys(_FORBIDDEN, Term.FORBIDDEN),
}
"""Of every setting of ours. What a class of a user's adds, nobody knows: it changes the run."""

OF_OPTIMIZERS = ("learning_rate", "weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon")
"""What optimizers are made with: their groups tell what of it they take, and what they were saved with."""
_FOR_GIVEN_OPTIMIZERS = frozenset({*OF_OPTIMIZERS, "optim", "optim_args", "optim_target_modules"})
_FOR_GIVEN_SCHEDULES = frozenset({"lr_scheduler_type", "lr_scheduler_kwargs", "warmup_ratio", "warmup_steps"})
_OF_THE_BEST = ("metric_for_best_model", "greater_is_better")
_NOTHING: tuple[Any, ...] = (None, [], {}, "")
_LONGEST_VALUE, _LONGEST_SOURCE = 60, 120


class Change(NamedTuple):
    """A setting, or an argument of a given object, with its value in the checkpoint and its value here.

    `overruled`: the checkpoint's value holds.
    """

    name: str
    then: Any
    now: Any
    overruled: bool = False

    @property
    def setting(self) -> str:
        """The setting that it is a part of."""
        return self.name.partition(".")[0]


def changed_settings(
    args: TrainingArguments,
    saved: Mapping[str, Any],
    *,
    gave_optimizer: bool = False,
    gave_schedule: bool = False,
    knows_a_best: bool = True,
) -> list[Change]:
    """Settings that change a run, and are others than in `saved`, the resolved_args.json of its checkpoint.

    What the checkpoint does not tell is left out, and so is what a given optimizer or schedule makes meaningless, or,
    unless it `knows_a_best`, a metric by which nothing has been chosen yet.
    """
    # One of another kind is refused by itself; another form of the same makes the same updates.
    idle = {
        "optim",
        *(_FOR_GIVEN_OPTIMIZERS if gave_optimizer else ()),
        *(_FOR_GIVEN_SCHEDULES if gave_schedule else ()),
    }
    idle.update(() if knows_a_best else _OF_THE_BEST)
    here = parse_json(json_bytes(resolved_document(args)))
    compared = ((name, saved[name], here[name]["value"]) for name in here if name in saved and name not in idle)
    return [
        Change(name, then["value"], now)
        for name, then, now in compared
        if CONTRACT.get(name) != Term.FREE and not _same(then["value"], now)
    ]


def refused_changes(
    checkpoint: Checkpoint | None, args: TrainingArguments, *, gave_optimizer: bool, gave_schedule: bool
) -> Iterator[Diagnostic]:
    """Under on_changed_settings: error, what is known of a run before any part of it is made."""
    if checkpoint is None or args.on_changed_settings != OnChangedSettings.ERROR:
        return
    try:
        saved = resolved_args_of(checkpoint)
    # What is wrong with it is told where all of it is read.
    except (CheckpointError, StorageError):
        return
    changes = changed_settings(args, saved, gave_optimizer=gave_optimizer, gave_schedule=gave_schedule)
    yield from told_changes(args, saved, changes)


def _same(then: Any, now: Any) -> bool:
    # Nothing, and no entries, mean the same.
    return bool(then == now) or (then in _NOTHING and now in _NOTHING)


def told_changes(args: TrainingArguments, saved: Mapping[str, Any], changes: Sequence[Change]) -> Iterator[Diagnostic]:
    """One finding that lists all, as on_changed_settings says: a warning, an error, or none."""
    policy = args.on_changed_settings
    if not changes or policy == OnChangedSettings.ACCEPT:
        return
    refused, code = policy == OnChangedSettings.ERROR, STEPPING_CODES["RUN240"]
    yield Diagnostic(
        "RUN240",
        code.name,
        "error" if refused else "warning",
        _headline(changes, refused=refused),
        code.reason,
        _REFUSED if refused else _GOES_ON,
        tuple(_evidence(args, saved, change, refused=refused) for change in changes),
    )


_GOES_ON = (
    "nothing has to be done, and on_changed_settings: accept says nothing of it; for values that the checkpoint "
    f"overrules {NEW_RUN}"
)
_REFUSED = (
    "resume with the checkpoint's values, or set on_changed_settings: warn, which goes on and lists which value holds; "
    f"to change all of them {NEW_RUN}"
)


def _headline(changes: Sequence[Change], *, refused: bool) -> str:
    overruled = ", ".join(change.name for change in changes if change.overruled)
    others = ", ".join(change.name for change in changes if not change.overruled)
    if refused or not overruled:
        return f"settings are not those of the checkpoint: {', '.join(change.name for change in changes)}"
    return f"the checkpoint overrules {overruled}" + (f"; as they are here hold {others}" if others else "")


def _evidence(args: TrainingArguments, saved: Mapping[str, Any], change: Change, *, refused: bool) -> Evidence:
    entry, provenance = saved.get(change.setting), args.provenance.get(change.setting)
    source = None
    if isinstance(entry, Mapping) and provenance is not None:
        # Of what was overruled there already, a checkpoint before that tells who said it.
        said_it = change.name != change.setting or _same(entry.get("value"), change.then)
        source = entry.get("source") if said_it else None
    where = f" ({_source(source)})" if isinstance(source, str) else ""
    then, now = (_value(change.setting, value) for value in (change.then, change.now))
    there = f"{then} there{where}"
    if refused:
        text = f"{there}, {now} here"
    else:
        text = f"{there}, which holds, {now} here" if change.overruled else f"{there}, {now} here, which holds"
    return Evidence(change.name, text, None if provenance is None else provenance.source)


def _source(text: str) -> str:
    return shortened(printable(redact_shown(text)), _LONGEST_SOURCE)


def _value(name: str, value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return shortened(
        printable(value if isinstance(value, str) and value.isidentifier() else show_value(name, value)), _LONGEST_VALUE
    )
