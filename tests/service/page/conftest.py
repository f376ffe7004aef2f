"""The page in a real Chromium, from a real service. `make test-page` installs what this needs; without it, skipped."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src/trainspec/service/page"
STATIC = ROOT / "src/trainspec/service/static"
TOKEN = "let-me-in"
TIMEOUT = 10_000


def missing() -> str:
    """What is not there that these tests need."""
    if not (STATIC / "index.html").exists():
        return "make page builds what is tested"
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "make test-page installs playwright"
    return "" if shutil.which("chromium") else "make test-page installs Chromium"


@contextmanager
def service(*words: str) -> Iterator[str]:
    """A service as a process of its own; its URL."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRAINSPEC_")}
    command = [sys.executable, "-m", "trainspec", "serve", "--port", "0", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        begun = next((line for line in process.stderr if line.startswith("serving at ")), "")
        try:
            yield begun.split()[-1]
        finally:
            process.terminate()
            assert process.wait(timeout=30) == 0


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    with service() as place:
        yield place


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, as `make test-page` installs it."""
    if why := missing():
        pytest.skip(why)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield opened
        opened.close()


class Visit:
    """A visitor's tab, in which nothing but the service's own origin can be reached, and every error is kept."""

    def __init__(self, browser: Any, url: str, **looks: Any) -> None:
        self.url = url
        self.context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, "locale": "en-GB"} | looks)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.context.set_default_timeout(TIMEOUT)
        self.foreign: list[str] = []
        self.sent: list[tuple[str, str]] = []
        self.errors: list[str] = []
        self.violations: list[str] = []
        self.context.route("**/*", self._allow)
        self.page = self.context.new_page()
        self.asked = 0
        self.page.on("request", lambda _: self._count(1))
        self.page.on("requestfinished", lambda _: self._count(-1))
        self.page.on("requestfailed", lambda _: self._count(-1))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda told: self._hear(told.text))

    def _allow(self, route: Any) -> None:
        request = route.request
        self.sent.append((request.url, request.post_data or ""))
        if urlsplit(request.url)[:2] == urlsplit(self.url)[:2]:
            route.continue_()
        else:
            self.foreign.append(request.url)
            route.abort()

    def _hear(self, told: str) -> None:
        # Chromium styles what is typed over a selection before CodeMirror does; its own policy check has it unstyled.
        if "Content Security Policy" in told and "Applying inline style" not in told:
            self.violations.append(told)

    def _count(self, change: int) -> None:
        self.asked += change

    def open(self, address: str = "") -> Any:
        """The page, once it can be typed into."""
        self.page.goto(f"{self.url}/{address}")
        self.page.wait_for_selector(".cm-content")
        self.page.locator(".counts .count").first.wait_for()
        return self.page

    def write(self, text: str) -> None:
        """Put a text in place of the document, and wait for what is found in it."""
        self.page.locator(".cm-content").focus()
        self.page.keyboard.press("Control+a")
        with self.page.expect_response(re.compile("/validate")):
            if text:
                self.page.keyboard.insert_text(text)
            else:
                self.page.keyboard.press("Delete")
        self.settle()

    def paste(self, text: str) -> None:
        """Paste a text in place of the document, as whoever has a long one does."""
        self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        self.page.locator(".cm-content").focus()
        self.page.keyboard.press("Control+a")
        with self.page.expect_response(re.compile("/validate")):
            self.page.keyboard.press("Control+v")
        self.settle()

    def settle(self) -> None:
        """Wait until the service has been asked about the document as it is, and its answers are shown."""
        end = time.monotonic() + TIMEOUT / 1000
        # The page waits a little before it asks, and what is answered may lead to another question.
        self.page.wait_for_timeout(240)
        while self.asked > 0:
            assert time.monotonic() < end, "answers do not come"
            self.page.wait_for_timeout(60)

    def close(self) -> None:
        self.context.close()


@pytest.fixture
def visit(browser: Any, url: str) -> Iterator[Visit]:
    """The page as a visitor opens it; at the end nothing has failed, and nobody else was asked."""
    one = Visit(browser, url)
    one.open()
    yield one
    one.close()
    assert (one.errors, one.foreign, one.violations) == ([], [], [])


def until(page: Any, expression: str) -> Any:
    """What an expression of JavaScript is once it is true; the page's policy forbids playwright's own way to wait."""
    end = time.monotonic() + TIMEOUT / 1000
    while not (found := page.evaluate(expression)):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(20)
    return found


def document(page: Any) -> str:
    """The whole document, of which the editor draws only what is in sight."""
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def codes(page: Any) -> list[str]:
    """The codes in the list of findings."""
    found: list[str] = page.locator(".findings .code").all_inner_texts()
    return found


def squiggled(page: Any, severity: str = "error") -> list[str]:
    """What is underlined as an error."""
    found: list[str] = page.locator(f".cm-lintRange-{severity}").all_inner_texts()
    return found
