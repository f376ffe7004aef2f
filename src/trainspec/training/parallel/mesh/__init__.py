"""A mesh of processes, by parallelism_config: layers split by DTensor plans, parameters shared out, copies."""

from trainspec.training.parallel.mesh.strategy import MeshProcesses

__all__ = ["MeshProcesses"]
