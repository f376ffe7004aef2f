"""Strategies x number formats x families of optimizers x accumulation, by the Trainer: each trains as one process does,
or is refused before it begins.

Every triple of strategy, format and optimizer is run, with one accumulation or the other in turn, so that each pair of
any two of the four is seen. All of a strategy are run in the same processes, one after the other.
"""

import itertools
from typing import Any

import pytest
from tests.training.parallel.matrix import job
from tests.training.parallel.matrix.job import STRATEGIES, WINDOW
from tests.training.parallel.world import run_in

FORMATS: dict[str, dict[str, Any]] = {"float32": {}, "bf16": {"bf16": True}, "fp16": {"fp16": True}}
# A name for each way to go about a parameter: moments, none, factors of moments, signs, matrices, averages, ...
OPTIMIZERS = (
    "adamw_torch",
    "sgd",
    "adagrad",
    "rmsprop",
    "adafactor",
    "lion_32bit",
    "ademamix",
    "stable_adamw",
    "schedule_free_adamw",
    "muon",
)
ACCUMULATION = (1, 3)
OF_SHARDS = {"adafactor", "lion_32bit", "ademamix", "schedule_free_adamw", "muon"}
OF_SLICES = {"adagrad", "adafactor", "stable_adamw", "schedule_free_adamw", "muon"}
# What preflight says to them, whatever the format.
REFUSED: dict[str, tuple[str, set[str]]] = {
    "ddp": ("", set()),
    "full_shard": ("PAR120", OF_SHARDS),
    "shard_grad_op": ("PAR120", OF_SHARDS),
    "hybrid_shard": ("PAR120", OF_SHARDS),
    "no_shard": ("PAR120", {"lion_32bit", "ademamix"}),
    "zero 0": ("RUN278", {"schedule_free_adamw"}),
    "zero 1": ("RUN278", OF_SLICES),
    "zero 2": ("RUN278", OF_SLICES),
    "zero 3": ("RUN278", OF_SLICES),
    "layers": ("PAR120", {"lion_32bit", "ademamix"}),
    "layers and copies": ("PAR120", {"lion_32bit", "ademamix"}),
    "layers and shards": ("PAR120", OF_SHARDS),
}

# How far from those of one process weights may be, as a part of the way that training went: formats round gradients in
# another order, and what divides by them, or takes their signs, blows up the least of them. So do muon's iterations,
# which are in bfloat16 always.
CLOSE = {"float32": 1e-4, "bf16": 0.2, "fp16": 0.1}
# DeepSpeed makes its float32 masters of weights that were rounded to half first: half of a last place of them.
ROUNDED = {"float32": 0.0, "bf16": 2.0**-9, "fp16": 2.0**-12}

Cell = tuple[str, str, int]


def cells(strategy: str) -> list[Cell]:
    number = list(STRATEGIES).index(strategy)
    pairs = itertools.product(range(len(FORMATS)), range(len(OPTIMIZERS)))
    return [
        (list(FORMATS)[place], OPTIMIZERS[other], ACCUMULATION[(number + place + other) % 2]) for place, other in pairs
    ]


def test_every_pair_is_seen() -> None:
    every = [(strategy, *cell) for strategy in STRATEGIES for cell in cells(strategy)]
    axes = (tuple(STRATEGIES), tuple(FORMATS), OPTIMIZERS, ACCUMULATION)
    for one, other in itertools.combinations(range(len(axes)), 2):
        assert {(cell[one], cell[other]) for cell in every} == set(itertools.product(axes[one], axes[other]))


def changes(strategy: str, form: str, optim: str) -> dict[str, Any]:
    found = {**STRATEGIES[strategy].changes, **FORMATS[form], "optim": optim}
    if "deepspeed" in found and form == "fp16":
        # Its first scale overflows, and an update that is skipped shows nothing.
        found["deepspeed"] = {**found["deepspeed"], "fp16": {"enabled": "auto", "initial_scale_power": 8}}
    return found


def alone(out: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Each format and optimizer in one process, a window as one batch."""
    asked = list(itertools.product(FORMATS, OPTIMIZERS))
    runs = [(1, {**FORMATS[form], "optim": optim}) for form, optim in asked]
    (answers,) = run_in(1, job.several, out, WINDOW, runs, seconds=500)
    return dict(zip(asked, answers, strict=True))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    return alone(str(tmp_path_factory.mktemp("alone")))


def is_refused(strategy: str, form: str, optim: str) -> bool:
    # Half weights without ZeRO have masters of their own, which Adagrad has no state for.
    return optim in REFUSED[strategy][1] or (strategy == "zero 0" and form != "float32" and optim == "adagrad")


def problems(strategy: str, cell: Cell, answers: list[Any], reference: dict[Any, Any]) -> list[str]:
    form, optim, _ = cell
    if is_refused(strategy, form, optim):
        return [f"{each}" for each in answers if each.get("refused") != [REFUSED[strategy][0]]]
    main, wanted = answers[0], reference[form, optim]
    if "refused" in main:
        return [f"refused: {main['refused']}"]
    found = []
    off = job.far(main["weights"], wanted["weights"], ROUNDED[form] if strategy.startswith("zero") else 0.0)
    if off > (0.05 if (form, optim) == ("float32", "muon") else CLOSE[form]):
        found.append(f"weights are {off:.1e} of the way off")
    gap = max(abs(one - other) for one, other in zip(main["losses"], wanted["losses"], strict=True))
    if gap > (4e-2 if form != "float32" else 1e-4 if optim == "muon" else 2e-6):
        found.append(f"losses differ by {gap:.1e}")
    if form != "float32" and main["losses"] == reference["float32", optim]["losses"]:
        found.append("the losses are those of float32")
    if any(each["losses"] != main["losses"] or each["norms"] != main["norms"] for each in answers):
        found.append("processes log different numbers")
    return found


@pytest.mark.long_distributed
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_every_cell_trains_as_one_process_or_is_refused(
    tmp_path: Any, strategy: str, reference: dict[Any, Any]
) -> None:
    asked, way = cells(strategy), STRATEGIES[strategy]
    runs = [(accumulation, changes(strategy, form, optim)) for form, optim, accumulation in asked]
    start = run_in
    if "deepspeed" in way.changes:
        pytest.importorskip("deepspeed")
        from tests.training.parallel.deepspeed_engine.server import run as start  # type: ignore[assignment]
    answers = start(way.processes, job.several, str(tmp_path), way.share, runs, seconds=500)
    wrong = {
        cell: said
        for place, cell in enumerate(asked)
        if (said := problems(strategy, cell, [each[place] for each in answers], reference))
    }
    assert not wrong, "\n".join(f"{cell}: {'; '.join(said)}" for cell, said in wrong.items())
