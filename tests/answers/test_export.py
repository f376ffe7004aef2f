"""A document in another form, or why it has none; never with a secret."""

import pytest
from tests.answers.conftest import CANARY, SECRETS, as_json, settings_of

from trainspec.answers.export import FORMATS, READ_BACK, export, written
from trainspec.answers.faults import NoAnswer

TEXT = "learning_rate: 3e-4\nrun_name: a b\ntask: {width: 2}\n"
FORMS = {
    "env": "TRAINSPEC_RUN_NAME='a b'\nTRAINSPEC_LEARNING_RATE=0.0003\nTRAINSPEC_TASK='{\"width\": 2}'\n",
    "cli": "'--run_name=a b' --learning_rate=0.0003 --task.width=2\n",
    "yaml": "run_name: a b\nlearning_rate: 0.0003\ntask:\n  width: 2\n",
    "toml": 'run_name = "a b"\nlearning_rate = 0.0003\n\n[task]\nwidth = 2\n',
}


@pytest.mark.parametrize(("form", "text"), FORMS.items(), ids=FORMS)
def test_a_form(form: str, text: str) -> None:
    found = export(settings_of(TEXT), form, {})
    assert (found.text, found.secrets, found.diagnostics, found.refusal) == (text, (), (), None)


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_says_something_and_names_the_secrets_left_out(form: str) -> None:
    answer = as_json(export(settings_of(TEXT + SECRETS), form, {}))
    assert answer["text"] and answer["secrets"] == ["hub_token"]
    assert answer["diagnostics"] == []


IN_TASK = f"""seed: 1
task:
  width: 2
  api_key: {CANARY}
  shown: null
  password: null
  stores: [{{name: a, secret: {CANARY}}}]
"""


@pytest.mark.parametrize("form", sorted(READ_BACK))
def test_what_the_task_calls_a_secret_is_left_out_and_named(form: str) -> None:
    found = export(settings_of(IN_TASK.replace("  shown: null\n  password: null\n", "")), form, {})
    assert found.text is not None and "width" in found.text and CANARY not in found.text
    assert found.secrets == ("task.api_key", "task.stores.secret")


def test_a_null_is_no_secret() -> None:
    found = export(settings_of(IN_TASK), "yaml", {})
    assert "password: null" in (found.text or "")


def test_an_orchestrator_is_told_of_the_secrets_of_the_task() -> None:
    found = export(settings_of(f"task: {{width: 2, api_key: {CANARY}}}\n"), "k8s", {})
    assert "TRAINSPEC_TASK__API_KEY_FILE" in (found.text or "") and CANARY not in (found.text or "")
    assert found.secrets == ("task.api_key",)


def test_options_are_those_of_the_form() -> None:
    assert "name: mine" in (export(settings_of(TEXT), "k8s", {"name": "mine"}).text or "")


def test_warnings_stand_beside_the_text() -> None:
    found = export(settings_of("no_cuda: true\n"), "cli", {})
    assert (found.text, [item.code for item in found.diagnostics]) == ("--use_cpu\n", ["REN101"])


def test_a_document_that_is_not_valid_has_no_form() -> None:
    found = export(settings_of(f"seed: x\n{SECRETS}"), "yaml", {})
    assert (found.text, found.secrets, found.refusal) == (None, (), None)
    assert [item.code for item in found.diagnostics] == ["VAL101"]


# Document, form, options -> why not.
REFUSED: dict[str, tuple[str, str, dict[str, str], str, str]] = {
    "read back as another": ('run_name: "null"\n', "cli", {}, "CLI111", "cli would not give back run_name as they are"),
    "no way to say it": ("task: {a: null}\n", "toml", {}, "CLI111", "toml cannot say task.a"),
    "an option of the form": ("seed: 1\n", "k8s", {"gpus": "x"}, "CLI123", "--gpus takes a whole number"),
    "an option of another form": ("seed: 1\n", "env", {"nproc": "2"}, "CLI125", "--nproc says nothing to env"),
}


@pytest.mark.parametrize(("text", "form", "options", "code", "message"), REFUSED.values(), ids=REFUSED)
def test_what_a_form_cannot_say_is_refused(
    text: str, form: str, options: dict[str, str], code: str, message: str
) -> None:
    found = export(settings_of(f"{text}no_cuda: true\n"), form, options)
    assert found.text is None and found.refusal is not None
    assert found.refusal.message.startswith(message)
    told = [item["code"] for item in as_json(found)["diagnostics"] if item["code"] != "VAL202"]
    assert told == ["REN101", code]


def test_a_plain_document_is_refused_by_an_error() -> None:
    with pytest.raises(NoAnswer, match="cli would not give back run_name"):
        written({"run_name": "null"}, "cli", {})
