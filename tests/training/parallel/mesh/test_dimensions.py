"""Where a process stands in a mesh follows from ranks alone; torch's mesh has the same dimensions and names."""

from typing import Any

import pytest
from tests.training.parallel.mesh.driving import joined
from tests.training.parallel.world import run_in

from trainspec.settings.sections.parallelism import ParallelismConfig
from trainspec.training.parallel import Alone, ProcessesError
from trainspec.training.parallel.mesh.dimensions import DATA, Dimensions


class Rank(Alone):
    def __init__(self, rank: int, world_size: int) -> None:
        super().__init__()
        self.rank, self.world_size = rank, world_size  # type: ignore[misc]


def dimensions(rank: int, world_size: int, **sizes: int) -> Dimensions:
    return Dimensions(ParallelismConfig(**sizes), Rank(rank, world_size))


def test_neighbours_split_layers_and_read_the_same_rows() -> None:
    every = [dimensions(rank, 8, tp_size=2, dp_shard_size=2, dp_replicate_size=2) for rank in range(8)]
    assert [each.places["tp"] for each in every] == [0, 1, 0, 1, 0, 1, 0, 1]
    assert [each.places["dp_shard"] for each in every] == [0, 0, 1, 1, 0, 0, 1, 1]
    assert [each.data_rank for each in every] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert {each.data_size for each in every} == {4}
    assert [each.is_first_of_its_rows for each in every] == [True, False] * 4


@pytest.mark.parametrize("world_size", [3, 5, 8])
def test_sizes_that_do_not_make_up_the_world_are_refused(world_size: int) -> None:
    with pytest.raises(ProcessesError, match=f"multiply to 4, but there are {world_size} processes"):
        dimensions(0, world_size, tp_size=4).check()
    dimensions(0, 4, tp_size=4).check()


def seen() -> dict[str, Any]:
    with joined() as processes:
        sizes = ParallelismConfig(dp_replicate_size=2, dp_shard_size=2)
        found = Dimensions(sizes, processes)
        both, flat = found.mesh("cpu", *DATA), found.flat("cpu", *DATA)
        assert flat is found.flat("cpu", *DATA) and flat is not None, "groups are made once"
        assert found.flat("cpu", "tp", "cp") is None
        one = found.flat("cpu", "dp_shard")
        assert one is not None
        return {
            "names": both.mesh_dim_names,
            "place": both.get_coordinate(),
            "flat": (flat.mesh_dim_names, flat.get_local_rank(), flat.size()),
            "one": (one.mesh_dim_names, one.get_local_rank()),
            "known": [found.places["dp_replicate"], found.places["dp_shard"]],
            "data_rank": found.data_rank,
        }


def test_torchs_mesh_has_these_places_and_names() -> None:
    for rank, found in enumerate(run_in(4, seen)):
        assert found["names"] == DATA and list(found["place"]) == found["known"] == [rank // 2, rank % 2]
        assert found["flat"] == (("dp",), rank, 4) and found["data_rank"] == rank
        assert found["one"] == (("dp_shard",), rank % 2)
