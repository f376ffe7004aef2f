"""The document in other forms: each is copied, and pasted it says the same settings."""

import json
from pathlib import Path

import pytest
from tests.service.page.conftest import Visit, codes, document

TEXT = """# a comment
output_dir: runs/a
learning_rate: 3.0e-4
run_name: "it's a 'run' # 7"
report_to: [jsonl, plot]
lr_scheduler_type: cosine_with_min_lr
lr_scheduler_kwargs:
  min_lr: 1.0e-5
"""
FORMS = ("Variables", "YAML", "TOML", "JSON", "Flags", "ConfigMap")


def shown(visit: Visit, form: str) -> str:
    """The text of a form, once it is there."""
    visit.page.get_by_role("tab", name="Forms").click()
    visit.settle()
    return str(visit.page.get_by_role("article", name=form).locator("pre").inner_text())


def copied(visit: Visit, form: str) -> str:
    visit.page.get_by_role("button", name=f"Copy the form {form}").click()
    visit.page.get_by_role("button", name=f"Copied the form {form}").wait_for()
    return str(visit.page.evaluate("navigator.clipboard.readText()"))


def test_all_forms_stand_side_by_side(visit: Visit) -> None:
    visit.write(TEXT)
    texts = {form: shown(visit, form) for form in FORMS}
    assert json.loads(texts["JSON"])["lr_scheduler_kwargs"] == {"min_lr": 1e-5}
    assert "TRAINSPEC_LEARNING_RATE=0.0003" in texts["Variables"] and "[lr_scheduler_kwargs]" in texts["TOML"]
    assert "--learning_rate=0.0003" in texts["Flags"]
    assert texts["ConfigMap"].count("kind:") == 1 and "TRAINSPEC_OUTPUT_DIR: runs/a" in texts["ConfigMap"]


@pytest.mark.parametrize("form, format", [("Variables", "env"), ("TOML", "toml"), ("JSON", "json")])
def test_a_form_is_copied_and_pasted_back(form: str, format: str, visit: Visit) -> None:
    visit.write(TEXT)
    before = json.loads(shown(visit, "JSON"))
    assert before["run_name"] == "it's a 'run' # 7"
    text = copied(visit, form)
    visit.paste(text)
    assert visit.page.input_value("#format") == format
    assert "recognized" in visit.page.locator(".notice").inner_text()
    assert document(visit.page) == text and codes(visit.page) == []
    assert json.loads(shown(visit, "JSON")) == before


def test_no_secret_is_in_any_form(visit: Visit) -> None:
    visit.write(f"{TEXT}hub_token: canary-9f8e7d6c\n")
    assert all("canary" not in shown(visit, form) for form in FORMS)
    assert "hub_token" in visit.page.locator(".forms .left-out").inner_text()


def test_what_is_wrong_has_no_forms(visit: Visit) -> None:
    visit.write("bf16: true\nfp16: true\n")
    visit.page.get_by_role("tab", name="Forms").click()
    visit.settle()
    assert "mend it first" in visit.page.locator(".forms").inner_text()
    assert visit.page.locator(".form pre").count() == 0


def test_a_file_is_opened(visit: Visit, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('output_dir = "runs/b"\nseed = "x"\n')
    visit.page.locator("input[type=file]").set_input_files(file)
    visit.settle()
    assert visit.page.input_value("#format") == "toml" and codes(visit.page) == ["VAL101"]


def test_machine_and_processes_are_judged_for(visit: Visit) -> None:
    visit.write("bf16: true\n")
    assert codes(visit.page) == []
    visit.page.fill("#machine", "v100")
    visit.page.press("#machine", "Enter")
    visit.settle()
    assert codes(visit.page) == ["TGT101"]
    visit.page.fill("#machine", "zx81")
    visit.page.press("#machine", "Enter")
    visit.settle()
    assert codes(visit.page) == ["CLI103"]


def test_what_the_form_changes_is_written_into_the_document(visit: Visit) -> None:
    visit.write(TEXT)
    visit.page.get_by_role("tab", name="Settings").click()
    field = visit.page.locator("#panel").get_by_label("Run name").first
    field.fill("another")
    field.press("Tab")
    visit.settle()
    assert document(visit.page) == TEXT.replace("\"it's a 'run' # 7\"", "another")
