"""What keeps a mesh from being made is found before a run begins, all of it at once."""

from typing import Any

import pytest
import torch
from tests.training.parallel.mesh.mixing import MODELS
from tests.training.parallel.mesh.models import Language, Tied
from torch import Tensor, nn

from trainspec import TrainingArguments
from trainspec.training.findings.facts import Job, Machine
from trainspec.training.parallel.mesh.needs import find_mesh_needs


def found(
    model: Any = None, world_size: int = 2, plan: Any = None, rules: Any = None, device: str = "cpu", **said: Any
) -> list[Any]:
    said.setdefault("parallelism_config", {"tp_size": 2})
    args = TrainingArguments(use_cpu=True, **said)
    named: dict[Any, Any] = {None: Language, "placed": Placed, **LISTS, **MODELS}
    model = named[model]() if model in named else model
    if rules is not None:
        model.expert_parallel_plan = rules
    if plan is not None:
        model.tensor_parallel_plan = plan
    machine = Machine(torch.device(device), world_size, bf16=True, tf32=False)
    return list(find_mesh_needs(args, machine, Job(model, None, None, None)))


def told(*arguments: Any, **named: Any) -> list[tuple[str, str]]:
    return [(entry.code, entry.message) for entry in found(*arguments, **named)]


def test_a_plan_that_fits_needs_nothing() -> None:
    assert told() == told(Tied()) == told(parallelism_config=None, world_size=3) == []
    assert told(nn.Linear(2, 2), parallelism_config={"dp_shard_size": 2}) == []


def tied() -> Any:
    model = MODELS["sparse"]()
    model.blocks[0].experts[0].up = model.blocks[0].experts[1].up
    return model


def empty() -> Any:
    model = MODELS["sparse"]()
    model.blocks[1].experts = nn.ModuleList([nn.Linear(2, 2), nn.Tanh()])
    return model


def one_block() -> Any:
    model = nn.Sequential(MODELS["sparse"]().blocks[0])
    vars(model)["expert_parallel_plan"] = {"0.experts": "experts"}
    return model


LISTS = {"tied list": tied, "empty list": empty, "one block": one_block}


class Placed(Language):
    def forward(self, tokens: Tensor, position_ids: Any = None) -> Tensor:
        return super().forward(tokens)


EXPERTS: dict[str, Any] = {"parallelism_config": {"ep_size": 2}, "model": "routed"}
LISTED: dict[str, Any] = {"parallelism_config": {"ep_size": 2}, "model": "sparse"}
EACH = {
    "parallelism_config": {"ep_size": 2, "dp_shard_size": 2},
    "fsdp": "full_shard auto_wrap",
    "fsdp_config": {"transformer_layer_cls_to_wrap": "Expert"},
}
UNLIKE = nn.Sequential(nn.LSTM(2, 2, proj_size=1))
SEQUENCES: dict[str, Any] = {"parallelism_config": {"sp_size": 2}, "model": "placed"}


def test_experts_and_heads_that_come_out_even_need_nothing() -> None:
    assert told(**EXPERTS) == told(**LISTED) == told(**SEQUENCES) == []


@pytest.mark.parametrize(("case", "said"), [(EXPERTS, "ep_size 2"), (SEQUENCES, "sp_size 2")])
def test_what_no_other_device_has_done_is_said(case: dict[str, Any], said: str) -> None:
    (entry,) = found(**case, device="cuda")
    assert (entry.code, entry.severity) == ("RUN296", "warning") and entry.message.startswith(said)


@pytest.mark.parametrize(
    "code, message, case",
    [
        ("RUN269", "auto_find_batch_size", {"auto_find_batch_size": True}),
        ("RUN281", "Linear does not say how its layers are split", {"model": nn.Linear(2, 2)}),
        (
            "RUN282",
            "blocks.*.upp, nose",
            {"plan": {"blocks.*.upp": "colwise", "head": "colwise_rep", "nose": "rowwise"}},
        ),
        ("RUN282", "no rule at all", {"plan": {}}),
        ("RUN283", "num_heads 1", {"model": Language(heads=1)}),
        ("RUN284", "head: 'diagonal'", {"plan": {"head": "diagonal"}}),
        ("RUN284", "tied", {"model": Tied(), "plan": {"head": "colwise_rep"}}),
        ("RUN284", "splits Linear", {"plan": {"norm": "colwise"}}),
        ("RUN287", "pp_size 2: pipelines", {"parallelism_config": {"pp_size": 2}}),
        ("RUN288", "Language does not say which", {"parallelism_config": {"ep_size": 2}}),
        ("RUN288", "experts in Mixture with blocks.*.nose", {**EXPERTS, "rules": {"blocks.*.nose": "experts"}}),
        ("RUN288", "no rule at all", {**EXPERTS, "rules": {}}),
        ("RUN289", "blocks.*.experts: 'colwise'", {**EXPERTS, "rules": {"blocks.*.experts": "colwise"}}),
        ("RUN289", "blocks.0 has parameters in", {**EXPERTS, "model": None, "rules": {"blocks.0": "experts"}}),
        ("RUN289", "blocks is a ModuleList that the model itself", {**EXPERTS, "rules": {"blocks": "experts"}}),
        ("RUN289", "belong to several experts", {**LISTED, "model": "tied list"}),
        ("RUN289", "of 2 modules, of which some have no", {**LISTED, "model": "empty list"}),
        ("RUN289", "gather blocks.0.shared, blocks.0.experts.0", {**LISTED, **EACH}),
        ("RUN289", "recompute 0.experts.0", {**LISTED, "model": "one block", "gradient_checkpointing": True}),
        ("RUN290", "blocks.0.experts has 4 experts", {**LISTED, "parallelism_config": {"ep_size": 3}}),
        ("RUN289", "head takes neither (x, weights) nor", {**EXPERTS, "rules": {"head": "experts"}}),
        ("RUN289", "weight_hr_l0 of 1", {**EXPERTS, "model": UNLIKE, "rules": {"0": "experts"}}),
        ("RUN290", "blocks.0.experts has 4 experts", {**EXPERTS, "parallelism_config": {"ep_size": 3}}),
        ("RUN297", "blocks.0.attention has num_heads 4", {**SEQUENCES, "parallelism_config": {"sp_size": 3}}),
        ("RUN299", "Language.forward takes no position_ids", {"parallelism_config": {"sp_size": 2}}),
        ("RUN299", "torch_compile", {**SEQUENCES, "torch_compile": True}),
    ],
)
def test_each_need_is_told_alone(code: str, message: str, case: dict[str, Any]) -> None:
    (entry,) = found(**case)
    assert entry.code == code and entry.severity == "error" and message in entry.message
    assert "parallelism_config" in entry.fields and entry.remedy


def test_the_remedy_for_experts_is_that_of_their_fault() -> None:
    """Stacked parameters are of no use to a forward that takes something else."""
    (called,) = found(**{**EXPERTS, "rules": {"head": "experts"}})
    assert "weights (tokens, experts)" in str(called.remedy) and "stack" not in str(called.remedy)
    (loose,) = found(**{**EXPERTS, "rules": {"blocks": "experts"}})
    assert "stack the parameters" in str(loose.remedy)


def test_sequence_parallelism_of_deepspeed_is_refused() -> None:
    case = {"parallelism_config": {"sp_size": 2}, "deepspeed": {"steps_per_print": 1}}
    assert [code for code, _ in told(**case)] == ["RUN286"]


def test_a_mesh_begins_with_whole_weights() -> None:
    with torch.device("meta"):
        empty = Language()
    efficient = {"fsdp": "full_shard", "fsdp_config": {"cpu_ram_efficient_loading": True}}
    sharded = {"parallelism_config": {"dp_shard_size": 2}}
    for said in ({}, sharded, {**efficient, **sharded}):
        (entry,) = found(empty, **said)
        assert (entry.code, entry.severity) == ("RUN294", "error") and entry.remedy
    (entry,) = found(**efficient, **sharded)
    assert (entry.code, entry.severity) == ("RUN295", "warning") and "fsdp_config" in entry.fields
    assert told(empty, parallelism_config=None) == []


def test_everything_is_told_at_once() -> None:
    sizes = {"tp_size": 3, "pp_size": 2, "cp_size": 2}
    codes = [code for code, _ in told(parallelism_config=sizes, plan={"nose": "rowwise", "*.up": "mild"})]
    assert codes == ["RUN287", "RUN285", "RUN299", "RUN282", "RUN284"]
    codes = [code for code, _ in told(parallelism_config={"tp_size": 3}, world_size=3)]
    assert codes == ["RUN283"]
