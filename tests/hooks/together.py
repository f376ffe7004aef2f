"""Files that need the same heavy server go to one of the processes that run tests: else each would start its own."""

from typing import Any

import pytest

# Ranks are forked from a server that has imported a library: that alone takes a quarter of a minute.
SERVERS = {
    "DeepSpeed": (
        "tests/contract/distributed/test_deepspeed.py",
        "tests/plan/scale/test_held.py",
        "tests/plan/scale/test_worked_example.py",
        "tests/training/parallel/deepspeed_engine/",
        "tests/training/parallel/matrix/test_matrix.py",
        "tests/training/parallel/matrix/test_meeting.py",
    ),
    "transformers": (
        "tests/training/checkpoint/ranks/test_real_strategies.py",
        "tests/training/parallel/matrix/test_adapters.py",
        "tests/training/parallel/mesh/test_experts.py",
        "tests/training/parallel/mesh/test_one_process.py",
        "tests/training/parallel/mesh/test_sequences.py",
        "tests/training/parallel/mesh/test_ulysses.py",
    ),
}


def together(name: str) -> str:
    """What a test of this id is run together with: its file, or all files of a server."""
    return next((server for server, files in SERVERS.items() if name.startswith(files)), name.partition("::")[0])


def scheduler(config: pytest.Config, log: Any) -> Any:
    """For `--dist loadfile`; None leaves others as they are."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByServer(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid)

    return ByServer(config, log)
