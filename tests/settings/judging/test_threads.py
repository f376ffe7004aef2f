"""The first use of a class gives every verdict right, however many threads are the first."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import BaseModel

from trainspec import Settings, TrainingArguments
from trainspec.settings.rules.conditions import Equals
from trainspec.settings.rules.rule import Rule
from trainspec.settings.sections.section import Section
from trainspec.settings.values.shape import shape_of

THREADS = 8
CLASSES = 60
FIELDS = tuple(f"field_{number}" for number in range(8))


@pytest.fixture(autouse=True)
def threads_that_switch_all_the_time() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


def a_rule(number: int) -> Rule:
    return Rule(
        code=f"ACME{number:03}",
        name="not-one",
        message="it is one",
        reason="a test",
        fix="take another",
        when=Equals(FIELDS[number], 1),
    )


def a_class(**more: Any) -> type[Settings]:
    body = {"__annotations__": dict.fromkeys(FIELDS, int), **dict.fromkeys(FIELDS, 0), "__module__": __name__}
    rules = tuple(a_rule(number) for number in range(len(FIELDS)))
    return type(Settings)("Fresh", (Settings,), {**body, "own_rules": rules}, **more)


def at_once(jobs: list[Callable[[], Any]]) -> list[Any]:
    """What the jobs return, each on a thread of its own, all let go together."""
    barrier = threading.Barrier(len(jobs))

    def go(job: Callable[[], Any]) -> Any:
        barrier.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(go, jobs))


def codes_of(cls: type[Settings], document: dict[str, Any]) -> list[str]:
    return [item.code for item in cls.check(document).diagnostics]


@pytest.mark.parametrize("more", [{}, {"defer_build": True}], ids=["built when made", "built at first use"])
def test_every_rule_is_judged_by_every_thread(more: dict[str, Any]) -> None:
    document = dict.fromkeys(FIELDS, 1)
    expected = [f"ACME{number:03}" for number in range(len(FIELDS))]
    wrong = 0
    for _ in range(CLASSES):
        cls = a_class(**more)
        wrong += sum(codes != expected for codes in at_once([lambda cls=cls: codes_of(cls, document)] * THREADS))
    assert wrong == 0


def test_every_thread_sees_the_rule_that_its_own_document_breaks() -> None:
    wrong = []
    for _ in range(CLASSES):
        cls = a_class()
        # Every two of the threads meet in one rule, and each has two of its own.
        documents = [{FIELDS[number]: 1, FIELDS[number // 2]: 1} for number in range(THREADS)]
        found = at_once([lambda cls=cls, one=one: codes_of(cls, one) for one in documents])
        for one, codes in zip(documents, found, strict=True):
            wrong += [codes] if codes != sorted(f"ACME{FIELDS.index(name):03}" for name in one) else []
    assert wrong == []


def test_the_rules_of_training_arguments_are_judged_by_every_thread() -> None:
    documents = {
        "PRE101": {"fp16": True, "bf16": True},
        "SCH102": {"max_steps": 10, "save_steps": 0.5, "warmup_steps": 20},
        "DAT102": {"group_by_length": True, "dataloader_persistent_workers": True},
        "CKP101": {"load_best_model_at_end": True, "save_strategy": "steps", "eval_strategy": "epoch"},
    }
    expected = {name: codes_of(TrainingArguments, one) for name, one in documents.items()}
    assert all(name in codes for name, codes in expected.items())
    for _ in range(4):

        class Fresh(TrainingArguments):
            pass

        jobs = list(documents.items()) * 3
        found = at_once([lambda one=one, cls=Fresh: codes_of(cls, one) for _, one in jobs])
        assert found == [expected[name] for name, _ in jobs]


def test_a_class_has_one_shape_whoever_asks_first() -> None:
    for _ in range(CLASSES):
        cls = a_class()
        first, *others = at_once([lambda cls=cls: shape_of(cls)] * THREADS)
        assert all(other is first for other in others)


@pytest.mark.parametrize("base", [Settings, Section], ids=lambda base: base.__name__)
def test_a_deferred_class_is_built_by_one_thread(base: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most, original = 0, 0, BaseModel.model_rebuild.__func__  # type: ignore[attr-defined]

    def counted(cls: type[BaseModel], **options: Any) -> Any:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        threading.Event().wait(0.005)
        inside -= 1
        return original(cls, **options)

    monkeypatch.setattr(BaseModel, "model_rebuild", classmethod(counted))
    body = {"__annotations__": {"width": int}, "width": 1, "__module__": __name__}
    cls = type(base)("Deferred", (base,), body, defer_build=True)
    found = at_once([lambda: cls.model_validate({"width": 2}).width] * THREADS)
    assert found == [2] * THREADS
    assert most == 1
