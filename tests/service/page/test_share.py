"""A link holds the document itself, in the part of an address that no server is sent, and never a secret."""

import base64
import json
import zlib

import pytest
from tests.service.page.conftest import Visit, codes, document

CANARY = "canary-9f8e7d6c"
TOKEN = "hf_abcdefghijklmnopqrstuvwx"
TEXT = "# for a colleague: ümlaut, 汉字\noutput_dir: runs/a\nlearning_rate: 3e-4\n"


def link(visit: Visit) -> str:
    visit.page.get_by_role("button", name="Copy link").click()
    visit.page.locator(".notice").wait_for()
    return str(visit.page.evaluate("navigator.clipboard.readText()"))


def held(address: str) -> dict[str, str]:
    """What a link holds, read by another program."""
    _, _, letters = address.partition("#d=")
    found: dict[str, str] = json.loads(
        zlib.decompress(base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4)), -15)
    )
    return found


def test_a_link_brings_the_document_back(visit: Visit, browser: object) -> None:
    visit.write(TEXT)
    visit.page.fill("#processes", "8")
    visit.page.press("#processes", "Enter")
    address = link(visit)
    assert held(address) == {"text": TEXT, "format": "yaml", "worldSize": 8}
    other = Visit(browser, visit.url)
    page = other.open(address.removeprefix(visit.url).lstrip("/"))
    other.settle()
    assert document(page) == TEXT and page.input_value("#processes") == "8" and codes(page) == []
    # The fragment stays in the browser.
    assert not [url for url, _ in other.sent if "#" in url or "d=" in url]
    other.close()


def test_no_secret_is_in_a_link(visit: Visit) -> None:
    visit.write(f"{TEXT}hub_token: {CANARY}\nhub_tokne: {CANARY}\n# {TOKEN}\nseed: 7\n")
    address = link(visit)
    assert held(address)["text"] == f"{TEXT}seed: 7\n"
    assert CANARY not in address and TOKEN not in str(held(address))
    told = visit.page.locator(".notice").inner_text()
    assert "hub_token" in told and "hub_tokne" in told and CANARY not in told


def test_variables_are_shared_without_those_of_others(visit: Visit) -> None:
    visit.write("")
    visit.page.select_option("#format", "env")
    visit.write(f"TRAINSPEC_SEED=7\nAWS_SECRET_ACCESS_KEY={CANARY}\nTRAINSPEC_HUB_TOKEN={CANARY}\n")
    assert held(link(visit))["text"] == "TRAINSPEC_SEED=7\n"


def test_what_cannot_be_read_is_not_shared(visit: Visit) -> None:
    visit.write(f"hub_token: [{CANARY}\n")
    visit.page.get_by_role("button", name="Copy link").click()
    visit.page.locator(".notice").wait_for()
    assert "No link" in visit.page.locator(".notice").inner_text() and "#d=" not in visit.page.url


def test_a_link_has_bounds(visit: Visit) -> None:
    # What repeats itself is packed well: this does not.
    visit.paste("".join(f"# {number * 7919 % 104729:x}{number * 15485863 % 1299709:x}\n" for number in range(6000)))
    visit.page.get_by_role("button", name="Copy link").click()
    visit.page.locator(".notice").wait_for()
    assert "too long" in visit.page.locator(".notice").inner_text() and "#d=" not in visit.page.url


BOMB = base64.urlsafe_b64encode(zlib.compress(b" " * 10**7, wbits=-15)).decode().rstrip("=")
BROKEN = {"cut off": "#d=q1YqS", "no letters": "#d=!!!!", "empty": "#d=", "a bomb": f"#d={BOMB}"}


@pytest.mark.parametrize("fragment", BROKEN.values(), ids=BROKEN)
def test_a_broken_link_is_told(fragment: str, browser: object, url: str) -> None:
    visit = Visit(browser, url)
    page = visit.open(fragment)
    assert "no document that can be read" in page.locator(".notice").inner_text()
    assert "output_dir" in document(page) and visit.errors == []
    visit.close()
