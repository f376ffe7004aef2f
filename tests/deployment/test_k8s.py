"""The manifests: valid for Kubernetes, closed by default, with no secret in them, and failing as the exit codes ask."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
from tests.deployment.reading import Manifests

from trainspec.deployment import NotDeployable
from trainspec.deployment.k8s import as_k8s

DOCUMENTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "local": {"output_dir": "runs/a", "learning_rate": 3e-4, "bf16": True},
    "bucket": {"output_dir": "s3://bucket/run"},
    "hub": {"output_dir": "runs/a", "push_to_hub": True, "hub_token": "hf_canary9b3a"},
    "workers": {"dataloader_num_workers": 4},
    "as file": {"run_name": "null"},
    "task": {"task": {"width": 64, "api_key": "hf_canary9b3a"}},
}
OPTIONS: dict[str, dict[str, str]] = {
    "plain": {},
    "all": {"name": "night-7", "image": "registry.example/trainspec:1", "task": "mine:task", "gpus": "8", "as": "file"},
}


def manifests(document: dict[str, Any], **options: str) -> Manifests:
    return Manifests(as_k8s(document, options=options))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_every_object_is_valid(document: dict[str, Any], options: dict[str, str]) -> None:
    text = as_k8s(document, options=options)
    for manifest in Manifests(text).all:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
    assert "hf_canary" not in text


def test_the_options_are_in_the_job() -> None:
    found = manifests({}, **OPTIONS["all"])
    assert found.by_kind["Job"]["metadata"]["name"] == "night-7"
    assert found.container["image"] == "registry.example/trainspec:1"
    assert found.container["args"] == ["train", "mine:task", "--resume-if-any"]
    assert found.container["resources"] == {"limits": {"nvidia.com/gpu": "8"}}


def test_nothing_is_open_that_need_not_be() -> None:
    found = manifests({})
    assert found.pod["securityContext"]["runAsNonRoot"] is True
    assert found.pod["securityContext"]["runAsUser"] == 10001
    assert found.pod["automountServiceAccountToken"] is False
    assert found.container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_findings_fail_the_job_and_evictions_do_not_count() -> None:
    spec = manifests({}).by_kind["Job"]["spec"]
    ignored, failed = spec["podFailurePolicy"]["rules"]
    assert ignored["action"] == "Ignore"
    assert (failed["action"], failed["onExitCodes"]["values"]) == ("FailJob", [1])
    assert spec["template"]["spec"]["restartPolicy"] == "Never", "a failure policy needs it"


@pytest.mark.parametrize(
    ("document", "secrets"),
    [
        ({}, None),
        ({"push_to_hub": True}, {"hub_token"}),
        ({"hub_token": "hf_canary9b3a"}, {"hub_token"}),
        ({"hub_token": None}, None),
        ({"task": {"api_key": "hf_canary9b3a"}}, {"task__api_key"}),
    ],
)
def test_a_secret_is_a_placeholder_and_a_file(document: dict[str, Any], secrets: set[str] | None) -> None:
    found = manifests(document)
    secret = found.by_kind.get("Secret")
    assert (secret and set(secret["stringData"])) == secrets
    files = {item["name"]: item["value"] for item in found.container.get("env", [])}
    assert files == {f"TRAINSPEC_{name.upper()}_FILE": f"/run/secrets/trainspec/{name}" for name in secrets or set()}


@pytest.mark.parametrize(
    ("output_dir", "mounted"),
    [
        ("runs/a", "/work"),
        (None, "/work"),
        ("/data/run", "/data/run"),
        ("s3://bucket/run", None),
        ("memory://a", None),
    ],
)
def test_what_is_written_outlives_the_pod(output_dir: str | None, mounted: str | None) -> None:
    found = manifests({"output_dir": output_dir} if output_dir else {})
    claims = [item["mountPath"] for item in found.container["volumeMounts"] if item["name"] == "output"]
    assert claims == ([mounted] if mounted else [])
    assert ("PersistentVolumeClaim" in found.by_kind) == (mounted is not None)


@pytest.mark.parametrize(
    ("document", "options", "message"),
    [
        ({}, {"name": "Night_7"}, "--name takes"),
        ({}, {"name": "a" * 53}, "--name takes"),
        ({}, {"gpus": "0"}, "--gpus takes"),
        ({}, {"gpus": "two"}, "--gpus takes"),
        ({"output_dir": "s3://key:secret@bucket/run"}, {}, "output_dir holds what looks like a credential"),
        ({"optim_args": {"api_key": "x"}}, {}, "optim_args holds what looks like a credential"),
        ({"label_names": ["https://a:b@c/"]}, {}, "label_names holds"),
    ],
)
def test_what_cannot_be_deployed_is_refused(document: dict[str, Any], options: dict[str, str], message: str) -> None:
    with pytest.raises(NotDeployable, match=message):
        as_k8s(document, options=options)


def test_a_file_that_the_settings_name_is_mentioned() -> None:
    assert "# deepspeed names the file ds.json" in as_k8s({"deepspeed": "ds.json"}, options={})
