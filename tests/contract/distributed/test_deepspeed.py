"""deepspeed: its engine trains, by the values of our settings; what it cannot do is said before anything is written."""

from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

pytest.importorskip("deepspeed")

from tests.training.parallel.deepspeed_engine import jobs, ranks
from tests.training.parallel.deepspeed_engine.server import run
from tests.training.parallel.world import run_in
from tests.training.small_job import Make

from trainspec.training.parallel.deepspeed_engine import library
from trainspec.training.preflight.preflight import PreflightError


def zero(stage: int, **more: Any) -> dict[str, Any]:
    return {"deepspeed": {"zero_optimization": {"stage": stage}, **more}}


def is_the_same_run(found: dict[str, Any], plain: dict[str, Any]) -> None:
    for name in ("losses", "norms", "rates", "evaluated"):
        assert found[name] == pytest.approx(plain[name], rel=1e-5), name
    assert found["operations"] == plain["operations"]
    for name, value in plain["weights"].items():
        assert (found["weights"][name] - value).abs().max() < 1e-6


def test_deepspeed_trains_as_one_process_does(tmp_path: Path) -> None:
    clipped, free = {"max_grad_norm": 0.5}, {"max_grad_norm": 0.0, "optim": "sgd", "learning_rate": 0.01}
    plain = [jobs.seen(jobs.made(str(tmp_path), **changes)) for changes in (clipped, free)]
    split = {"per_device_train_batch_size": 3}
    wanted = [
        {**clipped, **split, **zero(2, gradient_clipping="auto")},
        {**free, **split, **zero(3)},
        {**clipped, **split, **zero(0)},
    ]
    answers = run(2, jobs.several, str(tmp_path), wanted)
    for found, expected in zip(answers[0], (plain[0], plain[1], plain[0]), strict=True):
        is_the_same_run(found, expected)
    assert [found["stage"] for found in answers[0]] == [2, 3, 0]
    assert [found["clipping"] for found in answers[0]] == [0.5, 0.0, 0.5]
    assert [found["rows"] for found in answers[0]] == [12, 12, 12]
    assert [found["steps"] for found in answers[0]] == ["AdamW", "SGD", "AdamW"]
    for main, other in zip(*answers, strict=True):
        assert [main[name] for name in ("losses", "norms")] == [other[name] for name in ("losses", "norms")]
    # Two moments of five parameters: shared out, filled up to even slices, or whole in each.
    assert answers[1][0]["held"] < 10 <= answers[1][2]["held"]


def test_deepspeed_brings_an_optimizer_and_a_schedule_of_its_own(tmp_path: Path) -> None:
    own = {
        "zero_allow_untested_optimizer": True,
        "optimizer": {"type": "SGD", "params": {"lr": "auto"}},
        "scheduler": {
            "type": "WarmupDecayLR",
            "params": {
                **dict.fromkeys(("warmup_min_lr", "warmup_max_lr", "warmup_num_steps", "total_num_steps"), "auto"),
                "warmup_type": "linear",
            },
        },
    }
    said = {"learning_rate": 0.02, "warmup_steps": 2, **zero(1, **own)}
    plain = jobs.seen(jobs.made(str(tmp_path), optim="sgd", learning_rate=0.02, lr_scheduler_type="constant"))
    ((found,),) = run(1, jobs.several, str(tmp_path), [said])
    assert found["steps"] == "SGD"
    # DeepSpeed's schedule sets no rate for the first update but the lowest, and then begins with it.
    assert found["rates"] == pytest.approx([0.0, 0.0, 0.01, 0.02])
    # Nothing moves at a rate of nothing.
    assert found["losses"][0] == pytest.approx(plain["losses"][0], rel=1e-6)
    assert found["losses"][1] != pytest.approx(plain["losses"][1], rel=1e-3)


def test_deepspeed_shares_out_a_model_while_it_is_made(tmp_path: Path) -> None:
    plain = jobs.seen(jobs.made(str(tmp_path)))
    split = {"per_device_train_batch_size": 3, **zero(3)}
    (here, runs), _ = run(2, jobs.made_in_parts, str(tmp_path), split)
    assert here == [0, 0, 0], "made for the Trainer, and for each run"
    for found in runs:
        is_the_same_run(found, plain)


@pytest.mark.parametrize("stage, more", [(2, {}), (3, {"bf16": True})], ids=str)
def test_deepspeed_saves_its_parts_and_goes_on_bit_for_bit(tmp_path: Path, stage: int, more: dict[str, Any]) -> None:
    out = tmp_path / "out"
    changes = {"per_device_train_batch_size": 3, **more, **zero(stage)}
    for found in run(2, jobs.resumed, str(out), changes):
        first, second = found["first"], found["second"]
        assert first["losses"][1:] == second["losses"][1:] and first["norms"][1:] == second["norms"][1:]
        assert all(value.equal(second["weights"][name]) for name, value in first["weights"].items())
        assert found["now"] == pytest.approx(found["best"], rel=1e-2 if more else 1e-6)
    files = {path.name for path in (out / "checkpoint-4").iterdir()}
    parts = {f"optimizer-0000{number}-of-00002.safetensors" for number in (1, 2)}
    assert {"model.safetensors", *parts} <= files
    whole = load_file(out / "checkpoint-4" / "model.safetensors")
    assert {name: tuple(value.shape) for name, value in whole.items()} == {"layer.weight": (1, 4), "layer.bias": (1,)}


def overflowing() -> Any:
    with ranks.joined() as processes:
        scaled = {"fp16": {"enabled": "auto", "initial_scale_power": 8, "hysteresis": 1}}
        more = {"per_device_train_batch_size": 12, "max_grad_norm": 0.5}
        found = ranks.Run(processes, fp16=True, **more, **zero(2, **scaled))
        scales = [found.precision.loss_scale()]
        for number, poison in enumerate((False, True, False)):
            before = {name: value.clone() for name, value in found.model.state_dict().items()}
            found.update(number, 12, 1, poison=poison)
            scales.append(found.precision.loss_scale())
            moved = any(not value.equal(before[name]) for name, value in found.model.state_dict().items())
            assert moved is not poison
        return found.stepped, scales, found.rates, found.norms


def test_deepspeed_skips_an_overflow_of_any_process_in_all() -> None:
    """Of three updates the second overflows in one process: there is no step, and the schedule waits."""
    for stepped, scales, rates, norms in run(2, overflowing):
        assert stepped == [True, False, True] and scales == [256.0, 256.0, 128.0, 128.0]
        assert rates[1] == rates[2] < rates[0]
        assert norms[1] == float("inf") and norms[2] < 10


def test_deepspeed_is_imported_only_where_it_is_asked_for(tmp_path: Path) -> None:
    assert run_in(1, jobs.imported, str(tmp_path)) == [False]


@pytest.mark.parametrize(
    "hide, told",
    [
        (lambda patch: patch.setattr(library, "find_spec", lambda name: None), "is not installed"),
        (lambda patch: patch.setattr(library, "version", lambda name: "0.17.6"), "0.17.6 is older than 0.19"),
    ],
    ids=["missing", "old"],
)
def test_deepspeed_that_is_not_there_is_told_before_anything_is_written(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hide: Any, told: str
) -> None:
    hide(monkeypatch)
    trainer = make_trainer(**zero(2))
    with pytest.raises(PreflightError) as caught:
        trainer.train()
    (finding,) = [item for item in caught.value.diagnostics if item.code == "RUN270"]
    assert told in finding.message and "pip install" in finding.remedy and finding.fields == ("deepspeed",)
    assert not (tmp_path / "out").exists()
