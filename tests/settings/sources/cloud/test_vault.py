"""The source for Vault that the README shows, run as it stands there against a server that answers as Vault does."""

from __future__ import annotations

import importlib
import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from trainspec.cli import main
from trainspec.settings.loading import diagnostics

from .conftest import CANARY

README = Path(__file__).parents[4] / "README.md"


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers["X-Vault-Token"] == "root"
            found = self.path == "/v1/secret/data/train"
            self.send_response(200 if known and found else 404 if known else 403)
            self.end_headers()
            content = {"data": {"data": {"hub_token": CANARY, "seed": "7"}, "metadata": {"version": 3}}}
            self.wfile.write(json.dumps(content if known else {"errors": ["permission denied"]}).encode())

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("VAULT_ADDR", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("VAULT_TOKEN", "root")
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that the README shows."""
    code = re.search(r"```python\n(# vault\.py\n.*?)```", README.read_text(), re.DOTALL)
    assert code is not None
    (tmp_path / "vault.py").write_text(code[1])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "vault", raising=False)
    return importlib.import_module("vault").Arguments


def test_values_come_from_vault_below_all_else(script, vault, monkeypatch) -> None:
    args = script(push_to_hub=True)
    assert (args.hub_token.get_secret_value(), args.seed) == (CANARY, 7)
    assert str(args.provenance["hub_token"].source) == "Vault (settings source)"
    monkeypatch.setenv("TRAINSPEC_SEED", "8")
    assert script(push_to_hub=True).seed == 8


def test_the_command_of_the_readme(script, vault, monkeypatch, capsys) -> None:
    monkeypatch.setenv("TRAINSPEC_PUSH_TO_HUB", "1")
    assert main(["validate", "--env", "--model", "vault:Arguments"]) == 0
    out = capsys.readouterr()
    assert CANARY not in out.out + out.err


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("VAULT_TOKEN", "wrong", "SRC121"),
        ("VAULT_ADDR", "closed", "SRC122"),
        ("VAULT_ADDR", "silent", "SRC122"),
    ],
)
def test_a_dead_end_and_a_refusal_are_one_finding(
    name, value, code, script, vault, monkeypatch, closed_port, silent_port
) -> None:
    places = {"closed": f"http://127.0.0.1:{closed_port}", "silent": f"http://127.0.0.1:{silent_port}"}
    monkeypatch.setenv(name, places.get(value, value))
    with pytest.raises(ValueError) as caught:
        script(push_to_hub=True)
    assert [item.code for item in diagnostics(caught.value)] == [code]


def test_a_variable_that_the_source_needs_is_missed_in_its_own_line(script, vault, monkeypatch) -> None:
    monkeypatch.delenv("VAULT_TOKEN")
    with pytest.raises(ValueError, match=r"Vault fails: KeyError at .*vault\.py:\d+") as caught:
        script(push_to_hub=True)
    assert [item.code for item in diagnostics(caught.value)] == ["SRC123"]
