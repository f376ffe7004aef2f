"""A span for each request where OpenTelemetry's SDK is set up, with nothing in it that a client sent."""

import subprocess
import sys

ONE = """
import json
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient
from tests.answers.conftest import CANARY, OLD_SECRETS, SECRETS, UNKNOWN
from trainspec.service.app import create_app
from trainspec.service.options import Options

kept = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(kept))
trace.set_tracer_provider(provider)
client = TestClient(create_app(Options()), raise_server_exceptions=False)
parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
client.post("/validate?input=yaml", content="bf16: true\\nfp16: true\\n", headers={"traceparent": parent})
client.get("/fields/seed")
first = list(kept.get_finished_spans())
told = [
    {"name": one.name, "attributes": dict(one.attributes), "trace": f"{one.context.trace_id:032x}",
     "parent": one.parent and f"{one.parent.span_id:016x}"}
    for one in first
]
for text in (SECRETS, OLD_SECRETS, UNKNOWN, f"{CANARY}: {CANARY}", f"hub_token: [{CANARY}"):
    for address in ("/validate", "/fixes", "/plan", "/show", "/complete", f"/{CANARY}"):
        client.post(f"{address}?input=yaml&{CANARY}={CANARY}", content=text, headers={"baggage": f"a={CANARY}"})
        client.post(f"{address}?input=yaml", content=text)
client.app = None
everything = "".join(one.to_json() for one in kept.get_finished_spans())
print(json.dumps({"told": told, "number": len(kept.get_finished_spans()), "leaks": CANARY in everything}))
"""


def test_a_request_is_a_span() -> None:
    import json

    done = subprocess.run([sys.executable, "-c", ONE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    first, second = said["told"]
    assert first["name"] == "POST /validate" and second["name"] == "GET /fields/{name}"
    assert first["trace"] == "0af7651916cd43dd8448eb211c80319c" and first["parent"] == "b7ad6b7169203331"
    assert first["attributes"] == {
        "http.request.method": "POST",
        "http.route": "/validate",
        "http.response.status_code": 200,
        "trainspec.findings.errors": 1,
        "trainspec.findings.warnings": 0,
        "trainspec.findings.notes": 0,
    }
    assert said["number"] == 2 + 5 * 6 * 2 and said["leaks"] is False


def test_without_an_sdk_there_is_none() -> None:
    """Nothing is made for a request but the question whether somebody looks."""
    from trainspec.service.watching import spans

    with spans.span({"type": "http", "headers": [(b"traceparent", b"x")]}) as tell:
        assert tell is spans._nothing
