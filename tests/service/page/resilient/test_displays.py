"""Whatever the display: twice the size, no motion, colours of the system; and values that are long or turned."""

from __future__ import annotations

from typing import Any

import pytest
from tests.service.page.conftest import Visit
from tests.service.page.test_looks import AXE, RUN_AXE, VIEWS

LONG = "x" * 200
TURNED = "שלום עולם"
TEXT = (
    f"output_dir: {LONG}\nrun_name: {TURNED} {LONG}\nlr_scheduler_kwargs: {{{LONG}: {LONG}}}\n"
    f"{LONG}: {LONG}\nlearning_rate: {LONG}\nmetric_for_best_model: {TURNED}\n"
)
RIGHT = f"output_dir: {LONG}\nrun_name: {TURNED} {LONG}\nhub_model_id: me/{'y' * 90}\nmax_steps: 100\n"


def every_view(visit: Visit) -> Any:
    for view in VIEWS:
        visit.page.get_by_role("tab", name=view).click()
        visit.settle()
        yield view


@pytest.mark.parametrize("text", [TEXT, RIGHT], ids=["wrong", "right"])
@pytest.mark.parametrize("width", [320, 390, 1440])
def test_long_and_turned_values_fit(width: int, text: str, browser: Any, url: str) -> None:
    visit = Visit(browser, url, viewport={"width": width, "height": 800})
    visit.open()
    visit.paste(text)
    for view in every_view(visit):
        if view == "Settings":
            visit.page.get_by_role("button", name="Said").click()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, view
    visit.close()
    assert visit.errors == []


@pytest.mark.parametrize("way", ["zoom", "text"])
def test_twice_the_size(way: str, browser: Any, url: str) -> None:
    """Zoom halves the page's width; larger letters alone leave it."""
    size = {"width": 720, "height": 450} if way == "zoom" else {"width": 1440, "height": 900}
    visit = Visit(browser, url, viewport=size, device_scale_factor=2)
    page = visit.open()
    if way == "text":
        page.evaluate("document.documentElement.style.fontSize = '200%'")
    visit.paste(RIGHT)
    for view in every_view(visit):
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], view
        # Words of buttons are not cut off.
        cut = page.evaluate(
            """() => [...document.querySelectorAll("button, summary, [role=tab]")]
              .filter((one) => one.offsetWidth > 0)
              .filter((one) => one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 2)
              .map((one) => one.textContent)"""
        )
        assert cut == [], view
    visit.close()


def test_nothing_moves_where_that_is_asked_for(browser: Any, url: str) -> None:
    visit = Visit(browser, url, reduced_motion="reduce")
    page = visit.open()
    for view in every_view(visit):
        moving = page.evaluate(
            """() => [...document.querySelectorAll("*")].filter((one) => {
              const looks = getComputedStyle(one);
              const times = looks.transitionDuration.split(", ");
              const moves = looks.animationName !== "none" || looks.scrollBehavior === "smooth";
              return moves || times.some((time) => time !== "0s");
            }).map((one) => one.outerHTML.slice(0, 100))"""
        )
        assert moving == [], view
    visit.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_of_the_system(scheme: str, browser: Any, url: str) -> None:
    visit = Visit(browser, url, forced_colors="active", color_scheme=scheme)
    page = visit.open()
    page.evaluate(AXE.read_text())
    visit.paste("bf16: true\nfp16: true\nseed: 7\n")
    # Of the system's colours axe knows nothing.
    rules = "rules: { 'color-contrast': { enabled: false } },"
    for view in every_view(visit):
        assert page.evaluate(RUN_AXE.replace("{ resultTypes", f"{{ {rules} resultTypes")) == [], view
    page.get_by_role("tab", name="Settings").click()
    # What is chosen, said or on is told by more than a colour of ours.
    chosen = page.locator('[role=tab][aria-selected="true"]').evaluate("one => getComputedStyle(one).outlineStyle")
    pressed = page.locator('.segments [aria-pressed="true"]').evaluate("one => getComputedStyle(one).outlineStyle")
    assert (chosen, pressed) == ("solid", "solid")
    page.get_by_role("searchbox").fill("bf16")
    switch = page.locator('[data-setting="bf16"] input')
    on = switch.evaluate("one => getComputedStyle(one).backgroundColor")
    off = page.locator('[data-setting="bf16_full_eval"] input').evaluate("one => getComputedStyle(one).backgroundColor")
    assert on != off
    visit.paste("max_steps: 100\n")
    page.get_by_role("tab", name="Plan").click()
    visit.settle()
    curve = page.locator(".plan-picture path").first.evaluate("one => getComputedStyle(one).stroke")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert curve != ground
    visit.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_what_is_rare(scheme: str, browser: Any, url: str) -> None:
    """A question before a conversion, old values, and a service that is gone."""
    visit = Visit(browser, url, color_scheme=scheme)
    page = visit.open()
    page.evaluate(AXE.read_text())
    visit.paste("# one\nseed: 1\n")
    page.select_option("#format", "json")
    page.get_by_role("dialog").wait_for()
    assert page.evaluate(RUN_AXE) == []
    page.keyboard.press("Escape")
    visit.paste("seed: [\n")
    page.locator(".stale-note").wait_for()
    assert page.evaluate(RUN_AXE) == []
    visit.context.set_offline(True)
    page.keyboard.press("Control+End")
    page.keyboard.type("# x")
    page.locator(".notice.away").wait_for()
    assert page.evaluate(RUN_AXE) == []
    visit.close()
