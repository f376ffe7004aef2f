"""The page: `GET /` and the files that it names, which `make page` has built into `static/` and the wheel ships."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from trainspec.service.refusals import refused

if TYPE_CHECKING:
    from starlette.requests import Request

STATIC = Path(__file__).parent / "static"
INDEX: Final = "index.html"
# The browser loads what we ship and asks nobody but us, whatever a document has in it.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_YEAR = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    packed: bytes
    media: str
    tag: str


@cache
def _files(folder: Path) -> dict[str, _File]:
    """What there is, read once: no name in a request is ever made a path."""
    return dict(map(_read, folder.iterdir())) if folder.is_dir() else {}


def _read(path: Path) -> tuple[str, _File]:
    """A file under the name that it is asked for by; all but the page itself is packed by the build."""
    content, name = path.read_bytes(), path.name
    packed, content = (content, gzip.decompress(content)) if path.suffix == ".gz" else (gzip.compress(content), content)
    name = name.removesuffix(".gz")
    media = "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0] or "text/plain"
    return name, _File(content, packed, media, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


async def page(request: Request) -> Response:
    found = _files(STATIC).get(INDEX)
    if found is None:
        remedy = "install the wheel, which has it, or run make page in the source tree, and start the service again"
        raise refused(404, "SVC130", "this installation has no page: it was not built", remedy)
    return _sent(request, found, {"Cache-Control": "no-cache", "Content-Security-Policy": POLICY})


async def asset(request: Request) -> Response:
    name = request.path_params["name"]
    found = _files(STATIC).get(name) if name != INDEX else None
    if found is None:
        raise refused(404, "SVC106", "there is no such address")
    # A name of another content is another name; the licences are the exception.
    lasting = f"public, max-age={_YEAR}, immutable" if "-" in name else "no-cache"
    return _sent(request, found, {"Cache-Control": lasting})


def _sent(request: Request, file: _File, headers: dict[str, str]) -> Response:
    headers |= {"ETag": file.tag, "Vary": "Accept-Encoding"}
    asked = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if file.tag in asked or "*" in asked:
        return Response(status_code=304, headers=headers)
    content = file.content
    if any(one.strip().partition(";")[0] == "gzip" for one in request.headers.get("accept-encoding", "").split(",")):
        content, headers["Content-Encoding"] = file.packed, "gzip"
    return Response(content, headers=headers, media_type=file.media)
