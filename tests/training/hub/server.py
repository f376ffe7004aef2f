"""A hub on the loopback interface: the part of its HTTP API that pushing and fetching a model use."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import huggingface_hub.constants
import pytest
import yaml

TOKEN = "hf_canaryCANARYcanary0123456789"
Reply = tuple[int, Any]


@dataclass(frozen=True)
class Commit:
    revision: str
    message: str
    paths: tuple[str, ...]


@dataclass
class Repository:
    visibility: str | None
    branches: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"main": {".gitattributes": b"* text"}})
    commits: list[Commit] = field(default_factory=list)


@dataclass
class Fault:
    """An answer in place of the real one, for requests whose path matches."""

    path: str
    status: int
    body: str


class Hub:
    """What was created and pushed, and what the server shall do about it."""

    def __init__(self, **accounts: str) -> None:
        self.accounts = {token: user for user, token in accounts.items()}
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.faults: list[Fault] = []
        self.commits_may_pass = threading.Event()
        self.commits_may_pass.set()
        self.commit_arrived = threading.Event()
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.commits_may_pass.set()
        self._server.shutdown()
        self._server.server_close()

    def files(self, repository: str, revision: str = "main") -> dict[str, bytes]:
        return self.repositories[repository].branches[revision]

    def messages(self, repository: str) -> list[str]:
        return [commit.message for commit in self.repositories[repository].commits]

    # Each of these answers one kind of request.

    def create_repository(self, user: str, body: Any) -> Reply:
        name = f"{body.get('organization') or user}/{body['name']}"
        made = name not in self.repositories
        if made:
            self.repositories[name] = Repository(body.get("visibility"))
        return (200 if made else 409), {"url": f"{self.url}/{name}", "name": name, "id": name}

    def create_branch(self, user: str, body: Any, repository: str, branch: str) -> Reply:
        branches = self.repositories[repository].branches
        made = branch not in branches
        branches.setdefault(branch, dict(branches["main"]))
        return (200 if made else 409), {}

    def validate_card(self, user: str, body: Any) -> Reply:
        _, front, *_ = body["content"].split("---\n")
        valid = isinstance(yaml.safe_load(front), dict)
        return (200 if valid else 400), {"errors": [] if valid else [{"message": "no mapping"}], "warnings": []}

    def preupload(self, user: str, body: Any, repository: str, revision: str) -> Reply:
        def mode(path: str) -> str:
            return "lfs" if path.endswith((".safetensors", ".bin", ".pt", ".pth")) else "regular"

        files = [{"path": f["path"], "uploadMode": mode(f["path"]), "shouldIgnore": False} for f in body["files"]]
        if revision not in self.repositories[repository].branches:
            return 404, {"error": f"no branch {revision}"}
        return 200, {"files": files}

    def offer_upload(self, user: str, body: Any, repository: str) -> Reply:
        def offer(item: Any) -> dict[str, Any]:
            there = item["oid"] in self.objects
            href = {"href": f"{self.url}/objects/{item['oid']}"}
            return item if there else {**item, "actions": {"upload": href, "verify": {"href": f"{self.url}/verify"}}}

        return 200, {"transfer": "basic", "objects": [offer(item) for item in body["objects"]]}

    def verify(self, user: str, body: Any) -> Reply:
        stored = self.objects.get(body["oid"], b"")
        return (200 if len(stored) == body["size"] else 422), {}

    def commit(self, user: str, body: Any, repository: str, revision: str) -> Reply:
        self.commit_arrived.set()
        self.commits_may_pass.wait(60)
        lines = [json.loads(line) for line in body.splitlines()]
        found: dict[str, bytes] = {}
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                found[value["path"]] = base64.b64decode(value["content"])
            if line["key"] == "lfsFile":
                found[value["path"]] = self.objects[value["oid"]]
        kept = self.repositories[repository]
        kept.branches[revision].update(found)
        kept.commits.append(Commit(revision, lines[0]["value"]["summary"], tuple(sorted(found))))
        number = f"{len(kept.commits):040x}"
        url = f"{self.url}/{repository}/commit/{number}"
        return 200, {"success": True, "commitOid": number, "commitUrl": url, "hookOutput": ""}

    def describe(self, user: str, body: Any, repository: str, revision: str) -> Reply:
        names = [{"rfilename": name} for name in self.repositories[repository].branches[revision]]
        return 200, {"id": repository, "sha": self._head(repository, revision), "siblings": names}

    def tree(self, user: str, body: Any, repository: str, oid: str) -> Reply:
        files = self._at(repository, oid)
        return 200, [{"type": "file", "path": p, "size": len(d), "oid": _oid(p)} for p, d in files.items()]

    def fetch(self, user: str, body: Any, repository: str, oid: str, path: str) -> Reply:
        files = self._at(repository, oid)
        return (200, files[path]) if path in files else (404, {"error": "Entry not found"})

    def _at(self, repository: str, oid: str) -> dict[str, bytes]:
        branches = self.repositories[repository].branches
        return next(files for name, files in branches.items() if oid in (name, self._head(repository, name)))

    def _head(self, repository: str, branch: str) -> str:
        return _oid(f"{branch} after {len(self.repositories[repository].commits)}")


def serving(monkeypatch: pytest.MonkeyPatch, no_token_here: str) -> Iterator[Hub]:
    """A hub that knows the account `ada`, and the client led to it; no token of this machine is seen."""
    server = Hub(ada=TOKEN)
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", no_token_here)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    yield server
    server.close()


def _oid(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


_REPOSITORY = r"([^/]+/[^/]+)"
ROUTES: dict[tuple[str, str], Callable[..., Reply]] = {
    ("POST", r"/api/repos/create"): Hub.create_repository,
    ("POST", r"/api/validate-yaml"): Hub.validate_card,
    ("POST", rf"/api/models/{_REPOSITORY}/branch/(.+)"): Hub.create_branch,
    ("POST", rf"/api/models/{_REPOSITORY}/preupload/(.+)"): Hub.preupload,
    ("POST", rf"/api/models/{_REPOSITORY}/commit/(.+)"): Hub.commit,
    ("POST", rf"/{_REPOSITORY}\.git/info/lfs/objects/batch"): Hub.offer_upload,
    ("POST", r"/verify"): Hub.verify,
    ("GET", rf"/api/models/{_REPOSITORY}/revision/(.+)"): Hub.describe,
    ("GET", rf"/api/models/{_REPOSITORY}/tree/([^/]+)"): Hub.tree,
    ("GET", rf"/{_REPOSITORY}/resolve/([^/]+)/(.+)"): Hub.fetch,
    ("HEAD", rf"/{_REPOSITORY}/resolve/([^/]+)/(.+)"): Hub.fetch,
}


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[Hub]
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        self._answer(*self._reply(path, content), path)

    do_GET = do_POST = do_PUT = do_HEAD = _serve  # noqa: N815

    def _reply(self, path: str, content: bytes) -> Reply:
        for fault in self.hub.faults:
            if re.search(fault.path, path):
                return fault.status, {"error": fault.body}
        if self.command == "PUT":
            self.hub.objects[path.rsplit("/", 1)[-1]] = content
            return 200, {}
        for (method, pattern), act in ROUTES.items():
            match = re.fullmatch(pattern, path)
            if match and method == self.command:
                return self._act(act, match.groups(), content)
        return 404, {"error": "not served here"}

    def _act(self, act: Callable[..., Reply], found: tuple[str, ...], content: bytes) -> Reply:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.hub.accounts:
            return 401, {"error": f"Invalid credentials in Authorization: Bearer {token}"}
        kind = self.headers.get("Content-Type", "")
        body = content if "ndjson" in kind or not content else self._parsed(kind, content)
        return act(self.hub, self.hub.accounts[token], body, *found)

    @staticmethod
    def _parsed(kind: str, content: bytes) -> Any:
        return json.loads(content) if "json" in kind else parse_qs(content.decode())

    def _answer(self, status: int, body: Any, path: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/octet-stream" if isinstance(body, bytes) else "application/json")
        if "/resolve/" in path:
            self.send_header("ETag", f'"{_oid(path)}"')
            self.send_header("X-Repo-Commit", path.split("/resolve/")[1].partition("/")[0])
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Silent."""
