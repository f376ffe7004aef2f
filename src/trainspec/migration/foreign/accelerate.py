"""accelerate: its configuration file, the flags of `accelerate launch`, and its variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainspec.migration.foreign.said import Said, is_said, truth

_STRATEGIES = {
    "1": "full_shard",
    "2": "shard_grad_op",
    "3": "no_shard",
    "4": "hybrid_shard",
    "5": "hybrid_shard_zero2",
    **{name.upper(): name for name in ("full_shard", "shard_grad_op", "no_shard", "hybrid_shard")},
    "HYBRID_SHARD_ZERO2": "hybrid_shard_zero2",
    "_HYBRID_SHARD_ZERO2": "hybrid_shard_zero2",
}
_FSDP_SWITCHES = (
    *("forward_prefetch", "limit_all_gathers", "use_orig_params", "sync_module_states"),
    *("cpu_ram_efficient_loading", "activation_checkpointing"),
)
_FSDP_READ = frozenset(
    {
        *_FSDP_SWITCHES,
        *("sharding_strategy", "reshard_after_forward", "offload_params", "auto_wrap_policy", "state_dict_type"),
        *("transformer_layer_cls_to_wrap", "min_num_params", "backward_prefetch", "version"),
    }
)
# Flag or variable -> the key of the file that says the same.
_FLAGS = {"cpu": "use_cpu", "dynamo_backend": "dynamo_backend", "dynamo_mode": "dynamo_mode"}
_VARIABLES = {
    "ACCELERATE_MIXED_PRECISION": "mixed_precision",
    "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "gradient_accumulation_steps",
    "ACCELERATE_USE_CPU": "use_cpu",
}


def is_accelerate(values: Mapping[str, Any]) -> bool:
    """Whether a file has the keys that `accelerate config` writes."""
    return "compute_environment" in values or (
        "distributed_type" in values and bool({"num_processes", "mixed_precision", "num_machines"} & values.keys())
    )


def from_config(values: Mapping[str, Any], said: Said) -> None:
    """What accelerate's configuration file means here."""
    from trainspec.migration.foreign.launching import note_of_launch

    read = {"mixed_precision", "use_cpu", "gradient_accumulation_steps", "fsdp_config", "deepspeed_config"}
    read |= {"dynamo_config", "dynamo_backend", "distributed_type", "compute_environment"}
    _basic(values, said)
    dynamo = values.get("dynamo_config")
    if isinstance(dynamo, Mapping):
        short = {str(key).removeprefix("dynamo_"): item for key, item in dynamo.items()}
        _compile(short.get("backend"), short.get("mode"), said, "dynamo_config")
        said.pass_over((key for key in short if key not in ("backend", "mode")), "dynamo_config.dynamo_")
    elif is_said(values.get("dynamo_backend")):
        _compile(values["dynamo_backend"], None, said, "dynamo_backend")
    kind = str(values.get("distributed_type") or "").upper()
    fsdp, deepspeed = values.get("fsdp_config"), values.get("deepspeed_config")
    if isinstance(fsdp, Mapping) and kind in ("FSDP", ""):
        from_fsdp(fsdp, said)
    if isinstance(deepspeed, Mapping) and kind in ("DEEPSPEED", ""):
        _deepspeed(deepspeed, said)
    unused = (name for name, other in (("fsdp_config", "FSDP"), ("deepspeed_config", "DEEPSPEED")) if kind != other)
    said.pass_over(name for name in unused if kind and is_said(values.get(name)))
    said.notes += note_of_launch(values)
    said.pass_over(name for name, value in values.items() if name not in read and is_said(value))


def _basic(values: Mapping[str, Any], said: Said) -> None:
    _precision(values.get("mixed_precision"), said, "mixed_precision")
    if truth(values.get("use_cpu")):
        said.set("use_cpu", True, "use_cpu")
    if is_said(values.get("gradient_accumulation_steps")):
        said.set("gradient_accumulation_steps", values["gradient_accumulation_steps"], "gradient_accumulation_steps")


def _precision(value: Any, said: Said, *path: str) -> None:
    text = str(value).lower()
    if text in ("bf16", "fp16"):
        said.set(text, True, *path)
    elif text == "fp8":
        said.leave("bf16", "fp8 has no counterpart here", *path)


def _compile(backend: Any, mode: Any, said: Said, *path: str) -> None:
    name = str(backend or "no").lower()
    if name in ("no", "false"):
        return
    said.set("torch_compile", True, *path)
    said.set("torch_compile_backend", name, *path)
    if is_said(mode) and str(mode) != "default":
        said.set("torch_compile_mode", mode, *path)


def from_fsdp(config: Mapping[str, Any], said: Said, under: str = "fsdp_config") -> None:
    """FSDP as accelerate's keys say it, with or without `fsdp_` before each."""
    short = {str(key).removeprefix("fsdp_"): value for key, value in config.items() if is_said(value)}
    path = (under,) if under else ()
    options = [_strategy(short)]
    if truth(short.get("offload_params")):
        options.append("offload")
    policy = str(short.get("auto_wrap_policy") or "NO_WRAP").upper()
    if policy != "NO_WRAP":
        options.append("auto_wrap")
    said.set("fsdp", [option for option in options if option], *path)
    details: dict[str, Any] = {}
    for key in _FSDP_SWITCHES:
        if truth(short.get(key)) is not None:
            details[key] = truth(short[key])
    layers = short.get("transformer_layer_cls_to_wrap")
    if layers is not None and policy != "SIZE_BASED_WRAP":
        names = layers if isinstance(layers, list) else str(layers).split(",")
        details["transformer_layer_cls_to_wrap"] = [str(name).strip() for name in names]
    if is_said(short.get("min_num_params")) and policy in ("SIZE_BASED_WRAP", "NO_WRAP"):
        details["min_num_params"] = int(short["min_num_params"])
    if is_said(short.get("backward_prefetch")):
        details["backward_prefetch"] = str(short["backward_prefetch"]).lower()
    if is_said(short.get("state_dict_type")):
        details["state_dict_type"] = short["state_dict_type"]
    if is_said(short.get("version")):
        details["version"] = int(short["version"])
    said.set("fsdp_config", details, *path)
    said.pass_over((key for key in short if key not in _FSDP_READ), f"{under}.fsdp_" if under else "fsdp_")


def _strategy(short: Mapping[str, Any]) -> str:
    """By the strategy's name or number; the second generation says whether it gathers anew for the backward pass."""
    reshards = short.get("reshard_after_forward")
    if "sharding_strategy" in short:
        return _STRATEGIES.get(str(short["sharding_strategy"]).upper(), "full_shard")
    if truth(reshards) is None and reshards is not None:
        return _STRATEGIES.get(str(reshards).upper(), "full_shard")
    return "shard_grad_op" if truth(reshards) is False else "full_shard"


def _deepspeed(config: Mapping[str, Any], said: Said, under: str = "deepspeed_config") -> None:
    path = (under,) if under else ()
    file = config.get("deepspeed_config_file")
    if is_said(config.get("gradient_accumulation_steps")) and config["gradient_accumulation_steps"] != "auto":
        said.set("gradient_accumulation_steps", config["gradient_accumulation_steps"], *path)
    if is_said(config.get("gradient_clipping")) and config["gradient_clipping"] not in ("auto", "none"):
        said.set("max_grad_norm", config["gradient_clipping"], *path)
    read = {"deepspeed_config_file", "gradient_accumulation_steps", "gradient_clipping"}
    if is_said(file) and file != "none":
        said.set("deepspeed", file, *path)
    else:
        read |= {"zero_stage", "offload_optimizer_device", "offload_param_device", "zero3_save_16bit_model"}
        said.set("deepspeed", _zero(config), *path)
    said.pass_over((key for key in config if key not in read and is_said(config[key])), f"{under}." if under else "")


def _zero(config: Mapping[str, Any]) -> dict[str, Any]:
    zero: dict[str, Any] = {"stage": int(config.get("zero_stage", 2))}
    for key in ("offload_optimizer", "offload_param"):
        device = str(config.get(f"{key}_device") or "none")
        if device != "none":
            zero[key] = {"device": device}
    if truth(config.get("zero3_save_16bit_model")):
        zero["stage3_gather_16bit_weights_on_model_save"] = True
    whole: dict[str, Any] = dict.fromkeys(("train_micro_batch_size_per_gpu", "gradient_accumulation_steps"), "auto")
    return {**whole, "zero_optimization": zero}


def from_launcher(program: str, flags: Mapping[str, Any], environment: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Setting -> its value, and the word that says it, of `accelerate launch` and of accelerate's variables."""
    words: dict[str, Any] = {key: environment[name] for name, key in _VARIABLES.items() if name in environment}
    if program == "accelerate launch":
        words |= {_FLAGS.get(name, name): word for name, word in flags.items()}
    said = Said()
    _basic({key: _switched(word) for key, word in words.items()}, said)
    if "dynamo_backend" in words:
        _compile(words["dynamo_backend"], words.get("dynamo_mode"), said, "dynamo_backend")
    if "use_fsdp" in words:
        keys = [key for key in words if key.startswith("fsdp_")]
        from_fsdp({key: words[key] for key in keys}, said, "")
    if "use_deepspeed" in words or "zero_stage" in words:
        keys = [key for key in words if key.startswith(("zero", "offload", "deepspeed", "gradient_"))]
        _deepspeed({key: str(words[key]) for key in keys if words[key].is_known}, said, "")
    fallback = {"fsdp": "use_fsdp", "fsdp_config": "use_fsdp", "deepspeed": "use_deepspeed"}
    found: dict[str, tuple[Any, Any]] = {}
    for name, value in said.values.items():
        key = next(iter(said.paths[name]), fallback.get(name, name))
        key = {"max_grad_norm": "gradient_clipping"}.get(name, key)
        word = words.get(key) if words.get(key) is not None else next(iter(words.values()))
        found[name] = (value, word)
    if "mixed_precision" in words and not words["mixed_precision"].is_known:
        found["bf16"] = ("", words["mixed_precision"])
    return found


def _switched(word: Any) -> Any:
    return True if word == "" else word
