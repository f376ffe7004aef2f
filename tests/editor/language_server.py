"""A client of yaml-language-server: it types into a document and asks what an editor asks."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

SETTINGS = {"yaml": {"validate": True, "completion": True, "hover": True, "schemaStore": {"enable": False}}}
CAPABILITIES = {
    "workspace": {"configuration": True},
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {"versionSupport": True},
    },
}
PATIENCE = 60


class YamlEditor:
    """One open YAML document, whose text is typed anew with `type`."""

    def __init__(self, server: Path, folder: Path, schema: Path) -> None:
        command = ["node", str(server), "--stdio"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)
        self._news = threading.Condition()
        self._replies: dict[int, Any] = {}
        self._diagnostics: dict[int, list[dict[str, Any]]] = {}
        self._modeline = f"# yaml-language-server: $schema={os.path.relpath(schema, folder)}\n"
        self._uri = (folder / "run.yaml").as_uri()
        self._version = self._asked = 0
        threading.Thread(target=self._listen, daemon=True).start()
        root = folder.as_uri()
        who = {"processId": os.getpid(), "rootUri": root, "workspaceFolders": [{"uri": root, "name": "w"}]}
        self._ask("initialize", {**who, "capabilities": CAPABILITIES})
        self._send("initialized", {})
        self._send("workspace/didChangeConfiguration", {"settings": SETTINGS})

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def type(self, text: str) -> None:
        """Make this the document's text, below the modeline that names the schema."""
        self._version += 1
        document: dict[str, Any] = {"uri": self._uri, "version": self._version}
        full = self._modeline + text
        if self._version == 1:
            self._send("textDocument/didOpen", {"textDocument": {**document, "languageId": "yaml", "text": full}})
        else:
            self._send("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": full}]})

    def diagnostics(self, text: str) -> list[tuple[int, str]]:
        """What the editor underlines in this text: the line, from 1, and the message."""
        self.type(text)
        with self._news:
            assert self._news.wait_for(lambda: self._version in self._diagnostics, PATIENCE), "no diagnostics came"
        return [(one["range"]["start"]["line"], one["message"]) for one in self._diagnostics[self._version]]

    def completion(self, text: str) -> dict[str, str]:
        """What is offered where `|` stands, each label with its documentation."""
        reply = self._at(text, "textDocument/completion")
        return {item["label"]: _plain(item.get("documentation")) for item in reply["items"]}

    def hover(self, text: str) -> str:
        """What is shown for the word where `|` stands."""
        reply = self._at(text, "textDocument/hover")
        return _plain(reply and reply["contents"])

    def _at(self, text: str, method: str) -> Any:
        before, _, after = text.partition("|")
        self.type(before + after)
        place = {"line": before.count("\n") + 1, "character": len(before.rpartition("\n")[2])}
        return self._ask(method, {"textDocument": {"uri": self._uri}, "position": place})

    def _ask(self, method: str, params: dict[str, Any]) -> Any:
        self._asked += 1
        number = self._asked
        self._write({"id": number, "method": method, "params": params})
        with self._news:
            assert self._news.wait_for(lambda: number in self._replies, PATIENCE), f"no reply to {method}"
        reply = self._replies.pop(number)
        assert "error" not in reply, reply
        return reply["result"]

    def _send(self, method: str, params: dict[str, Any]) -> None:
        self._write({"method": method, "params": params})

    def _write(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _listen(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while header := stream.readline():
            if header.lower().startswith(b"content-length:"):
                length = int(header.partition(b":")[2])
                while stream.readline().strip():
                    pass
                self._take(json.loads(stream.read(length)))

    def _take(self, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method is not None and "id" in message:
            asked = message["params"]["items"] if method == "workspace/configuration" else []
            result = [SETTINGS.get(item.get("section"), {}) for item in asked] if asked else None
            self._write({"id": message["id"], "result": result})
        with self._news:
            if method is None:
                self._replies[message["id"]] = message
            elif method == "textDocument/publishDiagnostics":
                params = message["params"]
                self._diagnostics[params.get("version", self._version)] = params["diagnostics"]
            self._news.notify_all()


def _plain(documentation: Any) -> str:
    return documentation["value"] if isinstance(documentation, dict) else documentation or ""
