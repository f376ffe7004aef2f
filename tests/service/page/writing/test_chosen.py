"""Another format is another form of the document: nothing is lost without a question, and undo brings all back."""

from __future__ import annotations

import json

import pytest
from tests.service.page.conftest import Visit, codes, document

TEXT = "# of the team\noutput_dir: runs/a\nlearning_rate: 3.0e-4  # tried\nreport_to: [jsonl, plot]\n"
WRITTEN = {
    "toml": '# of the team\noutput_dir = "runs/a"\nlearning_rate = 0.0003  # tried\nreport_to = ["jsonl", "plot"]\n',
    "env": "# of the team\nTRAINSPEC_OUTPUT_DIR=runs/a\n# tried\nTRAINSPEC_LEARNING_RATE=0.0003\n"
    'TRAINSPEC_REPORT_TO=\'["jsonl", "plot"]\'\n',
}


def choose(visit: Visit, format: str) -> None:
    visit.page.select_option("#format", format)
    visit.settle()


@pytest.mark.parametrize("format", WRITTEN)
@pytest.mark.parametrize("way", ["the format", "the form"])
def test_the_document_is_written_in_it(way: str, format: str, visit: Visit) -> None:
    page = visit.page
    visit.write(TEXT)
    if way == "the format":
        choose(visit, format)
    else:
        page.get_by_role("tab", name="Forms").click()
        visit.settle()
        name = {"toml": "TOML", "env": "Variables"}[format]
        assert page.get_by_role("article", name=name).locator("pre").text_content() == WRITTEN[format]
        page.get_by_role("button", name=f"Edit in this form: {name}").click()
        visit.settle()
    assert (page.input_value("#format"), document(page), codes(page)) == (format, WRITTEN[format], [])
    page.keyboard.press("Control+z")
    visit.settle()
    assert (page.input_value("#format"), document(page), codes(page)) == ("yaml", TEXT, [])
    page.keyboard.press("Control+y")
    visit.settle()
    assert (page.input_value("#format"), document(page)) == (format, WRITTEN[format])
    assert page.locator(".notice").count() == 0
    choose(visit, "yaml")
    page.locator("#undo").click()
    visit.settle()
    assert (page.input_value("#format"), document(page)) == (format, WRITTEN[format])


def test_what_is_lost_is_asked_about_before(visit: Visit) -> None:
    page = visit.page
    visit.write(f"{TEXT}hub_token: canary-9f8e\n")
    told = page.get_by_role("dialog")
    choose(visit, "json")
    assert told.is_visible() and "2 comments" in told.inner_text() and "hub_token" in told.inner_text()
    assert page.evaluate("document.activeElement.id") == "keep" and "canary" not in told.inner_text()
    page.keyboard.press("Escape")
    told.wait_for(state="hidden")
    assert page.input_value("#format") == "yaml" and document(page) == f"{TEXT}hub_token: canary-9f8e\n"
    choose(visit, "json")
    page.locator("#convert").click()
    visit.settle()
    assert page.input_value("#format") == "json" and codes(page) == []
    assert json.loads(document(page)) == {
        "output_dir": "runs/a",
        "learning_rate": 0.0003,
        "report_to": ["jsonl", "plot"],
    }
    page.keyboard.press("Control+z")
    visit.settle()
    assert page.input_value("#format") == "yaml" and document(page) == f"{TEXT}hub_token: canary-9f8e\n"


def test_the_card_of_a_form_says_what_is_not_in_it(visit: Visit) -> None:
    visit.write(TEXT)
    visit.page.get_by_role("tab", name="Forms").click()
    visit.settle()
    assert "Without the comments (2)" in visit.page.get_by_role("article", name="JSON").inner_text()
    assert visit.page.locator(".without").count() == 1


@pytest.mark.parametrize("text", ["bf16: true\nfp16: true\n", "report_to: [jsonl\n"], ids=["wrong", "half"])
def test_a_document_with_errors_is_left_as_it_is(text: str, visit: Visit) -> None:
    page = visit.page
    visit.write(text)
    choose(visit, "toml")
    told = page.get_by_role("dialog")
    assert told.is_visible() and "mend it first" in told.inner_text() and page.locator("#convert").count() == 0
    page.locator("#keep").click()
    assert (page.input_value("#format"), document(page)) == ("yaml", text)
    choose(visit, "toml")
    page.locator("#read-as").click()
    visit.settle()
    assert (page.input_value("#format"), document(page), codes(page)) == ("toml", text, ["SRC107"])


def test_a_text_that_is_in_it_already_is_only_read(visit: Visit) -> None:
    page = visit.page
    visit.write('output_dir = "runs/a"\nseed = 7\n')
    assert codes(page) != []
    choose(visit, "toml")
    assert (document(page), codes(page)) == ('output_dir = "runs/a"\nseed = 7\n', [])


def test_one_step_takes_back_what_was_pasted_and_its_format(visit: Visit) -> None:
    page = visit.page
    visit.write(TEXT)
    visit.paste("TRAINSPEC_SEED=7\n")
    assert page.input_value("#format") == "env" and "recognized" in page.locator(".notice").inner_text()
    page.keyboard.press("Control+z")
    visit.settle()
    assert (page.input_value("#format"), document(page)) == ("yaml", TEXT)


def test_nothing_typed_meanwhile_is_lost(visit: Visit) -> None:
    page = visit.page
    visit.write(TEXT)
    # The answer is under way while its document is changed.
    page.route("**/convert?*", lambda route: (page.wait_for_timeout(400), route.continue_()))
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+End")
    page.evaluate(
        """() => {
          const choice = document.querySelector("#format");
          choice.value = "toml";
          choice.dispatchEvent(new Event("change", { bubbles: true }));
        }"""
    )
    page.keyboard.type("seed: 7\n", delay=5)
    page.wait_for_timeout(1500)
    visit.settle()
    assert page.input_value("#format") == "toml" and document(page) == f"{WRITTEN['toml']}seed = 7\n"
