"""For everybody: two languages, two themes, any width, a keyboard, a screen reader, and who has the token."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.service.page.conftest import SOURCE, TOKEN, Visit, codes, service

VIEWS = ("Settings", "Plan", "Forms", "Differences")
BAD = "bf16: true\nfp16: true\nlerning_rate: 3\nfsdp_config:\n  min_num_params: 7\n"
GOOD = "output_dir: runs/a\nlearning_rate: 3e-4\neval_strategy: epoch\nhub_token: abcdef\n"
HAN = re.compile("[\u4e00-\u9fff]")
# Names of settings, values, codes and forms are the same in all languages.
NAMES = re.compile(r"[A-Z]{3}\d{3}|YAML|TOML|JSON|ConfigMap|English|Fsdp|Deepspeed|[a-z0-9_./=\s-]+")
AXE = SOURCE / "node_modules/axe-core/axe.min.js"
# An axe of its own looks into the editor, too, which is in a shadow root.
RUN_AXE = """async () => {
  const found = await axe.run(document, { resultTypes: ['violations'] });
  return found.violations.map((one) => [one.id, ...one.nodes.map((node) => `${node.target} ${node.failureSummary}`)]);
}"""


@pytest.mark.parametrize(
    "width, text, scheme",
    [(1440, GOOD, "light"), (1440, GOOD, "dark"), (1440, BAD, "light"), (1440, BAD, "dark"), (390, BAD, "light")],
    ids=["good light", "good dark", "bad light", "bad dark", "narrow"],
)
def test_axe_finds_nothing(width: int, text: str, scheme: str, browser: Any, url: str) -> None:
    visit = Visit(browser, url, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = visit.open()
    page.evaluate(AXE.read_text())
    visit.write(text)
    for view in VIEWS:
        page.get_by_role("tab", name=view).click()
        visit.settle()
        assert page.evaluate(RUN_AXE) == [], view
    assert visit.errors == []
    visit.close()


def test_axe_finds_nothing_in_what_opens(visit: Visit) -> None:
    visit.page.evaluate(AXE.read_text())
    visit.write("")
    visit.page.keyboard.type("lr_sched")
    visit.page.locator(".cm-tooltip-autocomplete li").first.wait_for()
    assert visit.page.evaluate(RUN_AXE) == []
    visit.write(BAD)
    visit.page.locator(".findings .code").first.click()
    visit.page.get_by_role("dialog").wait_for()
    assert visit.page.evaluate(RUN_AXE) == []


@pytest.mark.parametrize("width", [390, 800, 1024, 1920])
def test_nothing_sticks_out(width: int, browser: Any, url: str) -> None:
    visit = Visit(browser, url, viewport={"width": width, "height": 900})
    page = visit.open()
    for view in VIEWS:
        page.get_by_role("tab", name=view).click()
        visit.settle()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
    visit.close()


@pytest.mark.parametrize("chosen, ground", [("light", "rgb(246, 247, 249)"), ("dark", "rgb(17, 20, 26)")])
def test_the_theme_is_chosen_and_remembered(chosen: str, ground: str, browser: Any, url: str) -> None:
    other = "dark" if chosen == "light" else "light"
    visit = Visit(browser, url, color_scheme=other)
    page = visit.open()
    page.select_option("#theme", chosen)
    for _ in range(2):
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground
        page.reload()
        page.locator(".cm-content").wait_for()
    visit.close()


def test_all_words_are_chinese_where_that_is_asked_for(browser: Any, url: str) -> None:
    visit = Visit(browser, url)
    page = visit.open("?lang=zh")
    visit.write(BAD)
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    assert all(HAN.search(one) for one in page.locator(".findings .message").all_inner_texts())
    for tab in page.locator("[role=tab]").all():
        tab.click()
        visit.settle()
        labels = page.locator("button, label, h2, h3, th, legend, p, dt").all_inner_texts()
        english = {one.strip() for one in labels if re.search("[A-Za-z]{4}", one) and not HAN.search(one)}
        assert {one for one in english if not NAMES.fullmatch(one)} == set(), tab.inner_text()
    page.reload()
    page.locator(".cm-content").wait_for()
    assert HAN.search(page.locator("[role=tab]").first.inner_text())
    visit.close()


def test_the_language_is_chosen_and_remembered(browser: Any, url: str) -> None:
    visit = Visit(browser, url)
    page = visit.open()
    page.select_option("#lang", "zh")
    visit.write("learning_rate: 3e-4\n")
    page.keyboard.press("ArrowUp")
    page.locator(".at-cursor code").wait_for()
    assert HAN.search(page.locator(".at-cursor").inner_text())
    page.goto(visit.url)
    page.locator(".cm-content").wait_for()
    assert page.input_value("#lang") == "zh"
    visit.close()


def test_the_browser_s_language_is_the_first(browser: Any, url: str) -> None:
    visit = Visit(browser, url, locale="zh-CN")
    assert visit.open().input_value("#lang") == "zh"
    visit.close()


def test_tabs_are_walked_by_keys(visit: Visit) -> None:
    visit.page.get_by_role("tab", name="Settings").focus()
    for key, name in (
        ("ArrowRight", "Plan"),
        ("End", "Differences"),
        ("ArrowRight", "Settings"),
        ("ArrowLeft", "Differences"),
    ):
        visit.page.keyboard.press(key)
        focused = visit.page.get_by_role("tab", name=name)
        assert focused.get_attribute("aria-selected") == "true"
        assert visit.page.evaluate("document.activeElement.textContent") == name


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("secret") / "token"
    file.touch(0o600)
    file.write_text(TOKEN)
    with service("--token-file", str(file)) as place:
        yield place


def test_the_token_is_asked_for_once_and_kept_for_the_tab(guarded: str, browser: Any) -> None:
    visit = Visit(browser, guarded)
    page = visit.page
    page.goto(guarded)
    page.locator("#token").fill("wrong")
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    page.locator("#token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.locator(".counts .count").first.wait_for()
    visit.write("bf16: true\nfp16: true\n")
    assert codes(page) == ["PRE101"]
    page.reload()
    page.locator(".counts .count").first.wait_for()
    assert page.evaluate("JSON.stringify(localStorage) + document.cookie").count(TOKEN) == 0
    assert not [url for url, body in visit.sent if TOKEN in url or TOKEN in body]
    visit.close()


def test_what_is_remembered_is_no_document(visit: Visit) -> None:
    visit.write("run_name: canary-9f8e7d6c\n")
    kept = visit.page.evaluate("JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage })")
    assert "canary" not in kept and "theme" in kept


def test_the_sources_name_no_other_place() -> None:
    sources = [*Path(SOURCE / "source").rglob("*.ts*"), *Path(SOURCE / "source").rglob("*.css"), SOURCE / "index.html"]
    named = {word for path in sources for word in re.findall(r"https?://[^\s\"'`)]+", path.read_text())}
    assert len(sources) > 20 and named <= {"http://www.w3.org/2000/svg"}
