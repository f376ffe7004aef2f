"""All processes begin with the weights of the main one, whatever they made themselves, and wherever a model stands."""

from typing import Any

import pytest
import torch
from tests.training.parallel.fsdp.toy import Run, Tokens, dealt, far, items_in, joined, make_rows, settings
from tests.training.parallel.world import run_in
from torch import nn

from trainspec.training.parallel.fsdp.loading import EmptyModelError, fill

ROWS = make_rows(8)


def begun(fsdp: str, details: dict[str, Any], meta: str) -> Any:
    with joined() as group:
        on_meta = meta == "all" or (meta == "others" and group.rank > 0)
        with torch.device("meta" if on_meta else "cpu"):
            model = Tokens(seed=3 + group.rank, tied=True)
        if meta == "all":
            # The buffer is the model's own.
            model.reset_parameters = lambda: model.shift.copy_(torch.arange(6.0))  # type: ignore[assignment]
        before = {name: value.clone() for name, value in model.state_dict().items()}
        args = settings(fsdp=fsdp, fsdp_config=details)
        run = Run(group, args, model).with_optimizer()
        rank, size = group.rank, group.world_size
        loaded = dict(run.strategy.weights())
        buffer = model.shift.clone()
        norm, _ = run.update(dealt(ROWS, size, 4, 1)[rank], items_in(ROWS))
        head_is_tied = model.head.weight is model.words.weight
        return before if not on_meta else None, loaded, norm, buffer, head_is_tied, dict(run.strategy.weights())


@pytest.mark.parametrize(
    "details, meta",
    [({}, "none"), ({"cpu_ram_efficient_loading": True}, "none"), ({"cpu_ram_efficient_loading": True}, "others")],
)
def test_the_weights_are_those_of_the_main_process(details: dict[str, Any], meta: str) -> None:
    answers = run_in(2, begun, "full_shard auto_wrap", details, meta)
    (before, loaded, norm, buffer, _, after), other = answers
    assert far(loaded, before) == 0
    assert other[0] is None or far(before, other[0]) > 0.1, "the other made weights of its own"
    assert torch.equal(other[3], buffer) and torch.equal(buffer, before["shift"]), "buffers, too"
    assert other[2] == norm and far(after, before) > 0 and all(answer[4] for answer in answers)


def test_without_sync_module_states_each_process_keeps_its_part_of_its_own() -> None:
    (before, loaded, *_), (other, *_) = run_in(2, begun, "full_shard", {"sync_module_states": False}, "none")
    half = 7  # of 13 rows
    assert torch.equal(loaded["words.weight"][:half], before["words.weight"][:half])
    assert torch.equal(loaded["words.weight"][half:], other["words.weight"][half:])


def test_a_model_without_numbers_anywhere_is_drawn_once() -> None:
    (_, loaded, norm, buffer, _, _), other = run_in(
        3, begun, "full_shard auto_wrap", {"cpu_ram_efficient_loading": True}, "all"
    )[:2]
    assert torch.equal(buffer, torch.arange(6.0, dtype=torch.float64)) and torch.equal(other[3], buffer)
    for name in ("words.weight", "blocks.0.up.weight", "blocks.2.down.weight"):
        halves = loaded[name].flatten().tolist()
        assert len(set(halves)) == len(halves), "no two shards are drawn alike"
    assert torch.isfinite(loaded["blocks.1.narrow.bias"]).all() and norm == other[2] > 0


def test_a_module_that_cannot_draw_is_named() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(2, 2), Tokens())
    with pytest.raises(EmptyModelError, match=r"draws the weights of Tokens$"):
        fill(model)
