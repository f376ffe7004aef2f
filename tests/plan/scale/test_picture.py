"""That a picture can be read: no text leaves it, nothing that is there is too thin to be seen, nothing runs through
what is written.
"""

import re
from typing import Any

import pytest

from trainspec import TrainingArguments
from trainspec.plan.run import plan_batches
from trainspec.plan.scale.model import of_number
from trainspec.plan.scale.picture import svg
from trainspec.plan.scale.plan import ScalePlan, plan_scale

# Of a letter's height: wide fonts have letters so wide, on average.
_WIDE, _WIDE_BOLD = 0.56, 0.62
ZERO: dict[str, Any] = {str(stage): {"deepspeed": {"zero_optimization": {"stage": stage}}} for stage in range(4)}
MESH = {"tp_size": 8, "dp_replicate_size": 10, "cp_size": 5}
WORLDS: list[tuple[int, dict[str, Any]]] = [
    (1, {}),
    (8, {}),
    *((8, said) for said in ZERO.values()),
    (8, {"parallelism_config": {"tp_size": 8}}),
    (10_000, {"fsdp": "full_shard", "bf16": True}),
    (10_000, {"fsdp": "hybrid_shard"}),
    (10_000, {"fsdp": "full_shard", "parallelism_config": {**MESH, "dp_shard_size": 25}}),
]


def planned(world: int, said: dict[str, Any]) -> ScalePlan:
    args = TrainingArguments.from_dict(said)
    batches = plan_batches(args, 10**9, world)
    nodes = max(1, world // 8)
    return plan_scale(
        args,
        batches,
        world_size=world,
        nodes=nodes,
        model=of_number(70 * 10**9),
        train_rows=10**9,
        device_memory=80 * 2**30,
    )


def texts(picture: str) -> list[tuple[float, str, str]]:
    """Where each begins, its attributes, and what it says."""
    shift = {"g": 16.0}
    found = re.findall(r'<text x="([\d.-]+)"([^>]*)>([^<]*)</text>', picture)
    return [(float(x) + (0 if 'font-size="15"' in more else shift["g"]), more, words) for x, more, words in found]


@pytest.mark.parametrize(("world", "said"), WORLDS, ids=str)
def test_every_text_lies_within_the_picture(world: int, said: dict[str, Any]) -> None:
    picture = svg(planned(world, said))
    (width,) = re.findall(r'viewBox="0 0 (\d+) ', picture)
    written = texts(picture)
    assert len(written) > 5
    for x, more, words in written:
        letters = len(words) * (15 * _WIDE_BOLD if 'font-size="15"' in more else 12 * _WIDE)
        begin, end = (x - letters, x) if 'text-anchor="end"' in more else (x, x + letters)
        assert begin >= 0 and end <= int(width), words


def test_the_least_part_is_seen_and_no_line_runs_through_a_number() -> None:
    picture = svg(planned(10_000, {"fsdp": "full_shard", "bf16": True}))
    bars = [float(width) for width in re.findall(r'width="([\d.]+)" height="22"', picture)]
    assert len(bars) > 12 and min(bars) >= 1.5
    line, numbers = (
        picture.index("stroke-dasharray"),
        [more for _, more, words in texts(picture) if words.endswith("iB")],
    )
    assert all(picture.rindex(f">{words}<") > line for _, _, words in texts(picture) if words == "107 MiB")
    assert sum('paint-order="stroke"' in more for more in numbers) == 8


def test_whether_all_of_it_has_room_is_said() -> None:
    """The bars are of what is kept alone: 107 MiB, where 130 GiB are gathered at once."""
    assert "what is gathered at once: 130 GiB" in svg(planned(10_000, {"fsdp": "full_shard", "bf16": True}))
    assert "with buckets: " in svg(planned(8, {}))


def test_one_process_and_one_reader_are_told_as_one() -> None:
    told = svg(planned(1, {})) + svg(planned(8, {"parallelism_config": {"tp_size": 8}}))
    assert "1 processes" not in told and "1 readers" not in told and "in 1 reader of rows" in told
