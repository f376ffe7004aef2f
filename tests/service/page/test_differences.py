"""Where the document differs: from the defaults and from another document, each value with where it is from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.service.page.conftest import Visit, document

HERE = "seed: 1\nlogging_steps: 7\n"


def differences(visit: Visit, text: str) -> Any:
    visit.write(text)
    visit.page.get_by_role("tab", name="Differences").click()
    visit.page.wait_for_timeout(400)
    visit.settle()
    return visit.page


def rows(page: Any) -> dict[str, list[str]]:
    """The settings of the table, each with both values and what is said of their sources."""
    found = page.locator(".diff-table tbody tr").evaluate_all(
        "rows => rows.map(row => [row.querySelector('th code').textContent,"
        " [...row.querySelectorAll('td code, td small')].map(one => one.textContent)])"
    )
    return dict(found)


def test_from_the_defaults(visit: Visit) -> None:
    page = differences(visit, HERE)
    assert rows(page) == {
        "eval_steps": ["500", "follows from logging_steps", "7", "follows from logging_steps"],
        "logging_steps": ["500", "default", "7", "line 2"],
        "data_seed": ["42", "follows from seed", "1", "follows from seed"],
        "seed": ["42", "default", "1", "line 1"],
    }
    page.get_by_label("Also what only follows from others").uncheck()
    assert sorted(rows(page)) == ["logging_steps", "seed"]
    page.get_by_role("button", name="Reset seed to its default").click()
    page.locator(".diff-table tbody tr").nth(1).wait_for(state="detached")
    assert document(page) == "logging_steps: 7\n"


def test_nothing_said_is_no_difference(visit: Visit) -> None:
    assert "Everything is as it is by default." in differences(visit, "seed: 42\n").locator("#panel").inner_text()


def test_from_another_document(visit: Visit) -> None:
    page = differences(visit, HERE)
    page.get_by_role("button", name="another document").click()
    assert "Paste another document here" in page.locator("#panel").inner_text()
    page.get_by_label("Its format").select_option("json")
    page.get_by_label("The other document").fill('{"seed": 2, "logging_steps": 7, "bf16": true}')
    page.locator(".diff-table").wait_for()
    assert rows(page) == {
        "bf16": ["true", "line 1", "false", "default"],
        "data_seed": ["2", "follows from seed", "1", "follows from seed"],
        "seed": ["2", "line 1", "1", "line 1"],
    }
    page.get_by_role("button", name="Take over 2 for seed").click()
    page.locator(".diff-table tbody tr").nth(1).wait_for(state="detached")
    assert list(rows(page)) == ["bf16"]
    assert document(page) == "seed: 2\nlogging_steps: 7\n"
    page.get_by_role("button", name="Take over true for bf16").click()
    page.get_by_text("Both say the same").wait_for()


def test_from_a_file(visit: Visit, tmp_path: Path) -> None:
    file = tmp_path / "数字.toml"
    file.write_text('run_name = "数字"\n', encoding="utf-8")
    page = differences(visit, 'run_name: "数"\n')
    page.get_by_role("button", name="another document").click()
    page.locator('#panel input[type="file"]').set_input_files(file)
    page.locator(".diff-table").wait_for()
    assert rows(page) == {"run_name": ['"数字"', "line 1", '"数"', "line 1"]}
    assert page.get_by_label("Its format").input_value() == "toml"


def test_a_file_that_is_too_large_is_not_read(visit: Visit, tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    file.write_text("#" * (2**20 + 1))
    page = differences(visit, HERE)
    page.get_by_role("button", name="another document").click()
    page.locator('#panel input[type="file"]').set_input_files(file)
    page.get_by_role("alert").wait_for()
    assert not any(len(body) > 2**20 for _, body in visit.sent)


def test_a_document_with_errors_is_not_compared(visit: Visit) -> None:
    page = differences(visit, "bf16: true\nfp16: true\n")
    assert page.locator("#panel .told-code").all_inner_texts() == ["PRE101"]
    assert page.locator(".diff-table").count() == 0


def test_a_secret_is_not_written_over(visit: Visit) -> None:
    page = differences(visit, "push_to_hub: true\nhub_token: canary-a\n")
    page.get_by_role("button", name="another document").click()
    page.get_by_label("The other document").fill("push_to_hub: true\nhub_token: canary-b\n")
    page.locator(".diff-table").wait_for()
    assert rows(page)["hub_token"][0::2] == ["**********", "**********"]
    assert page.locator(".diff-table button").count() == 0
