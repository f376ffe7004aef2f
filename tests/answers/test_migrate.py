"""Old names as today's in a text, and any source in another form."""

import pytest
from tests.answers.conftest import as_json, document

from trainspec.answers.faults import NoAnswer
from trainspec.answers.migrate import convert, migrate
from trainspec.migration.documents import Found, found_in_file
from trainspec.settings.diagnostics import SourceError

# Text before -> after, what is told, whether nothing is left to do.
TEXTS: dict[str, tuple[str, str, list[str], bool]] = {
    "an old name": (
        "# why\nevaluation_strategy: steps  # so\n",
        "# why\neval_strategy: steps  # so\n",
        ["run.yaml:2:1: evaluation_strategy is eval_strategy"],
        True,
    ),
    "nothing old": ("seed: 1\n", "seed: 1\n", [], True),
    "a mark of the encoding stays": (
        "\ufeffevaluation_strategy: steps\n",
        "\ufeffeval_strategy: steps\n",
        ["run.yaml:1:1: evaluation_strategy is eval_strategy"],
        True,
    ),
    "a name that is gone is left": ("mp_parameters: a\n", "mp_parameters: a\n", [], False),
}


@pytest.mark.parametrize(("before", "after", "changes", "ok"), TEXTS.values(), ids=TEXTS)
def test_a_text(before: str, after: str, changes: list[str], ok: bool) -> None:
    done = migrate(before, "yaml", "run.yaml")
    assert (done.before, done.after, done.changed, done.refused) == (before, after, before != after, False)
    answer = as_json(done)
    assert (answer["changes"], answer["ok"], bool(answer["diagnostics"])) == (changes, ok, not ok)


def test_names_that_contradict_each_other_are_refused_together() -> None:
    text = "evaluation_strategy: steps\neval_strategy: epoch\nno_cuda: true\n"
    done = migrate(text, "yaml", "run.yaml")
    assert (done.refused, done.after, done.changes, done.ok) == (True, text, (), False)
    assert [item.code for item in done.left] == ["REN103"]


def test_what_cannot_be_edited_is_for_a_hand() -> None:
    done = migrate("a: &x\n  evaluation_strategy: steps\ntrain:\n  <<: *x\n", "yaml", "run.yaml", at="train")
    (stuck,) = done.stuck
    assert (stuck.code, done.changed, done.ok) == ("CLI109", False, False)
    assert "evaluation_strategy cannot be rewritten" in stuck.message and stuck.remedy.startswith("by hand: ")
    assert [item["code"] for item in as_json(done)["diagnostics"]] == ["CLI109"]


def test_what_the_task_calls_a_secret_is_left_out_and_named() -> None:
    found = found_in_file(document("seed: 1\ntask: {width: 2, api_key: cnry}\n"))
    (done,) = convert([found], "yaml", "run.yaml")
    assert (done.secrets, done.text) == (("task.api_key",), "seed: 1\ntask:\n  width: 2\n")


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_difference_is_of_the_lines(mark: str) -> None:
    done = migrate(f"{mark}seed: 1\nno_cuda: true\n", "yaml", "run.yaml")
    assert list(done.difference("run.yaml")) == [
        "--- a/run.yaml\n",
        "+++ b/run.yaml\n",
        "@@ -1,2 +1,2 @@\n",
        " seed: 1\n",
        "-no_cuda: true\n",
        "+use_cpu: true\n",
    ]


def test_what_does_not_parse_is_said_as_such() -> None:
    with pytest.raises(SourceError) as caught:
        migrate("a: [", "yaml", "run.yaml")
    assert [item.code for item in caught.value.diagnostics] == ["SRC107"]


def test_settings_in_a_form() -> None:
    found = found_in_file(document("no_cuda: true\nhub_token: x\nmodel: big\nlearning_rate: x\n"))
    (done,) = convert([found], "json", "run.yaml")
    assert done.text == '{\n  "learning_rate": "x",\n  "use_cpu": true\n}\n'
    assert (done.others, done.secrets, done.left, done.refusal) == (("model",), ("hub_token",), (), None)


def test_several_sets_are_a_stream_of_yaml() -> None:
    sets = [Found({"seed": 1}), Found({"seed": 2})]
    assert "".join(done.text or "" for done in convert(sets, "yaml", "run.py")) == "seed: 1\n---\nseed: 2\n"
    with pytest.raises(NoAnswer, match=r"run\.py holds 2 sets of settings, which only yaml can say"):
        list(convert(sets, "json", "run.py"))


def test_a_form_that_cannot_say_one_refuses_that_one() -> None:
    (done,) = convert([Found({"run_name": ""}, others=["model"])], "env", "run.yaml")
    assert (done.text, done.others) == (None, ("model",))
    assert [item["code"] for item in as_json(done)["diagnostics"]] == ["CLI111"]
