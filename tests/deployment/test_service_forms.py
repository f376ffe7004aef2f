"""What runs the service: valid for systemd, compose and Kubernetes, closed by default, ended in time, no secret."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from trainspec.answers.export import SERVICE_FORMATS, export_service
from trainspec.answers.faults import NoAnswer
from trainspec.cli import main

OPTIONS: dict[str, dict[str, str]] = {
    "plain": {},
    "all": {"name": "judge-7", "port": "9000", "workers": "3", "drain": "4", "grace": "40"},
}


def units(folder: Path, **options: str) -> dict[str, str]:
    """Each unit, split as the README says, its command one that is here."""
    text = export_service("systemd-service", options).replace("/etc/systemd/system", str(folder))
    program = f"/^# {re.escape(str(folder)).replace('/', '[/]')}/ {{file=$2}} {{print > file}}"
    subprocess.run(["awk", program], input=text, text=True, check=True)
    for unit in folder.iterdir():
        unit.write_text(unit.read_text().replace("/usr/local/bin/trainspec", sys.executable))
    return {unit.name: unit.read_text() for unit in folder.iterdir()}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd")
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_systemd_finds_nothing_wrong_and_little_exposed(options: dict[str, str], tmp_path: Path) -> None:
    found = units(tmp_path, **options)
    name = options.get("name", "trainspec")
    assert set(found) == {f"{name}.socket", f"{name}.service"}
    paths = [str(tmp_path / unit) for unit in found]
    done = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    words = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", paths[0]]
    words[-1] = str(tmp_path / f"{name}.service")
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-500:]


def test_a_unit_says_what_was_asked(tmp_path: Path) -> None:
    found = units(tmp_path, **OPTIONS["all"])
    assert "ListenStream=127.0.0.1:9000\n" in found["judge-7.socket"]
    service = found["judge-7.service"]
    assert "serve --workers 3 --drain 4 --grace 40 --token-file ${CREDENTIALS_DIRECTORY}/token\n" in service
    assert "TimeoutStopSec=54\n" in service and "Requires=judge-7.socket\n" in service


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_compose_takes_it(options: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(export_service("compose-service", {**options, "image": "a/b:1"}))
    check = Path(sys.executable).with_name("check-jsonschema")
    words = [str(check), "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    (service,) = found["services"].values()
    assert (service["image"], service["read_only"], service["user"]) == ("a/b:1", True, "10001:10001")
    assert found["secrets"] == {"token": {"file": "./secrets/token"}}
    assert service["ports"][0].startswith("127.0.0.1:")


@pytest.mark.parametrize("admission", [False, True])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_kubernetes_takes_it(options: dict[str, str], admission: bool) -> None:
    text = export_service("k8s-service", {**options, **({"admission": "true"} if admission else {})})
    found = {manifest["kind"]: manifest for manifest in yaml.safe_load_all(text)}
    for manifest in found.values():
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
    kinds = {"Secret", "Deployment", "Service", *(["ValidatingWebhookConfiguration"] if admission else [])}
    assert set(found) == kinds
    assert all(value.startswith("REPLACE_WITH_") for value in found["Secret"]["stringData"].values())
    pod = found["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    words = container["args"]
    drain, grace = (int(words[words.index(name) + 1]) for name in ("--drain", "--grace"))
    assert pod["terminationGracePeriodSeconds"] > drain + grace
    assert container["securityContext"]["readOnlyRootFilesystem"] and pod["securityContext"]["runAsNonRoot"]
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("liveness", "readiness", "startup")}
    assert [probes[name]["path"] for name in ("liveness", "readiness")] == ["/healthz", "/readyz"]
    assert {probe["scheme"] for probe in probes.values()} == {"HTTPS" if admission else "HTTP"}
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert all(word.startswith(tuple(mounts)) for word in words if word.startswith("/run"))
    assert ("--tls-cert" in words, "--token-file" in words) == (admission, not admission)
    selector = found["Deployment"]["spec"]["selector"]["matchLabels"]
    assert found["Service"]["spec"]["selector"] == selector
    if admission:
        (webhook,) = found["ValidatingWebhookConfiguration"]["webhooks"]
        service = webhook["clientConfig"]["service"]
        assert service["name"] == found["Service"]["metadata"]["name"]
        assert service["port"] == found["Service"]["spec"]["ports"][0]["port"]


def test_the_health_check_asks_whether_it_is_ready(tmp_path: Path) -> None:
    from tests.service.running.serving import served

    with served("--port", "0") as service:
        text = export_service("compose-service", {"port": str(service.port)})
        (one,) = yaml.safe_load(text)["services"].values()
        words = [sys.executable, *one["healthcheck"]["test"][2:]]
        assert subprocess.run(words, capture_output=True).returncode == 0
        service.process.kill()
        service.process.wait()
        assert subprocess.run(words, capture_output=True).returncode == 1


WRONG = {
    "a port": ({"port": "x"}, "CLI123"),
    "a name": ({"name": "A"}, "CLI124"),
    "a task": ({"task": "digits"}, "CLI125"),
}


@pytest.mark.parametrize(("options", "code"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("form", SERVICE_FORMATS)
def test_what_says_nothing_is_refused(form: str, options: dict[str, str], code: str) -> None:
    with pytest.raises(NoAnswer) as caught:
        export_service(form, options)
    assert caught.value.diagnostics[0].code == code


@pytest.mark.parametrize("form", SERVICE_FORMATS)
def test_no_file_is_asked_for(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--to", form]) == 0
    assert capsys.readouterr().out == export_service(form, {})
    assert main(["export", os.devnull, "--to", form]) == 2
    assert "takes no file" in capsys.readouterr().err


def test_an_option_of_services_says_nothing_to_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("seed: 1\n")
    assert main(["export", str(file), "--to", "k8s", "--workers", "2"]) == 2
    assert "--workers says nothing to k8s; it is for systemd-service" in capsys.readouterr().err
