"""A document alone as settings: what it says, under today's names, with its places."""

import pytest
from tests.answers.conftest import document, settings_of

from trainspec.answers.documents import judged


def test_a_valid_document_has_settings_with_their_places() -> None:
    one = settings_of("seed: 3\nevaluation_strategy: steps\n")
    assert one.settings is not None
    assert (one.settings.seed, one.settings.eval_strategy) == (3, "steps")
    assert str(one.settings.provenance["seed"].source) == "run.yaml:1:1"
    assert one.layers[0].values == {"seed": 3, "eval_strategy": "steps"}
    assert [item.code for item in one.diagnostics] == ["REN101"]


FAULTS = {
    "a wrong value": ("seed: x\n", ["VAL101"]),
    "a broken rule": ("bf16: true\nfp16: true\n", ["PRE101"]),
    "an unknown key": ("sede: 1\n", ["SRC102"]),
    "a task that is no mapping": ("task: [1]\n", ["SRC108"]),
}


@pytest.mark.parametrize(("text", "codes"), FAULTS.values(), ids=FAULTS)
def test_one_that_is_not_valid_has_none(text: str, codes: list[str]) -> None:
    one = settings_of(text)
    assert (one.settings, [item.code for item in one.diagnostics]) == (None, codes)


def test_documents_lie_over_one_another_with_their_places() -> None:
    texts = {"a.yaml": "seed: 1\nbf16: true\ntask: {a: 1, b: {c: 2}}\n", "b.yaml": "seed: 2\ntask: {b: {d: 3}}\n"}
    one = judged(*(document(text, name) for name, text in texts.items()))
    assert one.settings is not None and (one.settings.seed, one.settings.bf16) == (2, True)
    assert [layer.values for layer in one.layers] == [{"seed": 1, "bf16": True}, {"seed": 2}]
    assert one.task == {"a": 1, "b": {"c": 2, "d": 3}}
    places = {name: str(one.source_in_task(("task", *name))) for name in (("a",), ("b", "c"), ("b", "d"), ("e",))}
    assert places == {
        ("a",): "a.yaml:3:8",
        ("b", "c"): "a.yaml:3:18",
        ("b", "d"): "b.yaml:2:12",
        ("e",): "b.yaml:2:1",
    }


def test_null_takes_a_task_away() -> None:
    over = judged(document("task: {a: 1}\n"), document("task: null\n", "b.yaml"))
    assert over.task is None
    again = judged(document("task: {a: 1}\n"), document("task:\n", "b.yaml"), document("task: {b: 2}\n", "c.yaml"))
    assert again.task == {"b": 2}


def test_unknown_keys_are_passed_over_where_asked() -> None:
    one = judged(document("seed: 1\nmodel: big\n"), ignore_unknown=True)
    assert one.settings is not None and one.settings.seed == 1
    assert (one.diagnostics, one.layers[0].ignored) == ([], ("model",))
