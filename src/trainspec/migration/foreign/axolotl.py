"""axolotl's YAML: names of its own for settings of ours, and everything about models, data and adapters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainspec.migration.foreign.said import Said, is_said, own_names, truth

_NAMES = {
    "micro_batch_size": "per_device_train_batch_size",
    "eval_batch_size": "per_device_eval_batch_size",
    "num_epochs": "num_train_epochs",
    "optimizer": "optim",
    "lr_scheduler": "lr_scheduler_type",
    "wandb_project": "project",
    "wandb_name": "run_name",
    "wandb_run_name": "run_name",
    "sequence_len_bucketing": "group_by_length",
}
# Names of ours that mean something else there, or take values that are decided below.
_OTHER = frozenset(
    {"bf16", "fp16", "tf32", "fsdp", "fsdp_config", "gradient_checkpointing", "strict", "debug", "device"}
)
_TRACKERS = {"use_wandb": "wandb", "use_mlflow": "mlflow", "use_comet": "comet_ml", "use_tensorboard": "tensorboard"}
_MORE_TRACKERS = {"wandb_project": "wandb", "mlflow_tracking_uri": "mlflow", "comet_project_name": "comet_ml"}
_OPTIMIZERS = {
    "adamw_bnb_8bit": "adamw_bnb_8bit",
    "came_pytorch": "",
    "optimi_adamw": "",
    "ao_adamw_4bit": "adamw_torch_4bit",
}


def is_axolotl(values: Mapping[str, Any]) -> bool:
    """Whether a file has the keys of axolotl."""
    own = {"datasets", "micro_batch_size", "sequence_len", "val_set_size", "num_epochs", "dataset_prepared_path"}
    return "base_model" in values and bool(own & values.keys())


def from_axolotl(values: Mapping[str, Any], said: Said, known: frozenset[str]) -> None:
    """What axolotl's file means here."""
    plain = {name: value for name, value in values.items() if value is not None}
    used = set()
    for name, value in own_names(plain, known - _OTHER).items():
        said.set(name, value, name)
        used.add(name)
    for name, target in _NAMES.items():
        if is_said(plain.get(name)):
            said.set(target, plain[name], name)
            used.add(name)
    used |= _precision(plain, said) | _checkpointing(plain, said) | _trackers(plain, said) | _intervals(plain, said)
    used |= _fsdp(plain, said)
    if "optimizer" in plain and _OPTIMIZERS.get(str(plain["optimizer"])) is not None:
        _renamed_optimizer(str(plain["optimizer"]), said)
    ratio = plain.get("cosine_min_lr_ratio")
    if is_said(ratio) and plain.get("lr_scheduler") == "cosine":
        said.set("lr_scheduler_type", "cosine_with_min_lr", "lr_scheduler")
        said.set("lr_scheduler_kwargs", {"min_lr_rate": ratio}, "cosine_min_lr_ratio")
        used.add("cosine_min_lr_ratio")
    if isinstance(said.values.get("weight_decay"), str):
        said.values["weight_decay"] = float(said.values["weight_decay"])
    said.pass_over(name for name, value in plain.items() if name not in used and is_said(value))


def _renamed_optimizer(name: str, said: Said) -> None:
    if _OPTIMIZERS[name]:
        said.values["optim"] = _OPTIMIZERS[name]
    else:
        del said.values["optim"]
        said.leave("optim", f"{name} has no counterpart here", "optimizer")


def _precision(values: Mapping[str, Any], said: Said) -> set[str]:
    used = set()
    for name in ("bf16", "fp16", "tf32"):
        value = values.get(name)
        if value is None:
            continue
        used.add(name)
        if str(value).lower() == "auto":
            said.leave(name, "auto is decided on the machine that trains", name)
        elif truth(value) is not None:
            said.set(name, truth(value), name)
        else:
            said.leave(name, f"{value} has no counterpart here", name)
    if truth(values.get("bfloat16")) or truth(values.get("float16")):
        name = "bf16" if truth(values.get("bfloat16")) else "fp16"
        said.leave(name, "weights in half precision are the model's, not a setting", "bfloat16")
        used |= {"bfloat16", "float16"} & values.keys()
    return used


def _checkpointing(values: Mapping[str, Any], said: Said) -> set[str]:
    value = values.get("gradient_checkpointing")
    if value is None:
        return set()
    if truth(value) is None:
        said.leave("gradient_checkpointing", f"{value} has no counterpart here", "gradient_checkpointing")
    else:
        said.set("gradient_checkpointing", truth(value), "gradient_checkpointing")
    return {"gradient_checkpointing"}


def _trackers(values: Mapping[str, Any], said: Said) -> set[str]:
    switched = {name for name in _TRACKERS if truth(values.get(name)) is not None}
    off = {_TRACKERS[name] for name in switched if truth(values[name]) is False}
    on = [_TRACKERS[name] for name in switched if truth(values[name])]
    on += [tracker for name, tracker in _MORE_TRACKERS.items() if is_said(values.get(name))]
    names = sorted({name for name in on if name not in off})
    if names and "report_to" not in said.values:
        said.set("report_to", names, next(iter(sorted(switched)), "wandb_project"))
    return switched


def _intervals(values: Mapping[str, Any], said: Said) -> set[str]:
    """So many times an epoch, as the fraction of the whole run that it is."""
    used = set()
    for name, what in (("evals_per_epoch", "eval"), ("saves_per_epoch", "save")):
        times, epochs = values.get(name), values.get("num_epochs")
        if not is_said(times):
            continue
        used.add(name)
        if not isinstance(times, int | float) or times <= 0:
            said.set(f"{what}_strategy", "no", name)
        elif not isinstance(epochs, int | float) or epochs <= 0 or times * epochs <= 1:
            said.leave(f"{what}_steps", f"{name} needs num_epochs, and more than one time in a run", name)
        else:
            said.set(f"{what}_strategy", "steps", name)
            said.set(f"{what}_steps", 1 / (times * epochs), name)
    if "eval_steps" in said.values and "eval_strategy" not in said.values:
        said.set("eval_strategy", "steps", "eval_steps")
    return used


def _fsdp(values: Mapping[str, Any], said: Said) -> set[str]:
    from trainspec.migration.foreign.accelerate import from_fsdp

    config = values.get("fsdp_config")
    if isinstance(config, Mapping) and (is_said(values.get("fsdp")) or "fsdp_version" in values):
        version = {"version": values["fsdp_version"]} if "fsdp_version" in values else {}
        from_fsdp({**config, **version}, said)
    if is_said(values.get("fsdp")):
        said.set("fsdp", values["fsdp"], "fsdp")
    return {"fsdp", "fsdp_config", "fsdp_version"} & values.keys()
