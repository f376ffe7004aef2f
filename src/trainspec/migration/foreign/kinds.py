"""Whose file it is, told by its keys, and what of it means a setting here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainspec.migration.foreign.accelerate import from_config, is_accelerate
from trainspec.migration.foreign.axolotl import from_axolotl, is_axolotl
from trainspec.migration.foreign.deepspeed import from_deepspeed, is_deepspeed
from trainspec.migration.foreign.said import Said, is_said

ACCELERATE, DEEPSPEED, AXOLOTL = "accelerate", "DeepSpeed", "axolotl"
LLAMA_FACTORY, TRL = "LLaMA-Factory", "trl"

_LLAMA_FACTORY = frozenset({"stage", "finetuning_type", "template", "cutoff_len", "dataset_dir", "lora_target"})
# Names that scripts of many makes have too (dataset_name, max_length) tell nothing.
_TRL = frozenset(
    {
        *("dataset_text_field", "packing", "use_peft", "lora_r", "lora_target_modules", "assistant_only_loss", "beta"),
        *("max_prompt_length", "max_completion_length", "dataset_mixture", "num_generations", "use_vllm"),
        *("reward_funcs", "completion_only_loss", "precompute_ref_log_probs", "reward_model_path"),
    }
)


def kind_of(values: Mapping[str, Any]) -> str:
    """The program whose configuration a mapping is; "" for one of ours, or nobody's."""
    if is_accelerate(values):
        return ACCELERATE
    if is_deepspeed(values):
        return DEEPSPEED
    if is_axolotl(values):
        return AXOLOTL
    if "model_name_or_path" not in values:
        return ""
    if len(_LLAMA_FACTORY & values.keys()) >= 2:
        return LLAMA_FACTORY
    return TRL if _TRL & values.keys() else ""


def said_by(kind: str, values: Mapping[str, Any], known: frozenset[str]) -> Said:
    """What a file of that kind says; `known` are the names of settings, of other years too."""
    said = Said()
    if kind == ACCELERATE:
        from_config(values, said)
    elif kind == DEEPSPEED:
        from_deepspeed(values, said)
    elif kind == AXOLOTL:
        from_axolotl(values, said, known)
    else:
        _from_trainer_names(kind, values, said, known)
    return said


def _from_trainer_names(kind: str, values: Mapping[str, Any], said: Said, known: frozenset[str]) -> None:
    """LLaMA-Factory and trl take the Trainer's own names; all others are about models, data and methods."""
    used = set()
    for name, value in values.items():
        # An empty key of these files is one that nobody filled in.
        if name in known and value is not None:
            said.set(name, value, name)
            used.add(name)
    if kind == LLAMA_FACTORY and values.get("disable_gradient_checkpointing") is True:
        said.set("gradient_checkpointing", False, "disable_gradient_checkpointing")
        used.add("disable_gradient_checkpointing")
    if kind == TRL and isinstance(values.get("env"), Mapping):
        said.notes.append(f"variables of the run, no settings: {', '.join(map(str, values['env']))}")
        used.add("env")
    said.pass_over(name for name, value in values.items() if name not in used and is_said(value))
