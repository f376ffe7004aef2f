"""Secret managers to read from: AWS as moto plays it on the loopback interface, stubs that refuse, dead ends."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from trainspec import Settings

CANARY = "hf_canary_3fA9"

Put = Callable[..., str]


@pytest.fixture(autouse=True)
def patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of anything but the time limit stand on a busy machine too."""
    if "dead_end" not in request.node.name:
        monkeypatch.setattr(Settings, "source_timeout", 30.0)


@pytest.fixture
def judge(judge: Callable[..., Any]) -> Callable[..., Any]:
    """The verdict on a process that has a use for its token."""
    return lambda environ, **arguments: judge(environ, push_to_hub=True, **arguments)


def values(verdict: Any) -> dict[str, Any]:
    """What a valid verdict's settings say, secrets in plain text."""
    assert verdict.ok, [item.render() for item in verdict.errors]
    said: dict[str, Any] = verdict.settings.to_dict(secrets=True)
    del said["push_to_hub"]
    return said


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[str, Counter[str]]]:
    """The address of moto's server, and how often each of its operations was called."""
    pytest.importorskip("boto3")
    server_module = pytest.importorskip("moto.server")
    models = pytest.importorskip("moto.secretsmanager.models"), pytest.importorskip("moto.ssm.models")
    calls: Counter[str] = Counter()
    patch = pytest.MonkeyPatch()
    for owner, name in (
        (models[0].SecretsManagerBackend, "get_secret_value"),
        (models[1].SimpleSystemManagerBackend, "get_parameters"),
    ):
        patch.setattr(owner, name, counted(getattr(owner, name), name, calls))
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}", calls
    server.stop()
    patch.undo()


def counted(method: Callable[..., Any], name: str, calls: Counter[str]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        calls[name] += 1
        return method(*args, **kwargs)

    return call


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody whom every service of AWS here knows."""
    pytest.importorskip("boto3")
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.fixture
def calls(server: tuple[str, Counter[str]], credentials: None, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The calls of one test, in an environment that leads to moto's server."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server[0])
    server[1].clear()
    return server[1]


@pytest.fixture
def secret(calls: Counter[str], request: pytest.FixtureRequest) -> Iterator[Put]:
    """Make a secret of AWS Secrets Manager (a mapping, or text as it is); returns the version that it has."""
    import boto3

    client = boto3.client("secretsmanager")
    made: list[str] = []

    def put(name: str, content: Any) -> str:
        text = content if isinstance(content, str) else json.dumps(content)
        version: str
        if name in made:
            version = client.put_secret_value(SecretId=name, SecretString=text)["VersionId"]
        else:
            version = client.create_secret(Name=name, SecretString=text)["VersionId"]
        made.append(name)
        return version

    yield put
    for name in set(made):
        client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


@pytest.fixture
def parameter(calls: Counter[str]) -> Iterator[Callable[[str, str], None]]:
    """Make a parameter of AWS Systems Manager."""
    import boto3

    client = boto3.client("ssm")
    made: list[str] = []

    def put(name: str, value: str) -> None:
        client.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
        made.append(name)

    yield put
    if made:
        client.delete_parameters(Names=sorted(set(made)))


@pytest.fixture
def refusing(credentials: None) -> Iterator[Callable[[int, dict[str, str]], str]]:
    """Start a service that answers everything with this status and body; returns its address."""
    servers = []

    def start(status: int, body: dict[str, str]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *args: Any) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def closed_port() -> int:
    """A port of the loopback interface at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Connections are refused and written down."""
    tried: list[Any] = []

    def connect(self: socket.socket, address: Any) -> None:
        tried.append(address)
        raise AssertionError("no connection is expected")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    return tried
