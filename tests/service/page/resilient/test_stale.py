"""While a text cannot be read, what is shown of the last one that could says so: to eyes, and once to who listens."""

from __future__ import annotations

from tests.service.page.conftest import Visit, document

GOOD, HALF = "seed: 7\nmax_steps: 100\n", "seed: 8\nmax_steps: [100\n"
# Everything that the live region has been, in order.
LISTEN = """() => {
  window.heard = [];
  const place = [...document.querySelectorAll("#panel [role=status]")].at(-1);
  new MutationObserver(() => window.heard.push(place.textContent)).observe(place, {
    childList: true, characterData: true, subtree: true,
  });
}"""


def test_old_values_are_marked(visit: Visit) -> None:
    page = visit.page
    visit.paste(GOOD)
    page.get_by_role("searchbox").fill("seed")
    seed = page.locator('[data-setting="seed"] input')
    assert seed.input_value() == "7" and page.locator(".stale").count() == 0
    plain = seed.evaluate("one => getComputedStyle(one).borderTopStyle")
    visit.paste(HALF)
    page.locator(".stale-note").wait_for()
    assert seed.input_value() == "7" and "last text that could" in page.locator(".stale-note").inner_text()
    assert seed.evaluate("one => getComputedStyle(one).borderTopStyle") != plain
    assert page.locator(".stale-note").get_attribute("role") == "status"
    # It is in sight wherever the view is.
    box = page.locator(".stale-note").bounding_box()
    assert box["y"] + box["height"] <= 900
    visit.paste(GOOD.replace("7", "9"))
    page.locator(".stale-note").wait_for(state="detached")
    assert seed.input_value() == "9" and page.locator(".stale").count() == 0


def test_who_listens_hears_it_once(visit: Visit) -> None:
    page = visit.page
    visit.paste(GOOD)
    page.evaluate(LISTEN)
    page.keyboard.press("Control+End")
    # Brackets that are closed soon are nobody's concern.
    page.keyboard.type("report_to: [jsonl]", delay=30)
    page.keyboard.press("Escape")
    visit.settle()
    assert page.evaluate("window.heard") == []
    page.keyboard.type("\nfsdp_config: }", delay=30)
    page.locator(".stale-note").wait_for()
    page.keyboard.type("abc def", delay=60)
    visit.settle()
    assert len([one for one in page.evaluate("window.heard") if one]) == 1


def test_an_old_plan_stays_and_is_marked(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("tab", name="Plan").click()
    visit.paste(GOOD)
    page.locator(".tiles", has_text="100").wait_for()
    tiles = page.locator(".tiles").inner_text()
    visit.paste(HALF)
    page.locator(".stale-note").wait_for()
    assert (
        page.locator(".tiles").inner_text() == tiles
        and "the plan of the last text" in page.locator(".stale-note").inner_text()
    )
    visit.paste(GOOD.replace("100", "200"))
    page.locator(".stale-note").wait_for(state="detached")
    page.locator(".tiles", has_text="200").wait_for()
    # What is wrong but can be read has no plan, and none is shown.
    visit.paste("bf16: true\nfp16: true\n")
    page.locator(".plan-none").wait_for()
    assert page.locator(".tiles").count() == 0 and page.locator(".stale-note").count() == 0


def test_nothing_is_written_into_what_cannot_be_read(visit: Visit) -> None:
    page = visit.page
    visit.paste(GOOD)
    visit.paste(HALF)
    page.get_by_role("searchbox").fill("seed")
    page.locator('[data-setting="seed"] input').fill("11")
    page.locator('[data-setting="seed"] input').blur()
    visit.settle()
    assert "cannot be written" in page.locator(".notice").inner_text() and document(page) == HALF
