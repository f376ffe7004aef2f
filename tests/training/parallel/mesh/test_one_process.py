"""However processes are laid out in a mesh, three updates are those of a bare loop in one process.

In double precision, with weights after Adam's updates to 1e-6; rows have unequal numbers of labels, and micro-batches
differ in them.
"""

import math
from typing import Any

import pytest
from tests.training.parallel.mesh.driving import Trained, alone, differences, trained_each
from tests.training.parallel.mesh.models import MODELS
from tests.training.parallel.world import WITH_TRANSFORMERS

Sizes = dict[str, int]
Case = tuple[str, int, float]

LAYOUTS: dict[str, tuple[Sizes, list[Case]]] = {
    "layers": ({"tp_size": 2}, [(name, 2, 0.3) for name in MODELS] + [("plain", 1, 0.0)]),
    "layers and copies": ({"tp_size": 2, "dp_replicate_size": 2}, [("tied", 3, 0.3)]),
    "layers and shards": ({"tp_size": 2, "dp_shard_size": 2}, [("split stream", 2, 0.3)]),
    "copies and shards": ({"dp_replicate_size": 2, "dp_shard_size": 2}, [("tied", 2, 0.3)]),
    # Of six tokens the first three have two each, and the last has none.
    "uneven parts of sequences": ({"tp_size": 4}, [("split stream", 1, 0.3)]),
}
LONG: dict[str, tuple[Sizes, list[Case]]] = {
    "four parts": ({"tp_size": 4}, [("plain", 2, 0.3), ("split stream", 2, 0.0)]),
    "shards": ({"dp_shard_size": 2}, [(name, 3, 0.3) for name in MODELS]),
    "copies": ({"dp_replicate_size": 3}, [(name, 2, 0.3) for name in MODELS]),
    "layers and copies, all": ({"tp_size": 2, "dp_replicate_size": 2}, [(name, 2, 0.3) for name in MODELS]),
    "layers and shards, all": ({"tp_size": 2, "dp_shard_size": 2}, [(name, 3, 0.0) for name in MODELS]),
    "all": ({"tp_size": 2, "dp_shard_size": 2, "dp_replicate_size": 2}, [(name, 1, 0.3) for name in MODELS]),
}


def agrees(sizes: Sizes, cases: list[Case]) -> None:
    every = WITH_TRANSFORMERS.run(math.prod(sizes.values()), trained_each, sizes, cases, seconds=400)
    for place, (model, _, max_norm) in enumerate(cases):
        found: list[Trained] = [rank[place] for rank in every]
        off = differences(found, alone(model, max_norm))
        assert off["weights"] < 1e-6 and off["losses"] < 1e-12 and off["norms"] < 1e-10, (model, off)
        assert len({tuple(rank.norms) for rank in found}) == 1, "the same norm, to the bit, in every process"
        assert not max_norm or min(found[0].norms) > max_norm, "it was clipped"


@pytest.mark.parametrize("name", LAYOUTS)
def test_updates_are_those_of_one_process(name: str) -> None:
    pytest.importorskip("transformers")
    agrees(*LAYOUTS[name])


@pytest.mark.long_distributed
@pytest.mark.parametrize("name", LONG)
def test_updates_of_further_layouts_are_those_of_one_process(name: str) -> None:
    pytest.importorskip("transformers")
    agrees(*LONG[name])


OPTIMIZERS: dict[str, dict[str, Any]] = {
    "adafactor": {},
    "sgd": {},
    "adagrad": {},
    "rmsprop": {},
    "adamw_torch_fused": {},
    "adamw_anyprecision": {},
    "stable_adamw": {},
    "grokadamw": {},
    "schedule_free_adamw": {"lr_scheduler_type": "constant"},
    "schedule_free_sgd": {"lr_scheduler_type": "constant"},
    "schedule_free_radam": {"lr_scheduler_type": "constant"},
}


@pytest.mark.long_distributed
def test_optimizers_step_on_parts_as_on_whole_parameters() -> None:
    from tests.training.parallel.mesh.driving import stepped_each

    found = WITH_TRANSFORMERS.run(2, stepped_each, {"tp_size": 2}, OPTIMIZERS, seconds=400)[0]
    expected = WITH_TRANSFORMERS.run(1, stepped_each, {"tp_size": 1}, OPTIMIZERS, seconds=400)[0]
    for name, weights in expected.items():
        off = {key: float((value - found[name][key]).abs().max()) for key, value in weights.items()}
        # The bias of keys has no gradient but rounding, which some of them blow up.
        assert all(value < 1e-6 for key, value in off.items() if not key.endswith("k.bias")), (name, off)
