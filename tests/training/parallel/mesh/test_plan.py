"""What a plan means in a model, and what of it cannot be done: no process is needed to say so."""

from typing import Any

import pytest
from tests.training.parallel.mesh.models import HeadNorms, Language, Tied, llama
from torch import nn
from torch.distributed.tensor.parallel import ColwiseParallel

from trainspec.training.parallel.mesh.plan import misfits, plan_of
from trainspec.training.parallel.mesh.splitting import stretches
from trainspec.training.parallel.mesh.styles import STYLES


def planned(plan: Any, model: nn.Module | None = None) -> Any:
    model = Language() if model is None else model
    model.tensor_parallel_plan = plan
    return plan_of(model)


def test_a_rule_names_modules_and_a_star_stands_for_one_part_of_a_name() -> None:
    plan = planned({"blocks.*.up": "colwise", "blocks.0.down": "rowwise", "norm": "sequence", "*.attention": "rowwise"})
    assert list(plan.modules) == ["blocks.0.up", "blocks.1.up", "blocks.0.down", "norm"]
    assert plan.modules["norm"] is STYLES["sequence"] and plan.idle == ["*.attention"]
    assert stretches(plan) == (["blocks.0.up", "blocks.1.up"], ["blocks.0.down"])


def test_of_two_rules_the_later_holds() -> None:
    plan = planned({"blocks.*.up": "colwise", "blocks.1.up": "colwise_rep"})
    assert plan.modules["blocks.0.up"] is STYLES["colwise"] and plan.modules["blocks.1.up"] is STYLES["colwise_rep"]


def test_a_plan_may_be_a_method_and_hold_styles_of_torch() -> None:
    plan = plan_of(HeadNorms())
    assert plan is not None and isinstance(plan.modules["head"], ColwiseParallel) and not plan.idle


def test_there_need_be_no_plan() -> None:
    assert plan_of(nn.Linear(2, 2)) is None and planned({}).modules == {}


def test_unknown_styles_are_told() -> None:
    assert planned({"head": "diagonal", "norm": "replicate"}).unknown == ["head"]


def test_a_model_of_transformers_brings_its_own_plan() -> None:
    pytest.importorskip("transformers")
    plan = plan_of(llama())
    assert plan is not None and plan.of_transformers and not plan.unknown
    assert plan.modules["model.layers.1.self_attn.o_proj"] is STYLES["rowwise"]
    assert plan.modules["model.embed_tokens"] is STYLES["embedding_rowwise"]
    own = llama()
    own.tensor_parallel_plan = {"model.layers.*.mlp.up_proj": "colwise_rep"}  # type: ignore[assignment]
    plan = plan_of(own)
    assert plan is not None and not plan.of_transformers and len(plan.modules) == 2, "what somebody said goes first"


@pytest.mark.parametrize(
    "make, plan, size, told",
    [
        (Language, None, 4, []),
        (Language, None, 3, ["blocks.0.attention.q has out_features 8", "blocks.0.attention has num_heads 4"]),
        (lambda: Language(heads=2), None, 4, ["blocks.0.attention has num_heads 2"]),
        (Language, {"head": "colwise_gather_output"}, 5, []),
        (Language, {"embedding": "colwise"}, 2, ["embedding is a Embedding, and that style splits Linear"]),
        (Tied, None, 2, []),
        (Tied, {"head": "colwise_gather_output"}, 2, ["embedding.weight is tied to head.weight"]),
        (Tied, {"embedding": "embedding_colwise", "head": "colwise_rep"}, 2, ["embedding.weight is tied to"]),
        (llama, None, 2, []),
        (llama, None, 4, ["model.layers.0.self_attn has num_key_value_heads 2"]),
    ],
)
def test_what_cannot_be_split_is_told(make: Any, plan: Any, size: int, told: list[str]) -> None:
    if make is llama:
        pytest.importorskip("transformers")
    model = make()
    found = plan_of(model) if plan is None else planned(plan, model)
    said = [f"{entry.name} {entry.text}" for entry in misfits(found, model, size)]
    assert bool(said) == bool(told)
    assert all(any(text.startswith(entry) for text in said) for entry in told), said
