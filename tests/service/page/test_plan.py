"""The plan as pictures: what they show is what the plan says, readable by eye, by keys and as numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.service.page.conftest import Visit

RUN = (
    "learning_rate: 3.0e-4\nwarmup_steps: 100\nlr_scheduler_type: cosine\neval_strategy: steps\neval_steps: 200\n"
    "save_steps: 200\nsave_total_limit: 2\nload_best_model_at_end: true\nbf16: true\nfsdp: full_shard\n"
)


def plan(visit: Visit, text: str = RUN, **asked: str) -> Any:
    """The page with the plan of a document; the inputs are filled in."""
    visit.write(text)
    visit.page.get_by_role("tab", name="Plan").click()
    for name, value in asked.items():
        visit.page.locator(f"#panel [name={name}]").fill(value)
    visit.page.wait_for_timeout(400)
    visit.settle()
    return visit.page


def tiles(page: Any) -> dict[str, str]:
    """The large numbers by what they are."""
    pairs = page.locator(".tiles > div").evaluate_all(
        "all => all.map(one => [one.querySelector('dt').textContent, one.querySelector('b').textContent])"
    )
    return dict(pairs)


def table(page: Any, caption: str) -> list[list[str]]:
    """A table of the numbers as text, row by row."""
    found: list[list[str]] = page.locator(f'.plan-tables [aria-label="{caption}"] tr').evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return found


def test_nothing_is_planned_without_rows(visit: Visit) -> None:
    page = plan(visit)
    assert "Say how many rows" in page.locator("#panel").inner_text()
    assert page.locator("path.rate").count() == 0
    page.locator("#panel [name=rows]").fill("8000")
    page.locator("path.rate").wait_for()
    assert tiles(page)["updates in all"] == "3,000"


def test_numbers_are_those_of_the_plan(visit: Visit) -> None:
    page = plan(visit, rows="8k")
    assert tiles(page) == {
        "updates in all": "3,000",
        "rows for an update": "8",
        "highest learning rate": "3e-4",
        "updates of warmup": "100",
        "checkpoints at the end": "2",
    }
    page.get_by_text("The same as numbers").click()
    rates = table(page, "learning rate")
    assert rates[1] == ["1", "0"] and rates[-1][0] == "3,000" and len(rates) == 10
    assert table(page, "What")[1:] == [
        ["Logs", "6", "500 1,000 1,500 2,000 2,500 3,000"],
        ["Evaluations", "15", " ".join(f"{step:,}" for step in range(200, 3001, 200))],
        ["Saves", "15", " ".join(f"{step:,}" for step in range(200, 3001, 200))],
    ]
    assert table(page, "What stays on disk")[-2:] == [["2,800", "stays"], ["3,000 (best)", "stays"]]


def test_the_curve_rises_through_warmup_and_falls(visit: Visit) -> None:
    page = plan(visit, rows="8000")
    places = page.locator("path.rate").get_attribute("d").replace("M", "").split("L")
    heights = [float(place.split()[1]) for place in places]
    top = heights.index(min(heights))
    assert 10 < top < 60 and heights[0] == heights[-1] == max(heights)
    assert heights[: top + 1] == sorted(heights[: top + 1], reverse=True) and heights[top:] == sorted(heights[top:])
    assert page.locator(".warmup text").text_content() == "100 updates of warmup"
    marks = {
        lane: page.locator(f".lane-{lane} .lane-marks").get_attribute("d").count("M")
        for lane in ("logs", "evaluations", "saves")
    }
    assert marks == {"logs": 6, "evaluations": 15, "saves": 15}


def test_an_update_is_looked_at_by_keys(visit: Visit) -> None:
    page = plan(visit, rows="8000")
    look = page.get_by_role("slider", name="Look at an update")
    look.focus()
    look.press("End")
    assert look.get_attribute("aria-valuetext").startswith("update 3,000, epoch 3.00: learning rate ")
    look.press("Home")
    look.press("ArrowRight")
    said = page.locator(".plan-look output").inner_text()
    assert said.endswith("next log at 500 · next evaluation at 200 · next save at 200")
    assert page.locator(".cross circle").count() == 1


def test_an_update_is_looked_at_by_pointing(visit: Visit) -> None:
    page = plan(visit, rows="8000")
    box = page.locator(".plan-picture").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    assert "epoch 1." in page.locator(".plan-look output").inner_text()


def test_another_checkpoint_may_turn_out_the_best(visit: Visit) -> None:
    page = plan(visit, rows="8000")
    assert "At the end: 2,800, 3,000 (best)" in page.locator("#panel").inner_text()
    page.get_by_label("Suppose the best is that of update").select_option("600")
    page.get_by_text("At the end: 600 (best), 3,000").wait_for()
    assert page.locator(".life-best").count() == 1
    # A save that is none any more is forgotten.
    visit.write(RUN.replace("save_steps: 200", "save_steps: 1000").replace("eval_steps: 200", "eval_steps: 1000"))
    page.get_by_text("At the end: 2,000, 3,000 (best)").wait_for()


def test_memory_of_each_strategy(visit: Visit) -> None:
    page = plan(visit, rows="8000", target="h100x8", params="7B")
    said = page.locator(".way").all_text_contents()
    assert [text.split()[0] for text in said] == ["DDP", "ZeRO-1", "ZeRO-2", "ZeRO-3"]
    assert "does not fit" in said[0] and all("✓ fits" in text for text in said[1:])
    assert page.locator(".way.is-chosen").text_content().startswith("ZeRO-3 FSDP2 these settings")
    assert page.locator(".limit text").text_content() == "80 GiB on a device"
    page.get_by_text("The same as numbers").click()
    numbers = {line[0]: line[1:] for line in table(page, "Memory of each process")}
    assert numbers["Strategy"] == ["DDP", "ZeRO-1", "ZeRO-2", "ZeRO-3 (chosen)"]
    assert numbers["On the device"] == ["130 GiB", "35.9 GiB", "26.1 GiB", "26.1 GiB"]
    assert numbers["Activations"] == ["?"] * 4
    widths = page.locator(".way.is-chosen rect").evaluate_all(
        "all => all.map(one => Number(one.getAttribute('width')))"
    )
    assert len(widths) == 4 and widths[3] > widths[0]


def test_memory_needs_no_rows(visit: Visit) -> None:
    page = plan(visit, world_size="4", params="1.5e9")
    page.locator(".way").first.wait_for()
    assert page.locator(".way").count() == 4 and page.locator("path.rate").count() == 0


# What is typed as a number of rows -> what is sent, None for what is no number.
NUMBERS = {"8,000": 8000, "10k": 10_000, "1.5M": 1_500_000, "2e6": 2_000_000, "-3": None, "many": None, "0.2": None}


@pytest.mark.parametrize("typed", NUMBERS)
def test_numbers_as_people_write_them(typed: str, visit: Visit) -> None:
    page = plan(visit, rows=typed)
    wanted = NUMBERS[typed]
    asked = [url for url, _ in visit.sent if "/plan?" in url]
    assert [f"rows={wanted}" in url for url in asked[-1:]] == [wanted is not None]
    assert page.locator("#panel [name=rows]").get_attribute("aria-invalid") == str(wanted is None).lower()


def test_a_long_run_is_drawn_at_once(visit: Visit) -> None:
    page = plan(visit, "max_steps: 1000000000\nlogging_steps: 1\nsave_steps: 1\n")
    assert "The newest 120 of 1,000,000,000 checkpoints." in page.locator("#panel").inner_text()
    assert page.locator(".life").count() == 120
    assert len(json.dumps(page.locator("#panel").inner_html())) < 200_000


def test_evaluations_may_decide_the_rate(visit: Visit) -> None:
    page = plan(
        visit, "lr_scheduler_type: reduce_lr_on_plateau\neval_strategy: epoch\nsave_strategy: epoch\n", rows="800"
    )
    assert "Evaluations decide the learning rate" in page.locator("#panel").inner_text()
    assert page.locator("path.rate").count() == 0 and page.locator(".lane").count() == 3


def test_findings_stand_where_there_is_no_plan(visit: Visit) -> None:
    page = plan(visit, "bf16: true\nfp16: true\n", rows="800")
    assert page.locator(".plan-none .told-code").all_inner_texts() == ["PRE101"]


def test_in_chinese(visit: Visit) -> None:
    page = plan(visit, rows="8000")
    page.get_by_role("combobox", name="Language").select_option("zh")
    page.get_by_text("学习率与事件").wait_for()
    assert "次更新，总计" in tiles(page)
