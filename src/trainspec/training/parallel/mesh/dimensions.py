"""The mesh of a run's processes: which dimensions it has, and where this process stands in each."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from trainspec.training.parallel.contact.children import kept_from_children
from trainspec.training.parallel.processes import ProcessesError

if TYPE_CHECKING:
    from trainspec.settings.sections.parallelism import ParallelismConfig
    from trainspec.training.parallel.processes import Processes

# Processes that differ in one of these train on different rows; those of the others read the same.
DATA = ("dp_replicate", "dp_shard")
# Those that share parameters out: one that has a part of each sequence needs whole layers, as one with other rows does.
SHARDS = ("dp_shard", "cp", "sp")


class Dimensions:
    """Sizes and places by torch's names, known from ranks alone; the torch mesh is made when it is first asked for.

    The last dimension, `tp`, is that of neighbours:
    ranks 0 and 1 are one group of tp 2.
    """

    def __init__(self, config: ParallelismConfig, processes: Processes) -> None:
        self.sizes = config.sizes()
        self._processes = processes
        self.places: dict[str, int] = {}
        rest = processes.rank
        for name in reversed(self.sizes):
            rest, self.places[name] = divmod(rest, self.sizes[name])
        self._meshes: dict[tuple[str, ...], DeviceMesh] = {}

    @property
    def data_rank(self) -> int:
        """Which share of the rows this process reads."""
        return self.places["dp_replicate"] * self.sizes["dp_shard"] + self.places["dp_shard"]

    @property
    def data_size(self) -> int:
        """How many shares there are."""
        return self.sizes["dp_replicate"] * self.sizes["dp_shard"]

    @property
    def parts(self) -> int:
        """Into how many parts each sequence is cut."""
        return self.sizes["cp"] * self.sizes["sp"]

    @property
    def part(self) -> int:
        """Which of them is here; cp and sp exclude each other (PAR115)."""
        return self.places["cp"] * self.sizes["sp"] + self.places["sp"]

    @property
    def is_first_of_its_rows(self) -> bool:
        """Of the processes that read the same rows."""
        return all(place == 0 for name, place in self.places.items() if name not in DATA)

    @property
    def is_first_of_its_tokens(self) -> bool:
        """Of the processes that read the same part of the same rows."""
        return all(place == 0 for name, place in self.places.items() if name not in (*DATA, *SHARDS))

    def check(self) -> None:
        """Raises ProcessesError where the sizes do not make up the world."""
        made, there = prod(self.sizes.values()), self._processes.world_size
        if made != there:
            raise ProcessesError(f"the sizes of parallelism_config multiply to {made}, but there are {there} processes")

    def mesh(self, device_type: str, *names: str) -> DeviceMesh:
        """The part of torch's mesh with these dimensions; every process asks for it, at the same time.

        Those of size one are left out where others are not, as torch's mesh has them not.
        """
        larger = tuple(name for name in names if self.sizes[name] > 1)
        whole = self._made(device_type)
        return whole[larger] if larger else init_device_mesh(device_type, (1,), mesh_dim_names=names[:1])

    def sharing(self, device_type: str) -> DeviceMesh:
        """That over which parameters are shared out: one dimension, or a first one of copies beside it."""
        if self.parts == 1:
            return self.mesh(device_type, *DATA)
        shards = self.flat(device_type, *SHARDS)
        assert shards is not None and shards.mesh_dim_names is not None, "it has a size and a name"
        if self.sizes["dp_replicate"] == 1:
            return shards
        return self._made(device_type)["dp_replicate", shards.mesh_dim_names[0]]

    def flat(self, device_type: str, *names: str) -> DeviceMesh | None:
        """The same as one dimension; None where it would be this process alone. Both of DATA make up torch's `dp`."""
        larger = tuple(name for name in names if self.sizes[name] > 1)
        if not larger:
            return None
        if len(larger) == 1:
            return self._made(device_type)[larger[0]]
        if larger not in self._meshes:
            name = "dp" if larger == DATA else "_".join(larger)
            with kept_from_children():
                self._meshes[larger] = self._made(device_type)[larger]._flatten(name)
        return self._meshes[larger]

    def _made(self, device_type: str) -> DeviceMesh:
        if () not in self._meshes:
            names = tuple(name for name, size in self.sizes.items() if size > 1)
            sizes = tuple(self.sizes[name] for name in names)
            with kept_from_children():
                self._meshes[()] = init_device_mesh(device_type, sizes, mesh_dim_names=names)
        return self._meshes[()]
