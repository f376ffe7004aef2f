"""Whatever a document, a link or a field holds is text: no markup of it becomes any, and no sign of it moves others."""

from __future__ import annotations

import json
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from tests.service.page.conftest import Visit, document

IMAGE = "<img src=x onerror=window.hacked=1>"
SCRIPT = "</script><script>window.hacked=1</script>"
LINK = "javascript:window.hacked=1"
WIDE = "<style>*{display:none}</style><iframe srcdoc='<script>parent.hacked=1</script>'></iframe>"
ESCAPES = "\x1b[31mred\x1b]8;;http://evil.example\x07link"
VIEWS = ("Settings", "Plan", "Forms", "Differences")
# What stands in the page but not in its own sources: anything that a document put there.
PLANTED = """() => {
  const roots = [document, document.querySelector(".editor").shadowRoot];
  const bad = "img:not(.cm-widgetBuffer), iframe, object, embed, script:not([src^='assets/']),"
    + "a[href^='javascript' i], [onerror], [onload]";
  return roots.flatMap((root) => [...root.querySelectorAll(bad)].map((one) => one.outerHTML));
}"""


@pytest.fixture
def strict(browser: Any, url: str) -> Iterator[Visit]:
    """A visit in which nothing was refused by the page's policy either: nothing has even tried."""
    visit = Visit(browser, url)
    told: list[str] = []
    visit.page.on("console", lambda one: told.append(one.text) if one.type == "error" else None)
    visit.open()
    yield visit
    # A document that cannot be read is answered with 400, and the browser says so.
    told = [one for one in told if "status of 4" not in one]
    assert (told, visit.errors, visit.foreign) == ([], [], [])
    visit.close()


def is_harmless(visit: Visit) -> None:
    for view in VIEWS:
        visit.page.get_by_role("tab", name=view).click()
        visit.settle()
        assert visit.page.evaluate(PLANTED) == [], view
        assert visit.page.evaluate("window.hacked") is None, view
    assert visit.page.locator("h1").is_visible()


@pytest.mark.parametrize("markup", [IMAGE, SCRIPT, LINK, WIDE], ids=["image", "script", "link", "style"])
def test_markup_is_text(markup: str, strict: Visit) -> None:
    said = json.dumps(markup)
    visit = strict
    # As a value, as a key, in a comment, inside of others, where it is wrong and where it is right.
    for text in (
        f"run_name: {said}\noutput_dir: {said}\nlr_scheduler_kwargs: {{a: {said}}}\n# {markup}\n",
        f"{said}: 1\nseed: {said}\nbf16: {said}\nfsdp_config: {{{said}: {said}}}\nreport_to: [{said}]\n",
        f"[{markup}\n",
    ):
        visit.paste(text)
        is_harmless(visit)
        assert document(visit.page) == text
        for code in visit.page.locator(".findings .code").all()[:1]:
            code.click()
            visit.page.get_by_role("dialog").wait_for()
            assert visit.page.evaluate(PLANTED) == []
            visit.page.keyboard.press("Escape")
    visit.paste(f"run_name: {said} # {markup}\nhub_token: {said}\n")
    visit.page.select_option("#format", "json")
    visit.settle()
    assert visit.page.get_by_role("dialog").is_visible() and visit.page.evaluate(PLANTED) == []
    visit.page.keyboard.press("Escape")
    visit.page.get_by_role("button", name="another document").click()
    visit.page.get_by_label("The other document").fill(f"{said}: 1\nrun_name: {said}\n")
    visit.page.fill("#machine", markup)
    visit.page.press("#machine", "Enter")
    visit.settle()
    is_harmless(visit)


def linked(**held: object) -> str:
    packed = zlib.compressobj(wbits=-15)
    content = packed.compress(json.dumps(held).encode()) + packed.flush()
    return f"#d={urlsafe_b64encode(content).decode().rstrip('=')}"


@pytest.mark.parametrize("markup", [IMAGE, SCRIPT, WIDE, ESCAPES], ids=["image", "script", "style", "escapes"])
def test_a_link_is_text(markup: str, browser: Any, url: str) -> None:
    for held in (
        {"text": f"# {markup}\n{json.dumps(markup)}: 1\n", "format": "yaml", "target": markup},
        {"text": markup, "format": markup},
        {"text": [markup], "format": "yaml", "worldSize": markup},
        {"__proto__": {"hacked": 1}, "text": "seed: 1\n", "format": "yaml"},
    ):
        visit = Visit(browser, url)
        page = visit.open(linked(**held))
        visit.settle()
        assert page.evaluate(PLANTED) == [] and page.evaluate("window.hacked") is None
        assert page.evaluate("({}).hacked") is None
        assert (visit.errors, visit.foreign, visit.violations) == ([], [], [])
        visit.close()


def test_no_escape_and_no_change_of_direction_reaches_the_words(strict: Visit) -> None:
    turned = "abc\u202etxt.exe\u2066"
    visit = strict
    visit.paste(f"run_name: {json.dumps(ESCAPES)}\nseed: {json.dumps(turned)}\n")
    words = visit.page.locator(".findings").inner_text()
    assert "run_name" in words and "seed" in words
    assert not {"\x1b", "\x07", "\u202e", "\u2066"} & set(words)
    # In the editor they are seen as signs, and turn nothing round.
    visit.paste(f'run_name: "{turned}"\n')
    assert visit.page.locator(".cm-specialChar").count() == 2
