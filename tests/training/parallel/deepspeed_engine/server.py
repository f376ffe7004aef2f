"""Ranks that find DeepSpeed imported: forked from a server of their own, as only these tests need it."""

from tests.training.parallel.world import Server

_SERVER = Server(
    "deepspeed",
    # Decorated with torch.compile, which imports the compiler.
    "deepspeed.runtime.zero.muon.muon_optimizer",
    "deepspeed.runtime.zero.stage3",
    "deepspeed.runtime.superoffload.superoffload_stage3",
    "trainspec.training.parallel.deepspeed_engine.engine",
    DS_ACCELERATOR="cpu",
)
run, run_to_the_end = _SERVER.run, _SERVER.run_to_the_end
