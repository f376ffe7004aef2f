"""The codes of preflight about how processes were launched: found before they join."""

from __future__ import annotations

from trainspec.settings.diagnostics.codes import Explanation

LAUNCH_CODES: dict[str, Explanation] = {
    "RUN250": Explanation(
        "launch-contradiction",
        "launchers' variables that cannot all be true",
        "processes would wait for others that there are not, or several would be the same one",
        "start the processes by one launcher, which sets them all",
    ),
    "RUN251": Explanation(
        "another-local-rank",
        "local_rank in the settings, and another one of the launcher",
        "one setting for all processes would put them on one device",
        "leave local_rank out",
    ),
    "RUN252": Explanation(
        "no-meeting-place",
        "several processes, and nothing that says where the first one is",
        "they could not find each other",
        "set MASTER_ADDR and MASTER_PORT",
    ),
    "RUN253": Explanation(
        "no-such-backend",
        "a ddp_backend that this build of torch does not have",
        "the processes could not be joined",
        "leave ddp_backend out",
    ),
    "RUN254": Explanation(
        "backend-of-other-devices",
        "a ddp_backend that does not carry what is on the device of this process",
        "the first gradient could not be sent",
        "leave ddp_backend out",
    ),
    "RUN255": Explanation(
        "no-device-for-process",
        "more processes on a node than devices that they see",
        "two would share a device, or have none",
        "start as many processes as there are devices",
    ),
}
