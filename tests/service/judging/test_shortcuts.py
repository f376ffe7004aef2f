"""What is done in a shorter way says the same as the longer one, whatever is sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trainspec import TrainingArguments
from trainspec.service.refusals import answer, answer_without_floats
from trainspec.service.work.deadlines import within
from trainspec.settings.sources.files import Document, document_layer
from trainspec.settings.values.shape import Shape

TEXT = st.text(st.characters(exclude_categories=[]))
VALUE = st.recursive(
    TEXT | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXT, VALUE, max_size=4))
@example({"a": '\x00\x1f\x7f\x85\u2028\U0001f600"\\/\b\f\n\r\t'})
@example({"a": ["\ud800", {}], "b": [], "c": 10**30})
def test_answers_are_the_same_bytes(data: dict[str, Any]) -> None:
    assert answer_without_floats(data, 200, ()).body == answer(data).body


SCALARS: Any = st.sampled_from(
    [0, -1, 1, True, False, 0.0, 0.1, 0.5, 2.0, "", " x", "x ", "x", "no", "1", None, "detail"]
)
NAMES = st.sampled_from([*TrainingArguments.model_fields, "evaluation_strategy", "$schema", "zz", "push_to_hub_token"])


@given(st.dictionaries(NAMES, SCALARS, max_size=6))
@example({"warmup_steps": 0.5, "save_total_limit": 0})
@example({"save_total_limit": False, "push_to_hub_organization": "x", "hub_model_id": "a/b"})
@example({"output_dir": "", "optim": "adamw_hf", "report_to": "azure-ml"})
def test_documents_are_read_alike(values: dict[str, Any]) -> None:
    def read() -> Any:
        layer, found = document_layer(TrainingArguments, Document("run.json", dict(values), "{}", "json"))
        return [(name, value, type(value)) for name, value in layer.values.items()], layer.spelled, found

    short = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shape, "stands", lambda self, document: False)
        assert read() == short


def test_a_deadline_holds_for_what_waits_alone() -> None:
    async def both() -> None:
        told: list[str] = []

        async def at_once() -> int:
            return 7

        async def wrong() -> int:
            raise KeyError("a")

        async def twice() -> int:
            await asyncio.sleep(0)
            await asyncio.sleep(0.01)
            return 8

        async def forever() -> int:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                told.append("cancelled")
                raise
            return 9

        async def caught() -> int:
            event = asyncio.Event()
            asyncio.get_running_loop().call_later(0.01, event.set)
            await event.wait()
            raise ValueError("b")

        assert (await within(0.001, at_once()), await within(5, twice())) == (7, 8)
        for coroutine, error in ((wrong(), KeyError), (caught(), ValueError), (forever(), TimeoutError)):
            with pytest.raises(error):
                await within(0.2, coroutine)
        task = asyncio.ensure_future(within(5, forever()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert told == ["cancelled"] * 2

    asyncio.run(both())
