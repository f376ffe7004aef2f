"""Settings that other settings make dead: what the user said, and nothing will read.

`without_effect` is how the families declare these rules. A setting that no other setting can make dead is in
NEVER_DEAD, with the reason, so that every setting was thought about; a test holds that.
"""

from __future__ import annotations

from trainspec.settings.diagnostics import Severity
from trainspec.settings.rules.conditions import Predicate
from trainspec.settings.rules.predicates import all_of, any_of, equals, negate, off, on, option, said
from trainspec.settings.rules.rule import Check, Rule
from trainspec.settings.values.choices import IntervalStrategy

NO_EVALUATION = all_of(equals("eval_strategy", IntervalStrategy.NO), negate(on("do_eval")), off("eval_on_start"))
"""No evaluation will run."""

NO_PREDICTION = all_of(NO_EVALUATION, off("do_predict"))
"""Neither evaluation nor prediction will run, so that nothing enters the evaluation loop."""

UNLESS_CALLED = "nothing here evaluates or predicts; it counts if a script calls evaluate() or predict() itself"


def without_effect(
    code: str,
    name: str,
    field: str,
    dead: Predicate | None,
    *,
    because: str,
    fix: str,
    when_off: bool = False,
    cause: str = "",
    check: Check | None = None,
    also: tuple[str, ...] = (),
    shown: tuple[str, ...] = (),
    severity: Severity = "warning",
) -> Rule:
    """A warning that `field` is set and has no effect where `dead` (and `check`, if any) holds.

    `cause` ends the message "FIELD is set and has no effect ..."; `because` is the reason. A switch that is on
    by default says something when it is off: `when_off` makes that count as set. Where a script may use the setting
    by a call of its own, which no setting tells, it is a note: said by who judges a file, not to who runs the script.
    """
    wish: Predicate = any_of(said(field), off(field)) if when_off else said(field)
    return Rule(
        code=code,
        name=name,
        message=f"{field} is set and has no effect {cause}".rstrip(),
        reason=because,
        fix=fix,
        when=wish if dead is None else all_of(wish, dead),
        check=check,
        also=also,
        shown=shown,
        severity=severity,
        idle=field,
    )


def reports_to(*trackers: str) -> Predicate:
    """One of these trackers may get the log: it is named, or all are."""
    return any_of(*(option("report_to", name) for name in ("all", *trackers)))


NEVER_DEAD: dict[str, str] = {
    "output_dir": "everything a run writes goes there",
    "overwrite_output_dir": "it decides what happens to a folder that is not empty, which no setting tells",
    "do_train": "it is itself the switch of a phase",
    "do_eval": "it is itself the switch of a phase; false beside eval_strategy is EVL303",
    "do_predict": "it is itself the switch of a phase",
    "max_steps": "above 0 it rules over num_train_epochs, and nothing rules over it",
    "resume_from_checkpoint": "it decides where the run starts",
    "per_device_train_batch_size": "every training batch has a size",
    "gradient_accumulation_steps": "every update has a number of micro-batches",
    "eval_strategy": "it is itself the switch of evaluation",
    "eval_on_start": "it asks for an evaluation by itself, whatever eval_strategy says",
    "weight_decay": "every optimizer applies it",
    "optim_target_modules": "where an optimizer cannot use it, it is an error (OPT102)",
    "logging_strategy": "it is itself the switch of logging",
    "logging_first_step": "the first update is logged under every logging_strategy",
    "logging_nan_inf_filter": "the training loss reported at the end is an average too",
    "log_level": "there is always a main process",
    "log_level_replica": "how many processes there are is the launcher's business",
    "log_on_each_node": "how many nodes there are is the launcher's business",
    "report_to": "it is itself the choice of trackers",
    "save_strategy": "it is itself the switch of checkpoints",
    "save_safetensors": "the final model is written too",
    "save_on_each_node": "the final model is written too",
    "remove_unused_columns": "every batch is collated",
    "data_seed": "there is always an order of the data",
    "dataloader_drop_last": "every loader has a last batch",
    "dataloader_num_workers": "every loader has workers or none",
    "dataloader_persistent_workers": "without workers it is an error (DAT102)",
    "dataloader_prefetch_factor": "without workers it is an error (DAT101)",
    "group_by_length": "it shapes the sampler of every sized data set",
    "torch_compile": "it is itself the switch of compilation",
    "gradient_checkpointing": "it is itself the switch of recomputation",
    "auto_find_batch_size": "memory can run out on every device",
    "use_liger_kernel": "on the CPU it is an error (PRF101)",
    "bf16": "it is itself the switch of a precision",
    "fp16": "it is itself the switch of a precision",
    "local_rank": "which rank this is, is the launcher's business",
    "ddp_backend": "every process group has a backend",
    "ddp_timeout": "every process group has a timeout",
    "fsdp": "it is itself the switch of sharding",
    "deepspeed": "it is itself the switch of DeepSpeed",
    "uneven_inputs": "how many processes there are, no setting tells; in one it is harmless",
    "accelerator_config": "its keys shape every loader",
    "parallelism_config": "it is itself the shape of the mesh",
    "use_cpu": "it is itself the choice of the device",
    "seed": "weights, dropout and data are always seeded",
    "full_determinism": "it holds for every run",
    "load_best_model_at_end": "where nothing is evaluated or saved, it is an error (BST101)",
    "hub_token": "a token may lie ready for every command of a machine, and a script may push by itself",
    "push_to_hub": "it is itself the switch of pushing",
    "skip_memory_metrics": "every run has memory",
    "disable_tqdm": "every run can show progress",
    "past_index": "only the model knows whether it has mems",
    "ray_scope": "a search is started by a script, not by a setting",
    "label_smoothing_factor": "training has a loss",
    "stop_on_nonfinite": "every training has a loss, and any loss can become nan or infinite",
    "train_sampling_strategy": "there is always an order of the data",
    "on_changed_settings": "whether a run goes on from a checkpoint may be said in train() alone",
    "storage_timeout_seconds": "output_dir may be remote, and so may what a run is resumed from",
    "enable_jit_checkpoint": "every process can be told to end",
    "preemption_exit_code": "every process can be told to end",
    "preemption_grace_seconds": "every process can be told to end",
    "preemption_file": "every machine can be taken away",
    "neftune_noise_alpha": "only the model knows whether it has embeddings",
    "include_tokens_per_second": "every training has a speed",
    "include_num_input_tokens_seen": "every training reads its input",
    "average_tokens_across_devices": "how many processes there are is the launcher's business",
}
"""The settings that no other setting can make dead, with the reason."""
