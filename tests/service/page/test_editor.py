"""Typing: what is wrong is seen at once, mended by a key, explained where it stands; and long documents stay fluid."""

from typing import Any

import pytest
from tests.service.page.conftest import Visit, codes, document, squiggled, until

# The time of the last key, and of the first squiggle under a word after it.
WATCH = """word => {
  const root = document.querySelector('.editor').shadowRoot;
  window.times = {};
  root.addEventListener('keydown', () => (window.times = { key: performance.now() }), true);
  new MutationObserver(() => {
    const found = [...root.querySelectorAll('.cm-lintRange-error')].some((one) => one.textContent === word);
    if (found) window.times.seen ??= performance.now();
  }).observe(root, { subtree: true, childList: true, attributes: true });
}"""
SOON = 300


def delay(visit: Visit, typed: str) -> float:
    """Milliseconds from the last key of what is typed at the end to the squiggle."""
    visit.page.keyboard.press("Control+End")
    visit.page.keyboard.type(typed, delay=15)
    return float(until(visit.page, "window.times.seen && window.times.seen - window.times.key"))


def test_a_bad_combination_is_underlined_soon(visit: Visit) -> None:
    visit.page.evaluate(WATCH, "bf16")
    delays = []
    # Other tests may keep the machine busy at any time, but not at all of them.
    for _ in range(3):
        visit.write("bf16: true\n")
        assert squiggled(visit.page) == []
        delays.append(delay(visit, "fp16: true"))
    assert min(delays) < SOON, delays
    visit.settle()
    assert squiggled(visit.page) == ["bf16", "fp16"] and codes(visit.page) == ["PRE101"]


def test_findings_are_told_and_gone_to(visit: Visit) -> None:
    visit.write("output_dir: runs/a\nbf16: true\nfp16: true\nlerning_rate: 3\n")
    shown = visit.page.locator(".findings")
    assert codes(visit.page) == ["SRC102", "PRE101"] and "2 errors" in shown.inner_text()
    assert "bf16 and fp16 exclude each other" in shown.inner_text() and "autocast computes" in shown.inner_text()
    shown.get_by_role("button", name="Go to line 4").click()
    visit.page.keyboard.press("Home")
    visit.page.keyboard.type("X")
    assert "\nXlerning_rate" in document(visit.page)


def test_a_code_is_explained(visit: Visit) -> None:
    visit.write("bf16: true\nfp16: true\n")
    visit.page.get_by_role("button", name="What PRE101 means").click()
    told = visit.page.get_by_role("dialog")
    told.wait_for()
    assert "bf16 is true and fp16 is true" in told.inner_text()
    visit.page.keyboard.press("Escape")
    told.wait_for(state="hidden")


def test_a_fix_is_taken_from_the_list(visit: Visit) -> None:
    visit.write("lerning_rate: 3e-4\n")
    visit.page.locator(".findings .fix").first.click()
    visit.settle()
    assert document(visit.page) == "learning_rate: 3e-4\n" and codes(visit.page) == []


def test_a_fix_is_taken_by_a_key_and_undone(visit: Visit) -> None:
    visit.write("seed: 7\nlerning_rate: 3e-4\n")
    visit.page.keyboard.press("ArrowUp")
    visit.page.keyboard.press("Control+.")
    visit.settle()
    assert document(visit.page) == "seed: 7\nlearning_rate: 3e-4\n"
    visit.page.keyboard.press("Control+z")
    assert "lerning" in document(visit.page)


def completed(visit: Visit, typed: str, wanted: str = "") -> list[str]:
    """What is offered for what is typed, once the wanted one is."""
    visit.page.keyboard.type(typed, delay=15)
    visit.page.locator(".cm-tooltip-autocomplete li", has_text=wanted).first.wait_for()
    # What is shown can be chosen a moment later, so that nobody chooses by chance.
    visit.page.wait_for_timeout(200)
    return [str(one) for one in visit.page.locator(".cm-tooltip-autocomplete .cm-completionLabel").all_inner_texts()]


def test_keys_and_values_are_completed(visit: Visit) -> None:
    visit.write("")
    assert completed(visit, "lr_sched")[0] == "lr_scheduler_type"
    visit.page.keyboard.press("Enter")
    # Its values are offered as soon as it is written.
    assert completed(visit, "cos", "cosine")[0] == "cosine"
    visit.page.keyboard.press("Enter")
    assert document(visit.page) == "lr_scheduler_type: cosine"


def test_keys_inside_a_block_are_completed(visit: Visit) -> None:
    visit.write("output_dir: runs/a\nfsdp_config:\n  xla: false\n  \nseed: 7\n")
    visit.page.keyboard.press("Control+Home")
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "End"):
        visit.page.keyboard.press(key)
    offered = completed(visit, "min")
    assert offered[0] == "min_num_params" and "learning_rate" not in offered
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.type("5")
    assert "  xla: false\n  min_num_params: 5\nseed: 7\n" in document(visit.page)


def test_completion_is_asked_for_by_a_key(visit: Visit) -> None:
    visit.write("seed: 7\n")
    visit.page.keyboard.press("Control+Space")
    visit.page.locator(".cm-tooltip-autocomplete li").first.wait_for()
    offered = visit.page.locator(".cm-tooltip-autocomplete .cm-completionLabel").all_inner_texts()
    assert "output_dir" in offered and "seed" not in offered


@pytest.mark.parametrize(
    "format, text, typed, first",
    [
        ("json", '{\n  "output_dir": "runs/a",\n  "', "warmup_r", "warmup_ratio"),
        ("toml", 'output_dir = "runs/a"\n', "warmup_r", "warmup_ratio"),
        ("env", "TRAINSPEC_OUTPUT_DIR=runs/a\n", "TRAINSPEC_WARMUP_R", "TRAINSPEC_WARMUP_RATIO"),
    ],
)
def test_other_formats_are_completed(format: str, text: str, typed: str, first: str, visit: Visit) -> None:
    visit.write("")
    visit.page.select_option("#format", format)
    visit.write(text)
    visit.page.keyboard.press("Control+End")
    assert completed(visit, typed)[0].strip('"') == first


def test_what_is_under_the_pointer_is_explained(visit: Visit) -> None:
    visit.write("learning_rate: 3e-4\n")
    visit.page.locator(".cm-content").get_by_text("learning_rate").hover()
    told = visit.page.locator(".cm-tooltip-hover .explained")
    told.wait_for()
    assert "learning_rate" in told.inner_text() and "5e-05" in told.inner_text()


def test_what_is_at_the_cursor_is_explained_without_a_pointer(visit: Visit) -> None:
    visit.write("seed: 7\nlearning_rate: 3e-4\n")
    visit.page.keyboard.press("ArrowUp")
    visit.page.locator(".at-cursor code").wait_for()
    assert "learning_rate" in visit.page.locator(".at-cursor").inner_text()


def test_the_tab_key_is_no_trap(visit: Visit) -> None:
    visit.write("fsdp_config:\n")
    visit.page.keyboard.press("Tab")
    assert document(visit.page) == "fsdp_config:\n  "
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("Tab")
    focused = visit.page.evaluate("document.activeElement.className")
    assert focused != "editor"
    visit.write("")
    visit.page.locator(".tabs button").first.focus()
    assert "Escape" in visit.page.locator(".at-cursor").inner_text()


LONG = "".join(f"# line {number}\n" for number in range(1, 1999)) + "bf16: true\n"
SLOW = """() => {
  window.slow = [];
  const take = (list) => window.slow.push(...list.getEntries().map((one) => one.duration));
  new PerformanceObserver(take).observe({ type: 'longtask' });
}"""


def test_a_long_document_stays_fluid(visit: Visit) -> None:
    visit.paste(LONG)
    visit.page.evaluate(WATCH, "bf16")
    visit.page.evaluate(SLOW)
    delays = []
    for _ in range(3):
        delays.append(delay(visit, "fp16: true"))
        for _ in "fp16: true":
            visit.page.keyboard.press("Backspace")
        visit.settle()
    assert min(delays) < SOON, delays
    slow: list[Any] = visit.page.evaluate("window.slow")
    assert not [one for one in slow if one > 200], slow
    delay(visit, "fp16: true")
    assert visit.page.locator(".findings .place").first.inner_text() == "line 1999, 2000"
