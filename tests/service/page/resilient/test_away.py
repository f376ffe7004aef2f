"""A service that is gone: the page says so, keeps what is written, asks for it by and by, and goes on by itself."""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack
from typing import Any

from tests.service.page.conftest import Visit, codes, document, service, squiggled

BAD = "bf16: true\nfp16: true\n"


def free_port() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def append(visit: Visit, text: str) -> None:
    visit.page.locator(".cm-content").focus()
    visit.page.keyboard.press("Control+End")
    visit.page.keyboard.type(text)


def test_a_service_that_ends_and_comes_back(browser: Any) -> None:
    port = free_port()
    with ExitStack() as first:
        url = first.enter_context(service("--port", port))
        visit = Visit(browser, url)
        page = visit.open()
        visit.paste("# mine\nbf16: true\n")
        page.get_by_role("tab", name="Plan").click()
        page.locator("#panel [name=rows]").fill("8000")
        visit.settle()
        tiles = page.locator(".tiles").inner_text()
    append(visit, "fp16: true\n")
    told = page.locator(".notice.away")
    told.wait_for()
    assert "does not answer" in told.inner_text() and codes(page) == []
    assert "Not judged" in page.locator(".counts").inner_text()
    # What was answered stays in sight, and every view can be looked at.
    assert page.locator(".tiles").inner_text() == tiles
    for view in ("Settings", "Forms", "Differences", "Plan"):
        page.get_by_role("tab", name=view).click()
    append(visit, "# more\n")
    assert document(page) == "# mine\nbf16: true\nfp16: true\n# more\n"
    with service("--port", port):
        told.wait_for(state="detached", timeout=40_000)
        visit.settle()
        assert document(page) == "# mine\nbf16: true\nfp16: true\n# more\n"
        assert codes(page) == ["PRE101"] and squiggled(page) == ["bf16", "fp16"]
        visit.close()
    assert visit.errors == []


def test_offline_and_back(visit: Visit) -> None:
    page = visit.page
    visit.write("bf16: true\n")
    visit.context.set_offline(True)
    append(visit, "fp16: true\n")
    page.locator(".notice.away").wait_for()
    page.locator("#try-again").click()
    page.wait_for_timeout(300)
    assert page.locator("#try-again").is_visible()
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("No link: the service").wait_for()
    page.select_option("#format", "toml")
    page.get_by_text("the document stays as it is").wait_for()
    assert page.input_value("#format") == "yaml" and document(page) == BAD
    # The browser tells that there is a network again.
    visit.context.set_offline(False)
    page.locator(".notice.away").wait_for(state="detached")
    visit.settle()
    assert codes(page) == ["PRE101"]


def test_it_is_asked_for_less_and_less_often(visit: Visit) -> None:
    page = visit.page
    asked: list[str] = []
    page.route(re.compile("/(readyz|validate)"), lambda route: (asked.append(route.request.url), route.abort()))
    append(visit, "seed: 1\n")
    page.locator(".notice.away").wait_for()
    page.wait_for_timeout(6500)
    for letter in "# abc":
        append(visit, letter)
    page.wait_for_timeout(500)
    # One after each of 1, 2 and 4 seconds at most; and nothing for what is typed meanwhile.
    assert 1 <= len([one for one in asked if "readyz" in one]) - 1 <= 3
    assert len([one for one in asked if "validate" in one]) == 1
    page.unroute_all()
    page.locator("#try-again").click()
    page.locator(".notice.away").wait_for(state="detached")
    visit.settle()
    assert codes(page) == []


def test_a_page_opened_just_before_the_end_learns_all_later(browser: Any, url: str) -> None:
    visit = Visit(browser, url)
    page = visit.page
    page.route(re.compile("/(readyz|validate|fields|schema|show|fixes)"), lambda route: route.abort())
    page.goto(url)
    page.locator(".notice.away").wait_for()
    page.unroute_all()
    page.locator("#try-again").click()
    page.locator("[data-setting]").first.wait_for()
    visit.settle()
    assert "Nothing wrong" in page.locator(".counts").inner_text()
    visit.close()
    assert visit.errors == []


def test_a_request_that_is_broken_off_is_no_service_that_is_gone(visit: Visit) -> None:
    page = visit.page
    page.route(re.compile("/validate"), lambda route: route.abort())
    append(visit, "seed: 1\n")
    page.locator(".findings .code").first.wait_for()
    assert codes(page) == ["SVC101"] and page.locator(".notice.away").count() == 0
    page.unroute_all()
    append(visit, "# x\n")
    visit.settle()
    assert codes(page) == []


def test_a_service_with_too_much_to_do_is_waited_for(visit: Visit) -> None:
    page = visit.page
    busy = {"status": 429, "headers": {"Retry-After": "1"}, "json": {"ok": False, "diagnostics": []}}
    left = [busy, busy]
    page.route(re.compile("/validate"), lambda route: route.fulfill(**left.pop()) if left else route.continue_())
    append(visit, BAD)
    page.locator(".findings .code", has_text="PRE101").wait_for()
    assert left == []
