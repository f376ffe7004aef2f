"""`trainspec export --to systemd-service`: a socket that systemd holds, and a service that reaches nothing."""

from __future__ import annotations

from collections.abc import Mapping

from trainspec.deployment.service.described import describe

_FOLDER = "/etc/systemd/system"

_SOCKET = """\
[Unit]
Description=Socket of the settings service {name}

[Socket]
# 0.0.0.0:{port} is reached from elsewhere; the token keeps others out, TLS (--tls-cert, --tls-key) keeps it secret.
ListenStream=127.0.0.1:{port}
Backlog=2048

[Install]
WantedBy=sockets.target
"""

_SERVICE = """\
[Unit]
Description=Settings service {name}
Requires={name}.socket
After={name}.socket

[Service]
Type=notify
ExecStart={command}
# The file of tokens, one a line, which only root may read: LoadCredential hands a copy to this service alone.
LoadCredential=token:/etc/{name}/token
Restart=on-failure
RestartSec=1
# SIGTERM goes to the first process alone, which tells the others.
KillMode=mixed
TimeoutStopSec={patience}
MemoryMax=1G
TasksMax=128

DynamicUser=yes
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
# The socket is systemd's; nothing else of any network is needed.
PrivateNetwork=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
ProcSubset=pid
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


def as_systemd(options: Mapping[str, str]) -> str:
    """Both units, each behind a comment with its path, as `systemctl cat` shows them. Raises NotDeployable."""
    # The socket stays open through a restart: there is nobody to wait for.
    service = describe(options, drain=0)
    words = ("/usr/local/bin/trainspec", "serve", *service.ending, "--token-file", "${CREDENTIALS_DIRECTORY}/token")
    units = {
        f"{service.name}.socket": _SOCKET.format(name=service.name, port=service.port),
        f"{service.name}.service": _SERVICE.format(
            name=service.name, command=" ".join(words), patience=service.patience
        ),
    }
    return "\n".join(f"# {_FOLDER}/{unit}\n{text}" for unit, text in units.items())
