"""Flyte: inside of a task there is a deck with the entries; outside of one preflight says so."""

from pathlib import Path

import pytest
from flytekit import current_context, task
from tests.trackers.running import SECRET, build, run

from trainspec.training.preflight.preflight import PreflightError

SEEN: dict[str, str] = {}


@task(enable_deck=True)
def training(out: str) -> int:
    trainer = run(build(Path(out), "flyte"))
    SEEN.update({deck.name: deck.html for deck in current_context().decks})
    return trainer.state.global_step


def test_a_task_has_a_deck_with_every_entry(tmp_path: Path) -> None:
    assert training(out=str(tmp_path / "out")) == 12
    deck = SEEN["trainspec morning"]
    assert deck.count("<tr>") > 10
    assert all(name in deck for name in ("eval_loss", "test_loss", "grad_norm", "best checkpoint", "learning_rate"))
    assert SECRET not in deck


def test_outside_of_a_task_preflight_refuses(tmp_path: Path) -> None:
    with pytest.raises(PreflightError) as caught:
        build(tmp_path / "out", "flyte").train()
    assert [item.code for item in caught.value.diagnostics] == ["RUN140"]
    assert not (tmp_path / "out").exists()


def test_all_leaves_it_out_outside_of_a_task(tmp_path: Path) -> None:
    from trainspec.training.trackers import chosen_trackers

    assert "flyte" not in chosen_trackers(build(tmp_path / "out", "all").args)
