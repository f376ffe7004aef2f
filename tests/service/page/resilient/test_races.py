"""Answers that come late and in any order: what is shown is about the newest text, whatever came last."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.service.page.conftest import Visit, codes, document, squiggled

# As if the answer was there already when the page no longer wanted it.
NEVER_ABORTED = "const real = window.fetch; window.fetch = (url, how) => real(url, { ...how, signal: undefined });"
OLD, NEW = "bf16: true\nfp16: true\nmax_steps: 10\n", "bf16: true\nmax_steps: 20\nseed: 5\n"


class Held:
    """Holds back requests to an address until they are let go; what was asked first is answered last."""

    def __init__(self, visit: Visit, address: str) -> None:
        self.routes: list[Any] = []
        self.holding = True
        visit.page.route(re.compile(address), self._take)

    def _take(self, route: Any) -> None:
        if self.holding:
            self.routes.append(route)
        else:
            route.continue_()

    def let_go(self) -> None:
        for route in self.routes:
            route.continue_()


def put(visit: Visit, text: str) -> None:
    visit.page.evaluate("text => navigator.clipboard.writeText(text)", text)
    visit.page.locator(".cm-content").focus()
    visit.page.keyboard.press("Control+a")
    visit.page.keyboard.press("Control+v")


@pytest.mark.parametrize("address", ["/validate", "/show", "/fixes", "/plan", "/diff", "/convert"])
def test_an_older_answer_overwrites_nothing(address: str, browser: Any, url: str) -> None:
    visit = Visit(browser, url)
    visit.page.add_init_script(NEVER_ABORTED)
    page = visit.open()
    views = {"/plan": "Plan", "/diff": "Differences", "/convert": "Forms"}
    page.get_by_role("tab", name=views.get(address, "Settings")).click()
    visit.settle()
    held = Held(visit, address)
    put(visit, OLD if address in ("/validate", "/show", "/fixes") else "max_steps: 10\nseed: 1\n")
    page.wait_for_timeout(700)
    assert held.routes
    held.holding = False
    put(visit, NEW)
    page.wait_for_timeout(900)
    before = state(page)
    held.let_go()
    page.wait_for_timeout(500)
    visit.settle()
    assert state(page) == before
    assert codes(page) == [] and squiggled(page) == [] and document(page) == NEW
    assert "20" in before["panel"] or address in ("/validate", "/show", "/fixes")
    visit.close()
    assert visit.errors == []


def state(page: Any) -> dict[str, Any]:
    return {
        "findings": page.locator(".findings").inner_text(),
        "panel": page.locator("#panel").inner_text(),
        "values": page.locator("#panel input").evaluate_all("all => all.map(one => one.value)"),
    }


@pytest.mark.parametrize("address", ["/fields", "/schema"])
def test_the_language_is_the_one_chosen_last(address: str, visit: Visit) -> None:
    page = visit.page
    held = Held(visit, address)
    page.select_option("#lang", "zh")
    page.wait_for_timeout(300)
    held.holding = False
    page.select_option("#lang", "en")
    page.wait_for_timeout(600)
    held.let_go()
    visit.settle()
    page.get_by_role("searchbox").fill("learning_rate")
    words = page.locator('[data-setting="learning_rate"]').inner_text()
    assert "Learning rate" in words and "学习率" not in words


def test_typing_while_all_answers_are_slow(browser: Any, url: str) -> None:
    visit = Visit(browser, url)
    page = visit.open()
    # Every other answer is late, so that those of two texts cross.
    slow = [0]

    def late(route: Any) -> None:
        slow[0] += 1
        if slow[0] % 2:
            page.wait_for_timeout(250)
        route.continue_()

    page.route(re.compile("/(validate|show|fixes|complete)"), late)
    put(visit, "")
    page.keyboard.type("bf16: true\nfp16: true\nseed: 12", delay=40)
    page.keyboard.press("Escape")
    page.wait_for_timeout(1500)
    visit.settle()
    assert document(page) == "bf16: true\nfp16: true\nseed: 12" and codes(page) == ["PRE101"]
    assert squiggled(page) == ["bf16", "fp16"]
    page.get_by_role("searchbox").fill("seed")
    assert page.locator('[data-setting="seed"] input').input_value() == "12"
    page.unroute_all()
    visit.close()
    assert visit.errors == []


def test_what_a_code_means_is_that_of_the_last_one(visit: Visit) -> None:
    page = visit.page
    visit.paste("bf16: true\nfp16: true\nlerning_rate: 1\n")
    held = Held(visit, "/rules/SRC102")
    page.get_by_role("button", name="What SRC102 means").click()
    page.get_by_role("button", name="What PRE101 means").click()
    page.get_by_role("dialog").wait_for()
    held.let_go()
    visit.settle()
    assert "PRE101" in page.get_by_role("dialog").inner_text()


def test_two_megabytes_are_pasted_and_taken_out_again(visit: Visit) -> None:
    page = visit.page
    visit.paste("# a line of some length that says nothing\n" * 50_000)
    assert codes(page)[0].startswith(("SRC", "SVC")) and page.locator(".notice.away").count() == 0
    page.keyboard.press("Control+End")
    page.keyboard.type("seed: 1")
    visit.settle()
    assert page.evaluate("document.querySelector('.editor').shadowRoot.querySelectorAll('.cm-line').length") < 500
    visit.paste("seed: 1\n")
    assert codes(page) == [] and document(page) == "seed: 1\n"
