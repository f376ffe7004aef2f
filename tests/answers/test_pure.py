"""Answers are functions of what they are given: no environment, no printing, no network, no files, no secret told."""

import ast
import builtins
import io
import json
import os
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import pytest
from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from tests.answers.conftest import CANARY, OLD_SECRETS, SECRETS, UNKNOWN, Answer, document, settings_of

from trainspec import TrainingArguments
from trainspec.answers import (
    app,
    diff,
    explain,
    export,
    faults,
    init,
    judgement,
    migrate,
    near_misses,
    plan,
    rule,
    schema,
    sharing,
    show,
)
from trainspec.migration.documents import found_in_file
from trainspec.settings.sources.task_section import judge_task, read_task
from trainspec.settings.values.shape import shape_of

FOLDER = Path(__file__).parents[2] / "src" / "trainspec" / "answers"
MODULES = sorted(FOLDER.glob("*.py"))


class Forbidden:
    """Stands where an answer has no business: any use of it fails."""

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def _fail(self, *_: Any, **__: Any) -> NoReturn:
        raise AssertionError(f"an answer used {object.__getattribute__(self, '_name')}")

    __getattribute__ = __getattr__ = __setattr__ = __getitem__ = __setitem__ = __contains__ = _fail
    __iter__ = __len__ = __bool__ = __call__ = __eq__ = __or__ = __ror__ = _fail
    __hash__ = None  # type: ignore[assignment]


@contextmanager
def nothing_around() -> Iterator[None]:
    """Neither an environment, nor a terminal, nor a network, nor files."""
    places: list[tuple[Any, str]] = [
        *((os, name) for name in ("environ", "getenv", "getcwd", "open")),
        *((sys, name) for name in ("stdin", "stdout", "stderr", "argv")),
        *((socket.socket, name) for name in ("connect", "connect_ex")),
        *((builtins, name) for name in ("print", "open")),
        (io, "open"),
    ]
    with ExitStack() as stack:
        for owner, name in places:
            stack.enter_context(patch.object(owner, name, Forbidden(name)))
        yield


class TaskSettings(BaseModel):
    """A task's own settings."""

    width: int = 1
    api: SecretStr | None = None


class Service(BaseSettings):
    """An app with settings inside."""

    model_config = SettingsConfigDict(env_prefix="SERVICE_", env_nested_delimiter="__")

    api: SecretStr | None = None
    train: TrainingArguments = Field(default_factory=TrainingArguments)
    jobs: list[TrainingArguments] = []


TASK = f"task: {{width: 3, api: {CANARY}}}\n"
BAD_TASK = f"task: {{widht: {CANARY}, api: [{CANARY}]}}\n"
VALID = f"{SECRETS}logging_steps: 7\neval_strategy: steps\n"
OLD = f"{OLD_SECRETS}evaluation_strategy: steps\n"
INVALID = f"{SECRETS}{UNKNOWN}seed: x\n"
TEXTS = (VALID, VALID + TASK, VALID + BAD_TASK, OLD, INVALID, f"a: [{CANARY}", f"- {CANARY}", "seed: 1\n---\nseed: x\n")


def all_explained() -> Iterator[Answer]:
    yield from explain.overview()
    for facts in explain.explain_all():
        yield facts
        yield from (explain.explain(f"{facts.name}.{key}") for key in facts.keys)


def compared() -> Iterator[Answer]:
    sides = [settings_of(text) for text in (VALID, VALID.replace(CANARY, f"{CANARY}2"), INVALID, OLD)]
    yield from (diff.compare(one, other) for one in sides for other in sides)


def planned() -> Iterator[Answer]:
    settings = settings_of(VALID).settings
    for rows, world_size in ((None, 1), (0, 1), (1000, 1), (10, 4)):
        yield plan.plan(settings, rows=rows, eval_rows=rows, world_size=world_size)


def judged() -> Iterator[Answer]:
    judges = (
        judgement.Judge(TrainingArguments),
        judgement.Judge(TrainingArguments, target="v100", world_size=4, ignore_unknown=True),
        judgement.Judge(TrainingArguments, task=shape_of(TaskSettings)),
    )
    for judge in judges:
        for text in TEXTS:
            reports = list(judge.text(text, "yaml", "run.yaml"))
            yield from reports
            yield judgement.Judgement(reports, strict=True)


def judged_in_an_app() -> Iterator[Answer]:
    judges = (app.AppJudge(Service), app.AppJudge(Service, target="v100", world_size=4, ignore_unknown=True))
    texts = [f"api: {CANARY}\ntrain: {{seed: x, hub_token: [{CANARY}]}}\n", f"apy: {CANARY}\n", f"api: [{CANARY}]\n"]
    texts += [f"jobs:\n- {text.replace(chr(10), chr(10) + '  ')}\n" for text in (VALID, OLD, INVALID)]
    # pydantic-settings looks in the environment for whether it is to log, and for nothing else.
    with patch("pydantic_settings.main._settings_debug_enabled", lambda: False):
        for judge in judges:
            for text in texts:
                yield from judge.text(text, "yaml", "run.yaml")


def shown() -> Iterator[Answer]:
    shape = shape_of(TaskSettings)
    for text in (VALID + TASK, OLD, INVALID):
        one = settings_of(text)
        layers, found = read_task(shape, one.documents, [])
        task = show.task_entries(shape, judge_task(shape, layers, found).settings, layers)
        yield show.Shown(one.settings, one.diagnostics, one.layers[0].ignored, task)


def exported() -> Iterator[Answer]:
    for form in export.FORMATS:
        yield from (export.export(settings_of(text), form, {}) for text in (VALID, OLD, INVALID))


def migrated() -> Iterator[Answer]:
    for text in (VALID, OLD, INVALID, f"{OLD}eval_strategy: no\n"):
        yield migrate.migrate(text, "yaml", "run.yaml")
    yield migrate.migrate(f"a: &x {{{OLD_SECRETS.strip()}}}\nb: {{<<: *x}}\n", "yaml", "run.yaml", at="b")
    # What stands inside a section is brought along as it is, known or not.
    for text in (VALID, OLD, INVALID.replace("accelerator_config", "accelerator_configs")):
        yield from migrate.convert([found_in_file(document(text))], "yaml", "run.yaml")


def shared() -> Iterator[Answer]:
    for text in (VALID, OLD, INVALID):
        yield sharing.shareable(text, "yaml", "run.yaml")
    yield sharing.shareable(f"TRAINSPEC_SEED=7\nTRAINSPEC_HUB_TOKEN={CANARY}\nOTHER={CANARY}\n", "env", "run.env")


def described() -> Iterator[Answer]:
    for what in ("file", "env", "diagnostics"):
        yield from (schema.schema(what, TrainingArguments, draft) for draft in ("7", "2020-12"))
    # That of files is pydantic's own, which asks the environment for plugins of pydantic.
    yield schema.app_schema("env", Service)


def refused() -> Iterator[Answer]:
    asks: tuple[Callable[[], Any], ...] = (
        lambda: explain.explain("nope"),
        lambda: explain.explain("fsdp_config.zz"),
        lambda: rule.meaning_of("NOPE", rule.meanings()),
        lambda: judgement.known_target("h1000"),
        lambda: list(migrate.convert([], "yaml", "x")) or export.written({"run_name": "null"}, "cli", {}),
    )
    for ask in asks:
        with pytest.raises(faults.NoAnswer) as caught:
            ask()
        yield from caught.value.diagnostics


ANSWERS: dict[str, Callable[[], Iterable[Answer]]] = {
    "explain": all_explained,
    "rule": lambda: rule.meanings().values(),
    "diff": compared,
    "plan": planned,
    "judgement": judged,
    "app": judged_in_an_app,
    "near_misses": lambda: near_misses.near_misses(Service, ["SERVICE_TRIAN__SEED", "SERVICE_APY", "SERVICE_API"]),
    "show": shown,
    "export": exported,
    "migrate": migrated,
    "sharing": shared,
    "schema": described,
    "init": lambda: [init.beginning(), init.template(TrainingArguments), init.template(Service)],
    "faults": refused,
}


@pytest.mark.fully_installed
@pytest.mark.parametrize("answers", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_looks_at_nothing_but_what_it_is_given(
    answers: Callable[[], Iterable[Answer]], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # The first time, modules are imported and pydantic looks for its plugins; whatever else is read would tell here.
    for name in ("CONFIG", "ENV_FILE", "SECRETS_DIR", "SECRETS_FROM", "SEED", "TASK__WIDTH", "NOPE"):
        monkeypatch.setenv(f"TRAINSPEC_{name}", "nowhere")
    found = [answer.to_dict() for answer in answers()]
    assert capfd.readouterr() == ("", "")
    with nothing_around():
        assert [answer.to_dict() for answer in answers()] == found
    assert found
    texts = [json.dumps(item, allow_nan=False) for item in found]
    assert not [text for text in texts if CANARY in text]


def test_every_module_is_asked() -> None:
    assert {path.stem for path in MODULES} - {"__init__", "documents"} == set(ANSWERS)


USES: dict[str, Callable[[], Any]] = {
    "a variable": lambda: os.environ.get("HOME"),
    "all variables": lambda: dict(os.environ),
    "stdout": lambda: sys.stdout.write("x"),
    "a file": lambda: FOLDER.joinpath("init.py").read_text(),
    "the network": lambda: socket.socket().connect(("127.0.0.1", 9)),
    "print": lambda: print("x"),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_the_guard_notices(use: Callable[[], Any]) -> None:
    with pytest.raises(AssertionError, match="an answer used"), nothing_around():
        use()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_module_prints_or_knows_of_the_process(path: Path) -> None:
    text = path.read_text()
    assert not [word for word in ("print(", "os.environ", "sys.std", "argv", "\x1b") if word in text]
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
        + ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
    }
    assert not imported & {"os", "sys", "io", "pathlib", "socket", "subprocess", "logging", "warnings"}
