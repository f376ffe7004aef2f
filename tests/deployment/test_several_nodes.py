"""Manifests of several processes: each kind has the shape that its API takes, every node can find the first, secrets
are references, and what waits for something waits longer than what it waits for.
"""

from __future__ import annotations

from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from tests.deployment.crds import pods, validate

from trainspec.deployment import NotDeployable
from trainspec.deployment.compose import as_compose
from trainspec.deployment.k8s import KINDS, as_k8s

WORLDS = {"1 x 1": (1, 1), "1 x 8": (1, 8), "4 x 1": (4, 1), "4 x 8": (4, 8)}
EVERYTHING = {
    "output_dir": "runs/a",
    "run_name": "$(HOME) $$ x",
    "dataloader_num_workers": 4,
    "push_to_hub": True,
    "hub_token": "hf_canary9b3a",
    "task": {"width": 64, "api_key": "hf_canary9b3a"},
}
RUNNING = {"job": "Job", "pytorchjob": "PyTorchJob", "trainjob": "TrainJob"}


def manifests(document: dict[str, Any], **options: str) -> dict[str, dict[str, Any]]:
    found = list(yaml.safe_load_all(as_k8s(document, options=options)))
    return {item["kind"]: item for item in found}


def running(document: dict[str, Any], kind: str = "job", nproc: int = 8, nodes: int = 4, **more: str) -> dict[str, Any]:
    return manifests(document, kind=kind, nproc=str(nproc), nodes=str(nodes), **more)[RUNNING[kind]]


def variables(pod: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod["containers"]
    return {item["name"]: item.get("value", item.get("valueFrom")) for item in container.get("env", [])}


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_object_is_valid(kind: str, world: tuple[int, int]) -> None:
    nodes, nproc = world
    form = "file" if nproc == 1 else "variables"
    text = as_k8s(EVERYTHING, options={"kind": kind, "nodes": str(nodes), "nproc": str(nproc), "as": form})
    for manifest in yaml.safe_load_all(text):
        validate(manifest)
    assert "hf_canary" not in text
    assert "&id" not in text, "an anchor, which not every reader follows"


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_writes_to_a_bucket_is_valid(kind: str) -> None:
    found = manifests({"output_dir": "s3://bucket/run", "use_cpu": True}, kind=kind, nproc="2", nodes="2")
    validate(found[RUNNING[kind]])
    assert "PersistentVolumeClaim" not in found


@pytest.mark.parametrize("kind", KINDS)
def test_the_shapes_refuse_what_there_is_not(kind: str) -> None:
    """The check above can fail."""
    manifest = running({}, kind)
    manifest["spec"]["numNode"] = 4
    with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
        validate(manifest)


@pytest.mark.parametrize("kind", KINDS)
def test_each_pod_starts_its_processes_with_a_device_each(kind: str) -> None:
    for pod in pods(running({}, kind, task="mine:task")):
        (container,) = pod["containers"]
        assert container["args"] == ["train", "mine:task", "--nproc", "8", "--resume-if-any"]
        assert container["resources"] == {"limits": {"nvidia.com/gpu": "8"}}


@pytest.mark.parametrize("kind", KINDS)
def test_without_gpus_none_is_asked_for(kind: str) -> None:
    for pod in pods(running({"use_cpu": True}, kind)):
        assert not pod["containers"][0].get("resources")


def test_pods_of_a_job_are_numbered_and_find_the_first() -> None:
    found = manifests({}, nproc="8", nodes="4", name="night")
    job, service = found["Job"]["spec"], found["Service"]
    assert (job["completionMode"], job["completions"], job["parallelism"]) == ("Indexed", 4, 4)
    (pod,) = pods(found["Job"])
    told = variables(pod)
    index = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    assert told["PET_NODE_RANK"] == {"fieldRef": {"fieldPath": index}}
    assert (told["PET_NNODES"], told["PET_NPROC_PER_NODE"]) == ("4", "8")
    # A pod of an indexed Job is called JOB-INDEX, and is found as HOSTNAME.SUBDOMAIN where a service has that name.
    assert told["PET_MASTER_ADDR"] == f"night-0.{pod['subdomain']}"
    assert service["metadata"]["name"] == pod["subdomain"]
    assert service["spec"]["clusterIP"] == "None", "only a headless service gives each pod a name"
    assert service["spec"]["publishNotReadyAddresses"] is True
    assert service["spec"]["selector"].items() <= job["template"]["metadata"]["labels"].items()
    assert str(service["spec"]["ports"][0]["port"]) == told["PET_MASTER_PORT"]


def test_one_node_needs_no_service() -> None:
    found = manifests({}, nproc="8")
    assert "Service" not in found and "completionMode" not in found["Job"]["spec"]
    assert not any(name.startswith("PET_") for name in variables(pods(found["Job"])[0]))


def test_a_pytorchjob_has_one_master_and_the_other_nodes_are_workers() -> None:
    spec = running({}, "pytorchjob")["spec"]
    assert spec["nprocPerNode"] == "8"
    assert {name: replica["replicas"] for name, replica in spec["pytorchReplicaSpecs"].items()} == {
        "Master": 1,
        "Worker": 3,
    }
    for pod in pods(running({}, "pytorchjob")):
        assert pod["containers"][0]["name"] == "pytorch", "the operator looks for this one"
    assert set(running({}, "pytorchjob", nodes=1)["spec"]["pytorchReplicaSpecs"]) == {"Master"}


def test_a_trainjob_says_nodes_and_processes_and_leaves_their_place_to_the_operator() -> None:
    trainer = running({}, "trainjob")["spec"]["trainer"]
    assert (trainer["numNodes"], trainer["numProcPerNode"], trainer["command"]) == (4, 8, ["trainspec"])
    assert not any(item["name"].startswith("PET_") for item in trainer["env"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_is_a_reference(kind: str) -> None:
    document = {"push_to_hub": True, "hub_token": "hf_canary9b3a", "task": {"api_key": "hf_canary9b3a"}}
    found = manifests(document, kind=kind, nproc="2", nodes="2", name="night")
    keys = set(found["Secret"]["stringData"])
    assert keys == {"hub_token", "task__api_key"}
    for pod in pods(found[RUNNING[kind]]):
        told = variables(pod)
        for key in keys:
            assert told[f"TRAINSPEC_{key.upper()}"] == {"secretKeyRef": {"name": "night-secrets", "key": key}}


@pytest.mark.parametrize("grace", [60, 600])
@pytest.mark.parametrize("kind", KINDS)
def test_the_pod_outlives_the_launcher_which_outlives_the_run(kind: str, grace: int) -> None:
    options = {} if grace == 60 else {"grace": str(grace)}
    for pod in pods(running({}, kind, **options)):
        launcher = int(variables(pod)["TORCH_ELASTIC_SHUTDOWN_TIMEOUT"])
        assert launcher == grace
        assert pod["terminationGracePeriodSeconds"] > launcher


def test_nodes_that_fail_together_are_counted_together() -> None:
    assert running({})["spec"]["backoffLimit"] == 12
    assert running({}, nodes=1)["spec"]["backoffLimit"] == 3
    assert running({}, max_restarts="0")["spec"]["backoffLimit"] == 0
    assert running({}, "pytorchjob", max_restarts="5")["spec"]["runPolicy"]["backoffLimit"] == 20


@pytest.mark.parametrize("kind", KINDS)
def test_processes_of_a_node_share_memory_and_nodes_share_a_folder(kind: str) -> None:
    found = manifests({"output_dir": "runs/a"}, kind=kind, nproc="2", nodes="2")
    assert found["PersistentVolumeClaim"]["spec"]["accessModes"] == ["ReadWriteMany"]
    for pod in pods(found[RUNNING[kind]]):
        assert {"name": "shared-memory", "emptyDir": {"medium": "Memory"}} in pod["volumes"]
        places = {item["name"]: item["mountPath"] for item in pod["containers"][0]["volumeMounts"]}
        assert (places["shared-memory"], places["output"]) == ("/dev/shm", "/work")
    alone = manifests({"output_dir": "runs/a"}, kind=kind, nproc="1", nodes="1")
    assert alone["PersistentVolumeClaim"]["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_compose_runs_the_processes_of_one_node() -> None:
    found = yaml.safe_load(as_compose({}, options={"nproc": "2"}))["services"]["trainspec"]
    assert found["command"] == ["train", "digits", "--nproc", "2", "--resume-if-any"]
    assert found["shm_size"] and found["deploy"]["resources"]["reservations"]["devices"][0]["count"] == 2
    with pytest.raises(NotDeployable, match="on one node"):
        as_compose({}, options={"nproc": "2", "nodes": "2"})


@pytest.mark.parametrize(
    ("document", "options", "code"),
    [
        ({}, {"nodes": "0", "nproc": "2"}, "CLI123"),
        ({}, {"nproc": "0"}, "CLI123"),
        ({}, {"nproc": "-1"}, "CLI123"),
        ({}, {"nproc": "1.5"}, "CLI123"),
        ({}, {"nproc": "007"}, "CLI123"),
        ({}, {"nproc": "10000"}, "CLI123"),
        ({}, {"nproc": "²"}, "CLI123"),
        ({}, {"nodes": ""}, "CLI123"),
        ({}, {"nproc": "2", "grace": "0"}, "CLI123"),
        ({}, {"nproc": "2", "name": "Night_7"}, "CLI124"),
        ({}, {"nproc": "2", "name": "a" * 53}, "CLI124"),
        ({}, {"nproc": "2", "name": "7-nights"}, "CLI124"),
        ({}, {"nproc": "2", "name": "night-"}, "CLI124"),
        ({}, {"nproc": "2", "gpus": "4"}, "CLI125"),
        ({"use_cpu": True}, {"nproc": "2", "gpus": "2"}, "CLI125"),
        ({}, {"kind": "deployment"}, "CLI103"),
    ],
)
def test_nonsense_is_refused(document: dict[str, Any], options: dict[str, str], code: str) -> None:
    with pytest.raises(NotDeployable) as refused:
        as_k8s(document, options=options)
    assert refused.value.code == code
