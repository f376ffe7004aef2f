"""`trainspec export --to k8s-service`: a Deployment, its Service, a Secret to fill in; with --admission a webhook."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from trainspec.deployment.pods import CONTAINER_SECURITY, POD_SECURITY
from trainspec.deployment.service.described import TOKEN, Service, describe
from trainspec.deployment.yaml_text import write_yaml

_TLS = "/run/secrets/tls"
_TOKENS = "/run/secrets/trainspec"
_CA = base64.b64encode(b"REPLACE_WITH_CA_BUNDLE").decode()


def as_k8s_service(options: Mapping[str, str]) -> str:
    """The manifests as one YAML stream. Raises NotDeployable."""
    # A pod that ends is asked until every node has heard of it.
    service = describe(options, drain=10)
    manifests = [_secret(service), _deployment(service), _service(service)]
    if service.admission:
        manifests.append(_webhook(service))
    return "".join(f"# {note}\n" for note in _notes(service)) + write_yaml(manifests)


def _notes(service: Service) -> Iterator[str]:
    if service.admission:
        yield "The API server asks by TLS and sends no token: fill in the Secret with a certificate for"
        yield f"{service.name}.NAMESPACE.svc and its key, and caBundle with what signed it, in base64, or let"
        yield "cert-manager do both. Only namespaces with the label trainspec=judged are asked about."
    else:
        yield "Fill in the Secret, or make it by hand and delete it here: token, one a line."
    yield f"A pod that ends is not ready for {service.drain} s, in which it still answers: preStop needs no sleep."


def _labels(service: Service) -> dict[str, str]:
    return {"app.kubernetes.io/name": "trainspec-service", "app.kubernetes.io/instance": service.name}


def _head(service: Service, version: str, kind: str, suffix: str = "") -> dict[str, Any]:
    named = {"name": f"{service.name}{suffix}", "labels": _labels(service)}
    return {"apiVersion": version, "kind": kind, "metadata": named}


def _secret(service: Service) -> dict[str, Any]:
    if service.admission:
        values = {"tls.crt": "REPLACE_WITH_CERTIFICATE", "tls.key": "REPLACE_WITH_KEY"}
        return {**_head(service, "v1", "Secret", "-tls"), "type": "kubernetes.io/tls", "stringData": values}
    return {**_head(service, "v1", "Secret", "-token"), "type": "Opaque", "stringData": {"token": TOKEN}}


def _deployment(service: Service) -> dict[str, Any]:
    kind, place = ("tls", _TLS) if service.admission else ("token", _TOKENS)
    pod = {
        "terminationGracePeriodSeconds": service.patience,
        "automountServiceAccountToken": False,
        "securityContext": POD_SECURITY,
        "containers": [_container(service, place)],
        "volumes": [
            {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
            {"name": "secret", "secret": {"secretName": f"{service.name}-{kind}", "defaultMode": 0o440}},
        ],
    }
    spec = {
        "replicas": 2,
        # A pod ends once another is ready in its place.
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "selector": {"matchLabels": _labels(service)},
        "template": {"metadata": {"labels": _labels(service)}, "spec": pod},
    }
    return {**_head(service, "apps/v1", "Deployment"), "spec": spec}


def _container(service: Service, place: str) -> dict[str, Any]:
    secret = ["--token-file", f"{place}/token"]
    if service.admission:
        secret = ["--tls-cert", f"{place}/tls.crt", "--tls-key", f"{place}/tls.key"]
    return {
        "name": "service",
        "image": service.image,
        "command": ["trainspec", "serve"],
        "args": ["--host", "0.0.0.0", "--port", str(service.port), *service.ending, *secret],
        "ports": [{"name": "http", "containerPort": service.port}],
        "startupProbe": {**_probe(service, "/healthz"), "periodSeconds": 1, "failureThreshold": 60},
        "readinessProbe": {**_probe(service, "/readyz"), "periodSeconds": 2, "failureThreshold": 1},
        "livenessProbe": {**_probe(service, "/healthz"), "periodSeconds": 10, "failureThreshold": 3},
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"memory": f"{256 + 128 * service.workers}Mi"},
        },
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "secret", "mountPath": place, "readOnly": True},
        ],
    }


def _probe(service: Service, path: str) -> dict[str, Any]:
    scheme = "HTTPS" if service.admission else "HTTP"
    return {"httpGet": {"path": path, "port": "http", "scheme": scheme}, "timeoutSeconds": 2}


def _service(service: Service) -> dict[str, Any]:
    port = 443 if service.admission else 80
    spec = {"selector": _labels(service), "ports": [{"name": "http", "port": port, "targetPort": "http"}]}
    return {**_head(service, "v1", "Service"), "spec": spec}


def _webhook(service: Service) -> dict[str, Any]:
    """ConfigMaps and TrainJobs are judged before they are there; where nobody answers, they are let through."""
    client = {"service": {"name": service.name, "namespace": "default", "path": "/admission", "port": 443}}
    webhook = {
        "name": "settings.trainspec.invalid",
        "clientConfig": {**client, "caBundle": _CA},
        "rules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], **_WRITES},
            {"apiGroups": ["trainer.kubeflow.org"], "apiVersions": ["*"], "resources": ["trainjobs"], **_WRITES},
        ],
        "namespaceSelector": {"matchLabels": {"trainspec": "judged"}},
        "failurePolicy": "Ignore",
        "sideEffects": "None",
        "timeoutSeconds": 5,
        "admissionReviewVersions": ["v1"],
    }
    return {
        **_head(service, "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
        "webhooks": [webhook],
    }


_WRITES = {"operations": ["CREATE", "UPDATE"], "scope": "Namespaced"}
