"""A mesh of processes, by parallelism_config: layers split by DTensor plans, parameters shared out, copies."""

from trainspec.training.parallel.mesh.needs import find_mesh_needs
from trainspec.training.parallel.mesh.strategy import MeshProcesses

__all__ = ["MeshProcesses", "find_mesh_needs"]
