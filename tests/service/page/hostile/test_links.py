"""Links that are damaged, far too long or from a later version; and the browser's way back and forth between links."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.service.page.conftest import Visit, document
from tests.service.page.hostile.test_markup import linked

A, B = (linked(text=f"seed: {number}\n# of {number}\n", format="yaml") for number in (1, 2))
MINE = "seed: 3\n# mine\n"


def shows(visit: Visit, text: str) -> None:
    visit.settle()
    assert document(visit.page) == text


@pytest.mark.parametrize("fragment", ["#d2=abcdef", linked(text="x", format="ron")], ids=["mark", "format"])
def test_a_link_of_a_later_version_is_told(fragment: str, browser: Any, url: str) -> None:
    visit = Visit(browser, url)
    page = visit.open(fragment)
    assert "newer version" in page.locator(".notice").inner_text() and "output_dir" in document(page)
    visit.close()
    assert visit.errors == []


def test_damaged_links_break_nothing(visit: Visit) -> None:
    rng = random.Random(7)
    letters = "ABCDEFghijkl0123456789-_%!"
    for _ in range(40):
        broken = list(A)
        for _ in range(rng.randint(1, 5)):
            broken[rng.randrange(3, len(broken))] = rng.choice(letters)
        visit.page.evaluate("hash => { location.hash = hash; }", "".join(broken[: rng.randint(4, len(broken))]))
        visit.page.wait_for_timeout(10)
    visit.page.evaluate("hash => { location.hash = hash; }", "#d=" + "A" * 3_000_000)
    visit.page.locator(".notice", has_text="no document that can be read").wait_for()
    visit.page.evaluate("hash => { location.hash = hash; }", B)
    shows(visit, "seed: 2\n# of 2\n")


def test_the_way_back(visit: Visit) -> None:
    page = visit.page
    for fragment in (A, B):
        page.evaluate("hash => { location.hash = hash; }", fragment)
        visit.settle()
    shows(visit, "seed: 2\n# of 2\n")
    page.go_back()
    shows(visit, "seed: 1\n# of 1\n")
    page.go_forward()
    shows(visit, "seed: 2\n# of 2\n")


def test_what_was_typed_comes_back_by_undo(visit: Visit) -> None:
    page = visit.page
    for fragment in (A, B):
        page.evaluate("hash => { location.hash = hash; }", fragment)
        visit.settle()
    visit.paste(MINE)
    page.go_back()
    shows(visit, "seed: 1\n# of 1\n")
    assert "The document of the link" in page.locator(".notice").inner_text()
    page.locator("#undo").click()
    shows(visit, MINE)


def test_the_last_of_several_links_is_shown(visit: Visit) -> None:
    long = linked(text="".join(f"# {number}\n" for number in range(30_000)), format="yaml")
    if len(long) > 16_000:
        long = linked(text="#\n" * 300_000, format="yaml")
    visit.page.evaluate("([long, short]) => { location.hash = long; location.hash = short; }", [long, B])
    shows(visit, "seed: 2\n# of 2\n")


def test_two_tabs_are_two_documents(visit: Visit) -> None:
    visit.paste(MINE)
    other = visit.context.new_page()
    other.goto(visit.url)
    other.locator(".counts .count").first.wait_for()
    assert "output_dir" in document(other)
    other.locator(".cm-content").focus()
    other.keyboard.press("Control+a")
    other.keyboard.insert_text("seed: 9\n")
    other.select_option("#lang", "zh")
    other.wait_for_timeout(300)
    visit.page.bring_to_front()
    assert visit.page.input_value("#lang") == "en"
    shows(visit, MINE)
    assert document(other) == "seed: 9\n"
