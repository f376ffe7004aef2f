"""Many processes in numbers: who shares what, what is sent by whose formula, what is written, and the picture of it."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from trainspec import TrainingArguments
from trainspec.plan.batches import PlanError
from trainspec.plan.run import plan_batches
from trainspec.plan.scale.files import checkpoint_of
from trainspec.plan.scale.model import ModelSize, Transformer, of_number, of_shapes
from trainspec.plan.scale.order import LISTED, order_memory
from trainspec.plan.scale.picture import page, svg
from trainspec.plan.scale.plan import ScalePlan, plan_scale
from trainspec.plan.scale.render import facts, in_bytes
from trainspec.settings.views.layout import layout_of

SPLIT = {"accelerator_config": {"split_batches": True}}


def scale(
    said: dict[str, Any], world: int, model: ModelSize | None = None, rows: int | None = None, **more: Any
) -> ScalePlan:
    args = TrainingArguments.from_dict(said)
    batches = plan_batches(args, rows, world)
    return plan_scale(args, batches, world_size=world, model=model, train_rows=rows, **more)


# Settings, world -> data ranks, rows of an update.
@pytest.mark.parametrize(
    ("said", "world", "readers", "rows"),
    [
        ({}, 8, 8, 64),
        ({"fsdp": "full_shard"}, 8, 8, 64),
        ({"parallelism_config": {"tp_size": 4, "dp_shard_size": 2}}, 8, 2, 16),
        ({"parallelism_config": {"cp_size": 2, "dp_shard_size": 2}}, 4, 2, 16),
        ({"parallelism_config": {"sp_size": 2, "dp_shard_size": 2}}, 4, 2, 16),
        ({"parallelism_config": {"ep_size": 4, "dp_replicate_size": 2}}, 8, 2, 16),
        ({"deepspeed": {"tensor_parallel": {"autotp_size": 2}}}, 8, 4, 32),
        ({"deepspeed": {"steps_per_print": 1}, "parallelism_config": {"sp_size": 2}}, 8, 4, 32),
        (SPLIT, 4, 4, 8),
    ],
)
@pytest.mark.filterwarnings("ignore:.*DSP401:trainspec.settings.diagnostics.SettingsWarning")
def test_rows_of_an_update(said: dict[str, Any], world: int, readers: int, rows: int) -> None:
    plan = scale(said, world)
    assert (plan.layout.data_ranks, plan.batches.update_rows) == (readers, rows)


def test_a_batch_that_cannot_be_split() -> None:
    with pytest.raises(PlanError, match="cannot split a batch of 8 among 3"):
        scale(SPLIT, 3)


def test_the_worked_example() -> None:
    said = {"fsdp": "full_shard", "gradient_accumulation_steps": 2}
    plan = scale(said, 3, of_number(3_000_000), 30_000)
    assert (plan.batches.update_rows, plan.batches.updates, plan.rows_per_rank) == (48, 625, 8)
    # Twice gathered, once summed: two of three thirds of 12 MB each time.
    assert [one.sent for one in plan.traffic] == [16_000_000, 8_000_000]
    assert plan.sent == 24_000_000


# What a rank sends of 4,000 bytes of parameters, by collective.
@pytest.mark.parametrize(
    ("said", "world", "sent"),
    [
        ({}, 4, [("all-reduce", 6000)]),
        ({"fsdp": "full_shard"}, 4, [("all-gather", 3000), ("reduce-scatter", 3000)]),
        ({"fsdp": "full_shard auto_wrap"}, 4, [("all-gather", 3000), ("all-gather", 3000), ("reduce-scatter", 3000)]),
        ({"fsdp": "shard_grad_op auto_wrap"}, 4, [("all-gather", 3000), ("reduce-scatter", 3000)]),
        (
            {"fsdp": "full_shard auto_wrap", "bf16": True},
            4,
            [("all-gather", 1500), ("all-gather", 1500), ("reduce-scatter", 3000)],
        ),
        (
            {"parallelism_config": {"dp_replicate_size": 2, "dp_shard_size": 2}, "fsdp": "hybrid_shard"},
            4,
            [("all-gather", 2000), ("reduce-scatter", 2000), ("all-reduce", 2000)],
        ),
        (
            {"gradient_accumulation_steps": 3, "fsdp": "full_shard"},
            4,
            [("all-gather", 9000), ("reduce-scatter", 3000)],
        ),
        (
            {"gradient_accumulation_steps": 3, "deepspeed": {"zero_optimization": {"stage": 2}}},
            4,
            [("reduce-scatter", 9000), ("all-gather", 3000)],
        ),
        (
            {"gradient_accumulation_steps": 3, "deepspeed": {"zero_optimization": {"stage": 1}}},
            4,
            [("reduce-scatter", 3000), ("all-gather", 3000)],
        ),
        ({}, 1, []),
    ],
)
def test_what_is_sent(said: dict[str, Any], world: int, sent: list[tuple[str, int]]) -> None:
    plan = scale(said, world, of_number(1000))
    assert [(one.collective, one.sent) for one in plan.traffic] == sent
    assert all((one.formula and "arXiv" in one.source) or "doi:" in one.source for one in plan.traffic)


def test_tensor_parallel_traffic_is_known_where_sizes_are() -> None:
    said = {"parallelism_config": {"tp_size": 2}}
    (unknown,) = scale(said, 2, of_number(1000)).traffic
    assert unknown.sent is None and scale(said, 2, of_number(1000)).sent is None
    model = ModelSize(1000, "", transformer=Transformer(3, 16, 64, 32, 100), sequence=10)
    (known,) = scale(said, 2, model).traffic
    # Four all-reduces in three layers of 8 rows x 10 tokens x 16 numbers of 4 bytes.
    assert known.sent == 4 * 3 * 8 * 10 * 16 * 4


def test_what_parts_of_sequences_send() -> None:
    said = {"parallelism_config": {"sp_size": 2}, "gradient_accumulation_steps": 3}
    assert scale(said, 2, of_number(1000)).traffic[-1].sent is None
    model = ModelSize(1000, "", transformer=Transformer(3, 16, 64, 8, 100), sequence=10)
    *shards, known = scale(said, 2, model).traffic
    assert [one.collective for one in shards] == ["all-gather", "reduce-scatter"], "as those of other rows"
    # Forth and back in three layers, half of what 8 rows x 5 tokens have: 16 + 16 + 8 numbers of 4 bytes.
    assert (known.collective, known.times) == ("all-to-all", 3 * 3 * 8) and "2309.14509" in known.source
    assert known.sent == 3 * 2 * 3 * 8 * 5 * (16 + 16 + 8) * 4 // 2


def test_what_experts_hold_and_send() -> None:
    said = {"parallelism_config": {"ep_size": 2}}
    model = ModelSize(1000, "", transformer=Transformer(3, 16, 64, 32, 100), sequence=10, experts=600)
    plan = scale(said, 2, model)
    assert plan.memory is not None and plan.memory.parameters == (400 + 300) * 4
    (sums,) = plan.traffic
    assert (sums.collective, sums.times, sums.sent) == ("all-reduce", 6, 2 * 3 * 8 * 10 * 16 * 4)
    shapes = {"blocks.0.experts.up": (4, 5, 6), "blocks.0.experts.0.up": (6, 5), "head.weight": (3, 5)}
    plan = scale(said, 2, of_shapes(shapes, ""))
    assert plan.memory is not None and plan.memory.parameters == (60 + 15 + 15) * 4
    assert plan.memory.gathered == 15 * 4, "the half of the experts in a list, whole"
    copies = scale({"parallelism_config": {"ep_size": 2, "dp_replicate_size": 2}}, 4, model).others
    assert next(other for other in copies if other.name == "DDP").parameters == (400 + 300) * 4


def test_more_ranks_hold_less_and_ddp_holds_all() -> None:
    model = of_number(10**9)
    held = [scale({"fsdp": "full_shard"}, world, model).memory for world in (1, 2, 64, 10_000)]
    sizes = [one.parameters + one.gradients + one.optimizer for one in held if one is not None]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] == 16 * 10**9 and sizes[-1] == 16 * 10**5
    others = {other.name: other for other in scale({"fsdp": "full_shard"}, 64, model, nodes=8).others}
    assert others["DDP"].held == 16 * 10**9
    assert others["hybrid"].held == 8 * others["ZeRO-3"].held
    assert [name for name, other in others.items() if other.chosen] == ["ZeRO-3"]


def test_what_fits() -> None:
    assert scale({}, 8, of_number(10**9), device_memory=80 * 2**30).fits is True
    assert scale({}, 8, of_number(10**10), device_memory=80 * 2**30).fits is False
    assert scale({}, 8, of_number(10**10)).fits is scale({}, 8, device_memory=1).fits is None


@pytest.mark.parametrize(
    ("said", "world", "optimizer_files", "files"),
    [({}, 1, 1, 10), ({}, 4, 1, 13), ({"fsdp": "full_shard"}, 4, 4, 20), ({"save_only_model": True}, 4, 0, 4)],
)
def test_files_of_a_checkpoint(said: dict[str, Any], world: int, optimizer_files: int, files: int) -> None:
    args = TrainingArguments.from_dict(said)
    found = checkpoint_of(args, layout_of(args, world), of_number(1_000_000))
    assert (found.optimizer_files, found.files) == (optimizer_files, files)
    assert found.model == 4_000_000 and found.optimizer == (8_000_000 if optimizer_files else 0)
    assert found.model_files == 1, "it is too small to be shared out"
    assert found.total > found.model + found.optimizer + found.manifest


def test_a_larger_model_is_in_files_of_several_processes() -> None:
    args, model = TrainingArguments.from_dict({"fsdp": "full_shard"}), of_number(10_000_000)
    found = checkpoint_of(args, layout_of(args, 8), model)
    assert (found.model_files, found.files) == (4, 4 + 1 + 6 + 3 * 8 + 1), "of 8 MiB or more each, and their index"
    assert any("in 4 files" in text for _, text in facts(scale({"fsdp": "full_shard"}, 8, model)))
    alone = TrainingArguments.from_dict({"fsdp": "full_shard", "save_on_each_node": True})
    assert checkpoint_of(alone, layout_of(alone, 8), model).model_files == 1


def test_the_order_of_many_rows_costs_the_same_for_any_number() -> None:
    assert order_memory(LISTED).kind == "listed" and order_memory(LISTED).bytes == 48 * LISTED
    assert order_memory(LISTED + 1).kind == "keyed"
    assert order_memory(10**9).bytes == order_memory(10**12).bytes < 10**6 < order_memory(10**9).listed_bytes


def test_everything_is_plain_json_and_told_in_the_text() -> None:
    said = {"fsdp": "full_shard auto_wrap", "gradient_accumulation_steps": 2}
    plan = scale(said, 16, of_number(10**9), 10**9, nodes=2, device_memory=10**9)
    assert json.loads(json.dumps(plan.to_dict())) == plan.to_dict()
    told = dict(facts(plan))
    assert told["strategy"].startswith("FSDP2 (ZeRO-3), 16 processes on 2 nodes, 8 rows")
    assert "MORE THAN the 954 MiB of the device" in told["memory per rank"]
    assert all(len(label) < 20 for label in told)
    assert "--params 7e9" in dict(facts(scale({}, 2)))["memory per rank"]


@pytest.mark.parametrize(
    ("size", "said"), [(0, "0 bytes"), (1023, "1,023 bytes"), (1024, "1 KiB"), (1536, "1.5 KiB"), (2**40, "1 TiB")]
)
def test_bytes_as_people_read_them(size: int, said: str) -> None:
    assert in_bytes(size) == said


def bars(picture: str) -> list[tuple[str, float]]:
    """What is drawn, with its length."""
    (drawn,) = re.findall(r"<svg.*</svg>", picture)
    found = []
    for bar in ElementTree.fromstring(drawn).iter():
        title = bar.find("{*}title")
        if bar.tag.endswith("rect") and title is not None:
            found.append((str(title.text), float(bar.get("width", "0"))))
    return found


def test_the_picture_is_to_scale() -> None:
    plan = scale({"fsdp": "full_shard"}, 4, of_number(1_000_000))
    drawn = bars(svg(plan))
    lengths = dict(drawn[:9])
    assert lengths["optimizer: 7.63 MiB"] == pytest.approx(2 * lengths["parameters: 3.81 MiB"], abs=0.2)
    assert lengths["parameters: 3.81 MiB"] == pytest.approx(4 * lengths["parameters: 977 KiB"], rel=0.01)
    assert sum(1 for name, _ in drawn if name.startswith("sent")) == len(plan.others) == 3


def test_a_page_needs_nothing_from_elsewhere_and_says_every_fact() -> None:
    plan = scale({"fsdp": "full_shard"}, 4, of_number(1_000_000), device_memory=2**30)
    shown = page(plan)
    assert not re.search(r"<script|url\(|\son\w+=|href|src=", shown.replace("http://www.w3.org/2000/svg", ""))
    assert all(said.replace("'", "&#x27;") in shown for _, said in facts(plan))
    assert "device: 1 GiB" in shown


def test_without_a_size_the_picture_says_what_is_known() -> None:
    drawn = svg(scale({}, 4, rows=100))
    assert bars(drawn) == [] and "--params 7e9" in drawn
