"""What Ray really says of a node that it drains."""

from __future__ import annotations

import time

import pytest

from trainspec.cli.ray_train import node_is_drained

ray = pytest.importorskip("ray", reason="Ray has an environment of its own: make test-search")

pytestmark = pytest.mark.timeout(900)


def test_a_drained_node_is_known_to_its_workers() -> None:
    from ray._raylet import GcsClient
    from ray.core.generated import autoscaler_pb2

    context = ray.init(num_cpus=1, include_dashboard=False)
    try:
        asked = ray.remote(node_is_drained)
        assert ray.get(asked.remote()) is False and node_is_drained() is False
        node = ray.get_runtime_context().get_node_id()
        reason = autoscaler_pb2.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
        deadline = int((time.time() + 600) * 1000)
        accepted, why = GcsClient(address=context.address_info["gcs_address"]).drain_node(
            node, reason, "its cloud wants it back", deadline
        )
        assert accepted, why
        until = time.monotonic() + 60
        while not node_is_drained() and time.monotonic() < until:
            time.sleep(0.2)
        assert node_is_drained()
    finally:
        ray.shutdown()
