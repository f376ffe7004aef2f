"""What Ray really says to a worker of a node that it drains."""

from __future__ import annotations

import time

import pytest

from trainspec.cli.ray_train import node_is_drained

ray = pytest.importorskip("ray", reason="Ray has an environment of its own: make test-search")

pytestmark = pytest.mark.timeout(900)


def test_a_drained_node_is_known_to_its_workers() -> None:
    from ray._raylet import GcsClient
    from ray.core.generated import autoscaler_pb2

    def until_it_is_drained() -> list[bool]:
        said = [node_is_drained()]
        end = time.monotonic() + 60
        while not said[-1] and time.monotonic() < end:
            time.sleep(0.1)
            said.append(node_is_drained())
        return said

    context = ray.init(num_cpus=1, include_dashboard=False)
    try:
        # A node on which nothing runs is gone at once.
        worker = ray.remote(until_it_is_drained).remote()
        while ray.available_resources().get("CPU"):
            time.sleep(0.1)
        time.sleep(2)
        reason = autoscaler_pb2.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
        deadline = int((time.time() + 600) * 1000)
        accepted, why = GcsClient(address=context.address_info["gcs_address"]).drain_node(
            ray.get_runtime_context().get_node_id(), reason, "its cloud wants it back", deadline
        )
        assert accepted, why
        said = ray.get(worker, timeout=120)
        assert said[-1] and not any(said[:-1]) and len(said) > 1
    finally:
        ray.shutdown()
