"""The form of all settings: what it writes into the document, what it shows of it, and that it keeps up with typing."""

from __future__ import annotations

from typing import Any

import pytest
from tests.service.page.conftest import Visit, document

from trainspec import TrainingArguments

COMMENTED = "# of the team\nlearning_rate: 3.0e-4  # tried\nlogging_steps: 7\neval_strategy: steps\n"


def row(page: Any, name: str) -> Any:
    """A setting in the form, with its group opened."""
    page.get_by_role("searchbox").fill(name)
    return page.locator(f'[data-setting="{name}"]')


def names(page: Any) -> list[str]:
    """The settings that are shown."""
    found: list[str] = page.locator("[data-setting]").evaluate_all("rows => rows.map(row => row.dataset.setting)")
    return found


def test_every_setting_is_in_it(visit: Visit) -> None:
    shown: set[str] = set()
    for letter in "aeo":
        visit.page.get_by_role("searchbox").fill(letter)
        shown |= set(names(visit.page))
    assert shown == set(TrainingArguments.field_kinds())


# Setting, what is done with its control -> the line that stands in the document afterwards.
WRITTEN: dict[str, tuple[str, str, str, str]] = {
    "a number": ("learning_rate", "fill", "5e-5", "learning_rate: 0.00005"),
    "a whole number": ("max_steps", "fill", "100", "max_steps: 100"),
    "text": ("run_name", "fill", "digits", "run_name: digits"),
    "a switch": ("bf16", "check", "", "bf16: true"),
    "a choice": ("lr_scheduler_type", "select", "cosine", "lr_scheduler_type: cosine"),
    "a choice that is no word for YAML 1.1": ("eval_strategy", "select", "no", "eval_strategy: "),
    "one of several": ("include_for_metrics", "press", "inputs", "include_for_metrics"),
    "a mapping": ("lr_scheduler_kwargs", "fill", '{"num_cycles": 0.5}', "num_cycles: 0.5"),
}


@pytest.mark.parametrize(("name", "how", "what", "line"), WRITTEN.values(), ids=WRITTEN)
def test_what_is_chosen_is_written(name: str, how: str, what: str, line: str, visit: Visit) -> None:
    visit.write("seed: 7  # kept\n")
    found = row(visit.page, name)
    control = found.locator("input, select, textarea").first
    if how == "fill":
        control.fill(what)
        control.blur()
    elif how == "check":
        control.check()
    elif how == "select":
        control.select_option(label=what)
    else:
        found.get_by_role("button", name=what, exact=True).click()
    visit.settle()
    assert "seed: 7  # kept\n" in document(visit.page) and line in document(visit.page)
    assert "said" in found.get_attribute("class").split()
    found.get_by_role("button", name="Reset").click()
    visit.settle()
    assert document(visit.page).strip() == "seed: 7  # kept"
    assert "said" not in found.get_attribute("class").split()


def test_a_key_of_a_mapping(visit: Visit) -> None:
    visit.write("fsdp: [full_shard]\n")
    row(visit.page, "fsdp_config").locator("summary").click()
    key = visit.page.locator('[data-setting="fsdp_config.min_num_params"]')
    key.locator("input").fill("1000")
    key.locator("input").blur()
    visit.settle()
    assert "fsdp_config:\n  min_num_params: 1000\n" in document(visit.page)
    key.get_by_role("button", name="Reset").click()
    visit.settle()
    assert "min_num_params" not in document(visit.page)


def test_what_is_said_and_what_follows(visit: Visit) -> None:
    visit.write(COMMENTED)
    page = visit.page
    said = row(page, "logging_steps")
    assert said.locator("input").input_value() == "7"
    assert "line 3" in said.inner_text() and "default 500" in said.inner_text()
    assert "eval_steps = 7" in said.inner_text()
    follows = row(page, "eval_steps")
    assert "7, which follows from logging_steps" in follows.inner_text()
    assert "default 0.05" not in row(page, "weight_decay").inner_text()
    assert "default 0" in row(page, "weight_decay").inner_text()


def test_findings_stand_beside_their_settings(visit: Visit) -> None:
    visit.write("bf16: true\nfp16: true\nlerning_rate: 3\n")
    found = row(visit.page, "bf16")
    assert found.locator(".told-code").all_inner_texts() == ["PRE101"]
    assert found.locator("input").get_attribute("aria-invalid") == "true"
    elsewhere = visit.page.locator(".settings-elsewhere")
    assert "SRC102" in elsewhere.inner_text() and "learning_rate" in elsewhere.inner_text()
    # What follows is told all the same, of what is not wrong.
    visit.write("bf16: true\nfp16: true\nlogging_steps: 7\n")
    assert "7, which follows from logging_steps" in row(visit.page, "eval_steps").inner_text()
    row(visit.page, "fp16").locator("input").uncheck()
    visit.settle()
    assert visit.page.locator('[data-setting="fp16"] .told-code').count() == 0


@pytest.mark.parametrize("words", ["lr_scheduler_type", "Shape of the learning-rate", "min_num_params"])
def test_search(words: str, visit: Visit) -> None:
    visit.page.get_by_role("searchbox").fill(words)
    assert 1 <= visit.page.locator("[data-setting]").count() <= 3
    visit.page.get_by_role("searchbox").fill("zzzz")
    assert visit.page.locator("[data-setting]").count() == 0
    assert "No setting fits" in visit.page.locator("#panel").inner_text()


def test_only_what_is_said(visit: Visit) -> None:
    visit.write(COMMENTED)
    visit.page.get_by_role("button", name="Said").click()
    assert sorted(names(visit.page)) == ["eval_strategy", "learning_rate", "logging_steps"]
    visit.page.get_by_role("button", name="Follows").click()
    assert {"eval_steps", "do_eval"} <= set(names(visit.page))


def test_a_secret_has_no_field(visit: Visit) -> None:
    visit.write("hub_token: canary-9f8e7d6c\n")
    found = row(visit.page, "hub_token")
    assert found.locator("input").count() == 0
    assert "canary" not in visit.page.locator("#panel").inner_html()
    visit.write("seed: 1\n")
    assert "TRAINSPEC_HUB_TOKEN" in found.inner_text()


def test_in_chinese(visit: Visit) -> None:
    visit.page.get_by_role("combobox", name="Language").select_option("zh")
    found = row(visit.page, "learning_rate")
    found.get_by_text("学习率", exact=True).wait_for()
    assert "学习率" in found.inner_text() and "默认 0.00005" in found.inner_text()
    assert "机密不写进文档" in row(visit.page, "hub_token").inner_text()


def test_half_a_number_is_not_written(visit: Visit) -> None:
    visit.write("seed: 1\n")
    control = row(visit.page, "learning_rate").locator("input")
    control.press_sequentially("1e-")
    visit.page.wait_for_timeout(700)
    assert not any("learning_rate: 1" in body for _, body in visit.sent)
    control.press_sequentially("4")
    visit.page.wait_for_timeout(700)
    assert control.input_value() == "1e-4"
    assert "learning_rate: 0.0001" in document(visit.page)


def test_few_rows_are_drawn_anew(visit: Visit) -> None:
    """With all settings in sight, a change of one of them touches its own row and few others, and is there at once."""
    page = visit.page
    page.get_by_role("searchbox").fill("e")
    rows = page.locator("[data-setting]").count()
    assert rows > 100
    page.evaluate(
        """() => {
          window.touched = new Set();
          new MutationObserver((records) => {
            for (const record of records) {
              const { target } = record;
              const row = (target.closest ? target : target.parentElement)?.closest("[data-setting]");
              if (row) window.touched.add(row.dataset.setting);
            }
          }).observe(document.querySelector("#panel"), {
            subtree: true, childList: true, characterData: true, attributes: true,
          });
        }"""
    )
    page.locator('[data-setting="seed"] input').fill("3")
    visit.page.wait_for_timeout(400)
    visit.settle()
    assert "seed: 3" in document(page)
    touched = set(page.evaluate("[...window.touched]"))
    # data_seed follows from it.
    assert {"seed"} <= touched <= {"seed", "data_seed"}
