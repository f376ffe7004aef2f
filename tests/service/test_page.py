"""The page and its files: small, lasting by name, letting nothing foreign in, open to who has no token."""

import gzip
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from trainspec.service import assets
from trainspec.service.app import create_app
from trainspec.service.options import Options

pytestmark = pytest.mark.skipif(not (assets.STATIC / assets.INDEX).exists(), reason="make page builds what is tested")
LARGEST = 500_000


def named(client: TestClient) -> list[str]:
    """The files that the page asks for."""
    return re.findall(r'(?:src|href)="(assets/[^"]+)"', client.get("/").text)


def test_the_page_is_small() -> None:
    sizes = [path.stat().st_size for path in assets.STATIC.iterdir() if not path.name.startswith("licenses")]
    assert 50_000 < sum(sizes) < LARGEST


def test_what_the_page_names_is_there_and_lasts(client: TestClient) -> None:
    names = named(client)
    assert [Path(name).suffix for name in names] == [".svg", ".css", ".js"]
    for name in names:
        told = client.get(f"/{name}")
        assert told.status_code == 200 and "immutable" in told.headers["cache-control"]
        assert told.content == gzip.decompress((assets.STATIC / f"{Path(name).name}.gz").read_bytes())
        again = client.get(f"/{name}", headers={"If-None-Match": told.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_the_page_is_asked_for_anew_and_tagged(client: TestClient) -> None:
    told = client.get("/?lang=zh")
    assert told.headers["cache-control"] == "no-cache" and told.headers["content-type"].startswith("text/html")
    assert client.get("/", headers={"If-None-Match": told.headers["etag"]}).status_code == 304


def test_nothing_foreign_may_be_loaded(client: TestClient) -> None:
    told = client.get("/")
    (policy,) = told.headers.get_list("content-security-policy")
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    assert set(allowed.values()) == {"'none'", "'self'"} and allowed["default-src"] == "'none'"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=|style=", told.text)
    assert told.headers["x-content-type-options"] == "nosniff"


def test_it_is_sent_as_the_browser_takes_it(client: TestClient) -> None:
    script = next(name for name in named(client) if name.endswith(".js"))
    packed = client.get(f"/{script}", headers={"Accept-Encoding": "br, gzip;q=0.8"})
    plain = client.get(f"/{script}", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert packed.content == plain.content and packed.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("name", ["index.html", "licenses.txt.gz", "none.js", "..%2fapp.py", "%2e%2e/app.py"])
def test_no_other_file_is_reached(name: str, client: TestClient) -> None:
    told = client.get(f"/assets/{name}")
    assert told.status_code == 404 and told.json()["diagnostics"][0]["code"] == "SVC106"


def test_the_page_is_open_and_the_answers_are_not() -> None:
    client = TestClient(create_app(Options(tokens=("let-me-in",))))
    assert {client.get(address).status_code for address in ("/", *(f"/{name}" for name in named(client)))} == {200}
    assert client.get("/fields").status_code == client.get("/assets").status_code == 401


def test_without_a_page_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(assets, "STATIC", tmp_path / "static")
    told = TestClient(create_app(Options())).get("/")
    (found,) = told.json()["diagnostics"]
    assert (told.status_code, found["code"]) == (404, "SVC130") and "make page" in found["remedy"]


def test_licences_of_what_is_in_it_are_shipped(client: TestClient) -> None:
    told = client.get("/assets/licenses.txt").text
    assert told.count("Permission is hereby granted") >= 5 and "preact" in told


def test_dark_is_the_same_whoever_chose_it() -> None:
    """The reader, or their system: style sheets have no way to say both at once."""
    sheet = (assets.STATIC.parent / "page/source/style/colours.css").read_text()
    chosen, of_the_system = (
        re.findall(r"(--[\w-]+|color-scheme): (.*);", block) for block in sheet.split("color-scheme: dark;")[1:]
    )
    assert len(chosen) > 20 and chosen == of_the_system
