"""A mesh of processes, by parallelism_config: layers split by DTensor plans, parameters shared out, copies."""
