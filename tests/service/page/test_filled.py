"""The views full of what they can show: for every width, theme and screen reader."""

from __future__ import annotations

from typing import Any

import pytest
from tests.service.page.conftest import Visit
from tests.service.page.test_looks import AXE, RUN_AXE

RUN = (
    "learning_rate: 3.0e-4\nwarmup_steps: 100\neval_strategy: steps\neval_steps: 200\nsave_steps: 200\n"
    "save_total_limit: 2\nload_best_model_at_end: true\nbf16: true\nfsdp: full_shard\nmax_grad_norm: 0.5\n"
    "output_dir: runs/a_very_long_name_of_a_folder_that_does_not_fit_anywhere/and_goes_on\nreport_to: [wandb, jsonl]\n"
)


def fill_settings(page: Any) -> None:
    page.get_by_role("searchbox").fill("e")
    page.locator('[data-setting="fsdp_config"] summary').click()
    page.locator('[data-setting="fsdp_config.min_num_params"]').wait_for()


def fill_plan(page: Any) -> None:
    for name, value in (("rows", "8000"), ("target", "h100x8"), ("params", "7B")):
        page.locator(f"#panel [name={name}]").fill(value)
    page.locator(".way").first.wait_for()
    page.get_by_role("slider").press("End")
    page.locator(".plan-tables summary").click()


def fill_differences(page: Any) -> None:
    page.get_by_role("button", name="another document").click()
    page.get_by_label("The other document").fill("bf16: false\nlearning_rate: 1.0\nreport_to: none\n")
    page.locator(".diff-table").wait_for()


FILLED = {"Settings": fill_settings, "Plan": fill_plan, "Differences": fill_differences}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_axe_finds_nothing(width: int, scheme: str, browser: Any, url: str) -> None:
    visit = Visit(browser, url, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = visit.open()
    page.evaluate(AXE.read_text())
    visit.write(RUN)
    for view, fill in FILLED.items():
        page.get_by_role("tab", name=view).click()
        fill(page)
        visit.settle()
        assert page.evaluate(RUN_AXE) == [], view
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
    visit.close()
    assert visit.errors == []


@pytest.mark.parametrize("width", [390, 800, 1024, 1920])
def test_nothing_sticks_out(width: int, browser: Any, url: str) -> None:
    visit = Visit(browser, url, viewport={"width": width, "height": 900})
    page = visit.open()
    visit.write(RUN)
    for view, fill in FILLED.items():
        page.get_by_role("tab", name=view).click()
        fill(page)
        visit.settle()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
        # A picture is as wide as its frame, and no text of it is outside.
        out = page.evaluate(
            """() => [...document.querySelectorAll(".plan-picture text")].filter((one) => {
              const [box, frame] = [one.getBoundingClientRect(), one.closest("svg").getBoundingClientRect()];
              return box.left < frame.left - 1 || box.right > frame.right + 1;
            }).map((one) => one.textContent)"""
        )
        assert out == [], view
    visit.close()


def test_a_picture_follows_the_width(visit: Visit) -> None:
    page = visit.page
    visit.write(RUN)
    page.get_by_role("tab", name="Plan").click()
    fill_plan(page)
    wide = page.locator(".plan-picture").first.bounding_box()["width"]
    page.set_viewport_size({"width": 500, "height": 900})
    page.wait_for_timeout(300)
    narrow = page.locator(".plan-picture").first.bounding_box()["width"]
    assert narrow < 480 < wide
