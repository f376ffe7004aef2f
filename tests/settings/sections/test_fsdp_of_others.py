"""fsdp_config as accelerate's files and newer transformers write it: what each key means, and where it stands."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from trainspec import TrainingArguments, validate

ACCELERATE: dict[str, Any] = {
    "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
    "fsdp_backward_prefetch": "BACKWARD_PRE",
    "fsdp_cpu_ram_efficient_loading": True,
    "fsdp_forward_prefetch": False,
    "fsdp_offload_params": True,
    "fsdp_sharding_strategy": "SHARD_GRAD_OP",
    "fsdp_state_dict_type": "SHARDED_STATE_DICT",
    "fsdp_sync_module_states": True,
    "fsdp_transformer_layer_cls_to_wrap": "LlamaDecoderLayer,Embedding",
    "fsdp_use_orig_params": True,
    "fsdp_version": 1,
}


def test_the_keys_of_accelerates_files_mean_what_they_say() -> None:
    verdict = validate({"fsdp": True, "fsdp_config": ACCELERATE})
    assert verdict.ok and verdict.diagnostics == []
    assert verdict.settings.fsdp == ["offload", "auto_wrap", "shard_grad_op"]
    said = verdict.settings.fsdp_config
    assert (said.transformer_layer_cls_to_wrap, said.backward_prefetch) == (
        ["LlamaDecoderLayer", "Embedding"],
        "backward_pre",
    )
    assert TrainingArguments.from_dict(verdict.settings.to_dict()) == verdict.settings


# fsdp, details -> what is read as fsdp.
CONSEQUENCES: dict[str, tuple[Any, dict[str, Any], list[str]]] = {
    "size": ("full_shard", {"auto_wrap_policy": "SIZE_BASED_WRAP"}, ["full_shard", "auto_wrap"]),
    "small letters": ("full_shard", {"auto_wrap_policy": "size_based_wrap"}, ["full_shard", "auto_wrap"]),
    "no policy": ("full_shard", {"auto_wrap_policy": "NO_WRAP"}, ["full_shard"]),
    "newer transformers' true": (
        True,
        {"transformer_layer_cls_to_wrap": ["Block"], "reshard_after_forward": True, "min_num_params": 0},
        ["full_shard", "auto_wrap"],
    ),
    "true and a size": (True, {"min_num_params": 100}, ["full_shard", "auto_wrap"]),
    "true and no policy": (True, {"min_num_params": 100, "auto_wrap_policy": "NO_WRAP"}, ["full_shard"]),
    "true alone": (True, {"cpu_offload": True}, ["full_shard", "offload"]),
    "a way to shard and a size": ("full_shard", {"min_num_params": 100}, ["full_shard"]),
    "both say it": (["full_shard", "auto_wrap"], {"auto_wrap_policy": "SIZE_BASED_WRAP"}, ["full_shard", "auto_wrap"]),
    "offload": ("full_shard", {"cpu_offload": "true"}, ["full_shard", "offload"]),
    "no offload": ("full_shard", {"cpu_offload": "False"}, ["full_shard"]),
    "resharded": (True, {"reshard_after_forward": True}, ["full_shard"]),
    "kept": (True, {"reshard_after_forward": "false"}, ["shard_grad_op"]),
    "a way as resharding": (True, {"version": 1, "reshard_after_forward": "hybrid_shard"}, ["hybrid_shard"]),
    "by number": ("offload", {"fsdp_sharding_strategy": 4}, ["offload", "hybrid_shard"]),
    "by number as text": ("offload", {"fsdp_sharding_strategy": "3"}, ["offload", "no_shard"]),
    "not without fsdp": (None, {"sharding_strategy": "FULL_SHARD"}, []),
}


@pytest.mark.parametrize(("fsdp", "details", "read"), CONSEQUENCES.values(), ids=CONSEQUENCES)
def test_what_the_details_say_of_fsdp(fsdp: Any, details: dict[str, Any], read: list[str]) -> None:
    verdict = validate({"fsdp": fsdp, "fsdp_config": details})
    assert verdict.ok and verdict.settings.fsdp == read


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_a_way_to_shard_that_fsdp_names_holds() -> None:
    settings = TrainingArguments.from_dict({"fsdp": "full_shard", "fsdp_config": {"sharding_strategy": "NO_SHARD"}})
    assert settings.fsdp == ["full_shard"]


XLA = [{"xla": True}, {"xla_fsdp_v2": "True"}, {"fsdp_xla": True}, {"xla": True, "xla_fsdp_settings": {"a": 1}}]


@pytest.mark.parametrize("details", XLA, ids=str)
def test_what_is_known_and_not_done_is_no_misspelling(details: dict[str, Any]) -> None:
    verdict = validate({"fsdp": "full_shard", "fsdp_config": details})
    assert verdict.ok and [item.code for item in verdict.diagnostics] == ["PAR405"]


WRONG: dict[str, tuple[str, Any, str]] = {
    "a slip": ("fsdp_backward_prefech", "BACKWARD_PRE", "VAL107"),
    "a wrong word": ("fsdp_backward_prefetch", "BACKWARD_PRI", "VAL103"),
    "a wrong number": ("fsdp_sharding_strategy", 6, "VAL103"),
    "a truth for a number": ("fsdp_sharding_strategy", True, "VAL101"),
    "a wrong type": ("fsdp_min_num_params", "many", "VAL101"),
    "out of range": ("fsdp_min_num_params", -1, "VAL102"),
    "without a prefix": ("use_orig_params", 7, "VAL101"),
}


@pytest.mark.parametrize(("key", "value", "code"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("where", ["inline", "in a file"])
def test_a_fault_is_told_with_the_users_own_name_and_place(
    tmp_path: Path, key: str, value: Any, code: str, where: str
) -> None:
    details = json.dumps({"fsdp_version": 2, key: value}, indent=2)
    document = tmp_path / "run.yaml"
    if where == "inline":
        document.write_text(f"fsdp: full_shard\nfsdp_config:\n  fsdp_version: 2\n  {key}: {json.dumps(value)}\n")
        place = f"{document}:4:3"
    else:
        (tmp_path / "f.json").write_text(details)
        document.write_text(f"fsdp: full_shard\nfsdp_config: {tmp_path / 'f.json'}\n")
        place = f"{tmp_path / 'f.json'}:3:3"
    with pytest.raises(ValidationError) as caught:
        TrainingArguments.from_file(document)
    (line,) = caught.value.errors()
    found = line["ctx"]["diagnostic"]
    assert (line["type"], found["fields"]) == (code, [f"fsdp_config.{key}"])
    source = found["evidence"][0]["source"]
    assert f"{source['name']}:{source['line']}:{source['column']}" == place
    assert key in found["message"]


WHOLE = {"compute_environment": "LOCAL_MACHINE", "debug": False, "distributed_type": "FSDP", "fsdp_config": ACCELERATE}


def test_a_whole_configuration_of_accelerate_is_named_once(tmp_path: Path) -> None:
    verdict = validate(WHOLE)
    assert [item.code for item in verdict.diagnostics] == ["SRC127"] and not verdict.ok
    path = tmp_path / "accelerate.yaml"
    path.write_text(json.dumps(WHOLE))
    with pytest.raises(ValidationError, match=f"trainspec migrate {path} writes"):
        TrainingArguments.from_file(path)


@pytest.mark.parametrize("name", ["fsdp_config", "accelerator_config", "deepspeed"])
@pytest.mark.parametrize("in_file", [True, False])
def test_it_is_no_section_either(tmp_path: Path, name: str, in_file: bool) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(WHOLE))
    verdict = validate({name: str(path) if in_file else WHOLE})
    assert [item.code for item in verdict.errors] == ["VAL106"]
    assert "whole configuration of accelerate" in verdict.errors[0].message
    assert "trainspec migrate" in verdict.errors[0].message
