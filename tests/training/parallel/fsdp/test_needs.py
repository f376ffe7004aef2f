"""Each finding on both sides of its border, without any process."""

from typing import Any

import pytest
import torch
from tests.training.parallel.fsdp.toy import Tokens, settings
from torch import nn

from trainspec.training.findings.facts import Job, Machine
from trainspec.training.parallel.fsdp.needs import find_sharding_needs

WRAP = "full_shard auto_wrap"


def found(model: nn.Module | None = None, size: int = 4, job: Any = None, **changes: Any) -> list[str]:
    args = settings(**{"fsdp": "full_shard", **changes})
    machine = Machine(torch.device("cpu"), size, bf16=True, tf32=False)
    given = Job(model or Tokens(), None, None, None, **(job or {}))
    return [item.code for item in find_sharding_needs(args, machine, given)]


def with_scale() -> Tokens:
    model = Tokens()
    model.scale = nn.Parameter(torch.tensor(1.0, dtype=torch.float64))  # type: ignore[assignment]
    return model


def on_meta() -> Tokens:
    with torch.device("meta"):
        return Tokens()


def given(kind: str) -> dict[str, Any]:
    optimizer = getattr(torch.optim, kind)(nn.Linear(1, 1).parameters())
    return {"optimizer": optimizer, "has_an_optimizer": True}


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@pytest.mark.parametrize(
    "codes, changes",
    [
        ([], {}),
        ([], {"fsdp": []}),
        (["RUN267"], {"size": 1}),
        (["RUN260"], {"job": given("LBFGS")}),
        (["RUN260"], {"job": given("Rprop"), "optim": "sgd"}),
        ([], {"job": given("SGD"), "optim": "adafactor"}),
        ([], {"fsdp": WRAP}),
        (["RUN261"], {"fsdp": WRAP, "model": nn.Linear(2, 2)}),
        (["RUN261"], {"fsdp": WRAP, "fsdp_config": {"transformer_layer_cls_to_wrap": ["Block", "Bloc"]}}),
        (["RUN261"], {"fsdp": WRAP, "fsdp_config": {"transformer_layer_cls_to_wrap": "ModuleList"}}),
        (["RUN261"], {"fsdp": WRAP, "fsdp_config": {"min_num_params": 100_000}}),
        (["RUN261"], {"model": nn.Linear(2, 2), "fsdp_config": {"activation_checkpointing": True}}),
        ([], {"fsdp_config": {"activation_checkpointing": True}}),
        ([], {"parallelism_config": {"dp_shard_size": 2, "dp_replicate_size": 2}}),
        (["RUN263"], {"fsdp_config": {"use_orig_params": False}}),
        (["RUN264"], {"model": on_meta()}),
        (["RUN264"], {"model": on_meta(), "fsdp_config": {"cpu_ram_efficient_loading": True}}),
        (["RUN265"], {"fp16": True, "fp16_opt_level": "O3"}),
        ([], {"fp16": True, "fp16_opt_level": "O1"}),
        (["RUN266"], {"model": with_scale()}),
        (["RUN269"], {"auto_find_batch_size": True}),
        (["RUN268"], {"fsdp": "full_shard offload"}),
    ],
)
def test_what_is_found(codes: list[str], changes: dict[str, Any]) -> None:
    assert found(**changes) == codes


def test_the_main_process_has_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    assert found(on_meta(), fsdp_config={"cpu_ram_efficient_loading": True}) == []
