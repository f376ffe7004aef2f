"""The way through all settings: groups that are folded up, a strip of them that stays in sight, and keys for it all."""

from __future__ import annotations

from typing import Any

import pytest
from tests.service.page.conftest import Visit

TEXT = "learning_rate: 3.0e-4\nwarmup_steps: 100\neval_strategy: steps\nbf16: true\nsave_steps: 200\n"


def opened(page: Any) -> list[str]:
    found: list[str] = page.locator("details.group[open] h2").all_inner_texts()
    return found


@pytest.fixture
def narrow(browser: Any, url: str) -> Any:
    visit = Visit(browser, url, viewport={"width": 390, "height": 844})
    visit.open()
    visit.paste(TEXT)
    yield visit
    visit.close()
    assert visit.errors == []


def test_a_narrow_page_is_no_scroll_of_all_settings(narrow: Visit) -> None:
    page = narrow.page
    assert opened(page) == [] and page.locator("details.group").count() > 15
    assert page.evaluate("document.documentElement.scrollHeight") < 3 * 844
    # What is said is counted, and what is wrong is opened.
    assert "said" in page.locator("#group-Precision summary").inner_text()
    narrow.paste(TEXT + "fp16: true\n")
    assert opened(page) == ["Precision"]


def test_all_are_opened_and_closed(visit: Visit) -> None:
    page = visit.page
    visit.paste(TEXT)
    assert 0 < len(opened(page)) < page.locator("details.group").count()
    page.get_by_role("button", name="Open all").click()
    assert len(opened(page)) == page.locator("details.group").count()
    page.get_by_role("button", name="Close all").click()
    assert opened(page) == []
    # It stays so, whatever is looked at meanwhile.
    page.get_by_role("tab", name="Plan").click()
    page.get_by_role("tab", name="Settings").click()
    assert opened(page) == []


def test_the_strip_leads_to_a_group_by_keys(narrow: Visit) -> None:
    page = narrow.page
    page.get_by_role("searchbox").focus()
    for _ in range(2):
        page.keyboard.press("Tab")
    strip = page.get_by_role("toolbar", name="Groups of settings")
    assert strip.locator("button:focus").count() == 1
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    name = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    assert page.evaluate("document.activeElement.querySelector('h2').textContent") == name and opened(page) == [name]
    # Its heading is in sight below the strip, which shows where one is; one stop of the tab key, whatever is chosen.
    top = page.evaluate("document.activeElement.getBoundingClientRect().top")
    edge = page.locator(".settings-bar").bounding_box()
    assert edge["y"] == 0 and top >= edge["height"] - 1
    assert strip.locator("[tabindex='0']").count() == 1
    page.keyboard.press("Enter")
    assert opened(page) == []


def test_the_strip_follows_what_is_in_sight(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="Open all").click()
    strip = page.get_by_role("toolbar", name="Groups of settings")
    page.locator("#group-Checkpoint").evaluate("one => one.scrollIntoView({ block: 'start' })")
    page.wait_for_timeout(200)
    assert strip.locator('[aria-current="true"]').inner_text() == "Checkpoint"
    # And the heading stays while its settings pass.
    page.mouse.move(1000, 500)
    page.mouse.wheel(0, 250)
    page.wait_for_timeout(200)
    heading = page.locator("#group-Checkpoint summary").bounding_box()
    bar = page.locator(".settings-bar").bounding_box()
    assert abs(heading["y"] - (bar["y"] + bar["height"])) <= 1


def test_what_has_the_focus_is_never_covered(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="Open all").click()
    page.locator("#group-Logging summary").focus()
    for back in (False, True):
        for _ in range(25):
            page.keyboard.press("Shift+Tab" if back else "Tab")
            covered = page.evaluate(
                """() => {
                  const it = document.activeElement;
                  const { left, width, top, height } = it.getBoundingClientRect();
                  const at = document.elementFromPoint(left + Math.min(width, 20) / 2, top + height / 2);
                  return at === null || !(it.contains(at) || at.contains(it)) ? `${it.outerHTML.slice(0, 80)}` : "";
                }"""
            )
            assert covered == ""


def test_a_search_opens_what_it_finds_and_leaves_the_rest(visit: Visit) -> None:
    page = visit.page
    visit.paste(TEXT)
    page.get_by_role("button", name="Open all").click()
    page.get_by_role("button", name="Close all").click()
    page.get_by_role("searchbox").fill("learning_rate")
    assert "Optimizer" in opened(page) and page.get_by_role("button", name="Close all").count() == 0
    page.get_by_role("searchbox").fill("")
    assert opened(page) == []
