"""A client of language servers: it types into a document and asks what an editor asks."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

YAML: dict[str, Any] = {"validate": True, "completion": True, "hover": True, "schemaStore": {"enable": False}}
CAPABILITIES = {
    "workspace": {"configuration": True},
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {"versionSupport": True},
    },
}
PATIENCE = 60


class Editor:
    """One open document, whose text is typed anew with `type`, below a first line; `settings` are the editor's own."""

    def __init__(
        self,
        command: Sequence[str],
        file: Path,
        language: str,
        first: str = "",
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        folder = file.parent
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)
        self._news = threading.Condition()
        self._replies: dict[int, Any] = {}
        self._diagnostics: dict[int, list[dict[str, Any]]] = {}
        self._first, self._language, self._settings = first, language, settings or {}
        self._uri = file.as_uri()
        self._version = self._asked = 0
        threading.Thread(target=self._listen, daemon=True).start()
        root = folder.as_uri()
        who = {"processId": os.getpid(), "rootUri": root, "workspaceFolders": [{"uri": root, "name": "w"}]}
        self._ask("initialize", {**who, "capabilities": CAPABILITIES})
        self._send("initialized", {})
        self._send("workspace/didChangeConfiguration", {"settings": self._settings})

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def type(self, text: str) -> None:
        """Make this the document's text, below the first line."""
        self._version += 1
        document: dict[str, Any] = {"uri": self._uri, "version": self._version}
        full = self._first + text
        if self._version == 1:
            self._send(
                "textDocument/didOpen", {"textDocument": {**document, "languageId": self._language, "text": full}}
            )
        else:
            self._send("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": full}]})

    def diagnostics(self, text: str) -> list[tuple[int, str]]:
        """What the editor underlines in this text: the line, from 1, and the message."""
        self.type(text)
        with self._news:
            assert self._news.wait_for(lambda: self._version in self._diagnostics, PATIENCE), "no diagnostics came"
        return [(one["range"]["start"]["line"], one["message"]) for one in self._diagnostics[self._version]]

    def marked(self, text: str, word: str) -> list[tuple[int, str]]:
        """What is underlined in this text once something with that word is: some servers tell a part first."""
        self.type(text)

        def found() -> list[tuple[int, str]]:
            told = self._diagnostics.get(self._version, [])
            return [(one["range"]["start"]["line"], one["message"]) for one in told if word in one["message"]]

        with self._news:
            assert self._news.wait_for(lambda: bool(found()), PATIENCE), self._diagnostics.get(self._version)
        return found()

    def completion(self, text: str) -> dict[str, str]:
        """What is offered where `|` stands, each label with its documentation."""
        reply = self._at(text, "textDocument/completion")
        items = reply["items"] if isinstance(reply, dict) else reply or []
        return {item["label"]: _plain(item.get("documentation")) for item in items}

    def hover(self, text: str) -> str:
        """What is shown for the word where `|` stands."""
        reply = self._at(text, "textDocument/hover")
        return _plain(reply and reply["contents"])

    def _at(self, text: str, method: str) -> Any:
        before, _, after = text.partition("|")
        self.type(before + after)
        place = {"line": (self._first + before).count("\n"), "character": len(before.rpartition("\n")[2])}
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
            result = [self._settings.get(item.get("section"), {}) for item in asked] if asked else None
            self._write({"id": message["id"], "result": result})
        with self._news:
            if method is None:
                self._replies[message["id"]] = message
            elif method == "textDocument/publishDiagnostics":
                params = message["params"]
                self._diagnostics[params.get("version", self._version)] = params["diagnostics"]
            self._news.notify_all()


class YamlEditor(Editor):
    """yaml-language-server with a document that names our schema in its modeline, or in the editor's settings."""

    def __init__(self, server: Path, folder: Path, schema: str = "", yaml: Mapping[str, Any] | None = None) -> None:
        first = f"# yaml-language-server: $schema={schema}\n" if schema else ""
        settings = {"yaml": {**YAML, **(yaml or {})}}
        super().__init__(["node", str(server), "--stdio"], folder / "run.yaml", "yaml", first, settings)


def _plain(documentation: Any) -> str:
    return documentation["value"] if isinstance(documentation, dict) else documentation or ""
