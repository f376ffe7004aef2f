"""For every setting, changes of the sources that its contract tests must notice. `make mutate` tries them all."""

from tests.contract.mutations import (
    checkpoint,
    data,
    debug,
    deepspeed_engine,
    distributed,
    evaluation,
    fsdp,
    hub,
    mesh,
    optimizer,
    performance,
    precision,
    reporting,
    run,
    sharing,
    transformers5,
)
from tests.contract.mutations.mutation import Mutation

__all__ = ["MUTATIONS", "Mutation"]

MUTATIONS: tuple[Mutation, ...] = (
    *run.MUTATIONS,
    *evaluation.MUTATIONS,
    *optimizer.MUTATIONS,
    *reporting.MUTATIONS,
    *checkpoint.MUTATIONS,
    *data.MUTATIONS,
    *performance.MUTATIONS,
    *precision.MUTATIONS,
    *distributed.MUTATIONS,
    *fsdp.MUTATIONS,
    *sharing.MUTATIONS,
    *deepspeed_engine.MUTATIONS,
    *mesh.MUTATIONS,
    *hub.MUTATIONS,
    *debug.MUTATIONS,
    *transformers5.MUTATIONS,
)
