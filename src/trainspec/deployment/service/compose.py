"""`trainspec export --to compose-service`: the service with a health check, read-only, its tokens a file to be made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainspec.deployment.run import USER
from trainspec.deployment.service.described import describe
from trainspec.deployment.yaml_text import write_yaml


def as_compose_service(options: Mapping[str, str]) -> str:
    """The compose file. Raises NotDeployable."""
    service = describe(options, drain=1)
    listen = ("--host", "0.0.0.0", "--port", str(service.port))
    entry: dict[str, Any] = {
        "image": service.image,
        "entrypoint": ["trainspec", "serve"],
        "command": [*listen, *service.ending, "--token-file", "/run/secrets/token"],
        "user": f"{USER}:{USER}",
        "ports": [f"127.0.0.1:{service.port}:{service.port}"],
        "secrets": ["token"],
        "healthcheck": {
            "test": ["CMD", *service.probe],
            "interval": "10s",
            "timeout": "3s",
            "retries": 3,
            "start_period": "10s",
        },
        "init": True,
        "restart": "unless-stopped",
        "stop_signal": "SIGTERM",
        "stop_grace_period": f"{service.patience}s",
        "read_only": True,
        "tmpfs": ["/tmp"],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "deploy": {"resources": {"limits": {"cpus": "1.0", "memory": "512M", "pids": 128}}},
    }
    found = {"services": {service.name: entry}, "secrets": {"token": {"file": "./secrets/token"}}}
    notes = (
        f"Make secrets/token, one token a line, readable for user {USER} and for nobody else.",
        "Ports are those of this machine alone: put a proxy with TLS in front, or give --tls-cert and --tls-key.",
    )
    return "".join(f"# {note}\n" for note in notes) + write_yaml([found])
