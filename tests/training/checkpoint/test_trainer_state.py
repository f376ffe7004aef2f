"""Promise: trainer_state.json is valid JSON wherever it is written, and nothing of a state is lost in it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.training.small_job import Line, Make, Rows

from trainspec.storage import open_store
from trainspec.training.checkpoint import open_checkpoint
from trainspec.training.checkpoint.contents import unpack
from trainspec.training.state import TrainerState, parse_state, state_bytes

LOOKALIKES = st.sampled_from(["nan", "inf", "-inf", "NaN", "$float", "$$float", "$", "null", "float"])
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), LOOKALIKES)
NESTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(LOOKALIKES, st.text(max_size=3)), inner, max_size=3)
    ),
    max_leaves=12,
)


def strictly(data: bytes) -> Any:
    """What a reader that knows nothing but JSON gets."""
    return json.loads(data.decode("ascii"), parse_constant=pytest.fail)


def same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)


@given(st.dictionaries(st.text(max_size=5), NESTS, max_size=4))
def test_what_is_written_is_valid_and_comes_back(document: dict[str, Any]) -> None:
    data = state_bytes(document)
    strictly(data)
    assert same(parse_state(data), document)


@given(st.floats(), NESTS, NESTS)
def test_a_saved_state_is_loaded_as_it_was(tmp_path_factory: Any, best: float, told: Any, kept: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "state.json"
    state = TrainerState(best_metric=best, log_history=[{"loss": told}], stateful_callbacks={"Own": kept})
    state.save_to_json(path)
    strictly(path.read_bytes())
    assert same(TrainerState.load_from_json(path), state)


def test_numbers_of_numpy_are_numbers() -> None:
    state = {"losses": [numpy.float64("nan"), numpy.float64(0.1)], "pair": (1, math.inf)}
    assert same(parse_state(state_bytes(state)), {"losses": [math.nan, 0.1], "pair": [1, math.inf]})


OLD = {
    "a checkpoint's": (b'{"loss": {"$float": "nan"}, "x": [{"$float": "-inf"}]}', {"loss": math.nan, "x": [-math.inf]}),
    "the train command's": (b'{"loss": null}', {"loss": None}),
    "save_to_json's": (b'{"loss": NaN, "x": [Infinity, -Infinity]}', {"loss": math.nan, "x": [math.inf, -math.inf]}),
}


@pytest.mark.parametrize(("data", "expected"), OLD.values(), ids=OLD)
def test_what_was_written_before_is_read(data: bytes, expected: dict[str, Any]) -> None:
    assert same(parse_state(data), expected)


def test_what_transformers_wrote_is_read(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.TrainerState(
        epoch=1.5, global_step=3, max_steps=9, log_history=[{"loss": math.nan, "step": 3}], best_metric=-math.inf
    )
    theirs.save_to_json(str(tmp_path / "trainer_state.json"))
    assert "NaN" in (tmp_path / "trainer_state.json").read_text()
    (tmp_path / "more.json").write_text(
        (tmp_path / "trainer_state.json").read_text().replace("{", '{"of_a_later_version": 1,', 1)
    )
    for name in ("trainer_state.json", "more.json"):
        state = TrainerState.load_from_json(tmp_path / name)
        assert (state.epoch, state.global_step, state.max_steps, state.best_metric) == (1.5, 3, 9, -math.inf)
        assert same(state.log_history, [{"loss": math.nan, "step": 3}])


@pytest.mark.parametrize("data", [b"", b"[]", b"1", b'{"$float": "nan"}', b"\xff"])
def test_what_is_no_state_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_state(data)


class Diverged(Line):
    """Its loss is no number."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        returned = super().forward(*args, **kwargs)
        return {**returned, "loss": returned["loss"] * math.nan}


def _losses(state: TrainerState) -> list[float]:
    return [entry["loss"] for entry in state.log_history if "loss" in entry]


RUN = {
    "logging_steps": 1,
    "logging_nan_inf_filter": False,
    "stop_on_nonfinite": False,
    "save_strategy": "epoch",
    "max_steps": 2,
}


def test_every_file_of_a_run_that_diverged_says_so_in_the_same_way(make_trainer: Make, tmp_path: Path) -> None:
    trainer = make_trainer(model=Diverged(), output_dir=str(tmp_path / "out"), **RUN)
    trainer.train()
    trainer.save_state()
    trainer.state.save_to_json(tmp_path / "by_hand.json")
    checkpoint = open_checkpoint(tmp_path / "out" / "checkpoint-2")
    states = {
        "checkpoint": TrainerState.from_dict(dict(unpack(checkpoint).trainer_state)),
        "save_state": TrainerState.load_from_json(tmp_path / "out" / "trainer_state.json"),
        "save_to_json": TrainerState.load_from_json(tmp_path / "by_hand.json"),
    }
    for state in states.values():
        assert [math.isnan(loss) for loss in _losses(state)] == [True, True]
    for path in tmp_path.rglob("*.json"):
        strictly(path.read_bytes())


def test_the_train_command_writes_it_in_the_same_way(arguments: Any, tmp_path: Path) -> None:
    from trainspec.tasks import TaskParts
    from trainspec.training.command.train import run_task

    args = arguments(**RUN, do_eval=False)
    assert run_task(args, lambda args: TaskParts(Diverged(), train_dataset=Rows())) == 0
    output = open_store(args.output_dir)
    strictly(output.read_bytes("trainer_state.json"))
    state = TrainerState.load_from_json(Path(args.output_dir) / "trainer_state.json")
    assert [math.isnan(loss) for loss in _losses(state)] == [True, True]


@pytest.mark.parametrize("value", [1, "1", [1], None, "nanny"])
def test_what_others_keep_under_that_name_is_theirs(value: Any) -> None:
    document = {"a": {"$float": value}}
    assert parse_state(json.dumps(document)) == document
    assert parse_state(state_bytes(document)) == document
