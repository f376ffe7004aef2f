"""One tuple says which source is stronger, and everything that has layers goes by it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from pydantic import BaseModel

from trainspec import SettingsParser, TrainingArguments, load
from trainspec.cli.loading import load_settings, settings_vocabulary, task_vocabulary
from trainspec.cli.options import Command
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.judging.models import judge_sources
from trainspec.settings.judging.ways_in import from_layers
from trainspec.settings.sources import layer
from trainspec.settings.sources.layer import PRECEDENCE, Layer, by_strength, sources_in_words
from trainspec.settings.sources.process import process_layers
from trainspec.settings.values.shape import shape_of

# A seed of its own for each source.
SEEDS = {kind: 100 + number for number, kind in enumerate(PRECEDENCE)}
ORDERS = {"as it is": PRECEDENCE, "turned round": PRECEDENCE[::-1], "shifted": (*PRECEDENCE[4:], *PRECEDENCE[:4])}

Write = Callable[[str, str], str]


class TaskSettings(BaseModel):
    seed: int = 0


@dataclasses.dataclass
class Script:
    seed: int = 0


@pytest.fixture(params=ORDERS.values(), ids=ORDERS)
def order(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SourceKind, ...]]:
    monkeypatch.setattr(layer, "PRECEDENCE", request.param)
    return request.param


def strongest(order: tuple[SourceKind, ...], *kinds: SourceKind) -> SourceKind:
    return max(kinds, key=order.index)


@pytest.fixture
def process(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> dict[SourceKind, int]:
    """A process of which every source gives a seed, and the task's too."""
    seeds = {kind: SEEDS[kind] for kind in PRECEDENCE}
    seed = seeds[SourceKind.FILE]
    monkeypatch.setenv("TRAINSPEC_CONFIG", write("run.yaml", f"seed: {seed}\ntask: {{seed: {seed}}}\n"))
    write("secrets/seed", str(seeds[SourceKind.SECRET]))
    monkeypatch.setenv("TRAINSPEC_SECRETS_DIR", str(tmp_path / "secrets"))
    seed = seeds[SourceKind.DOTENV]
    env_file = write("run.env", f"TRAINSPEC_SEED={seed}\nTRAINSPEC_TASK__SEED={seed}\n")
    monkeypatch.setenv("TRAINSPEC_ENV_FILE", env_file)
    # What a secret manager would say that is asked in any case.
    managers = a_layer(SourceKind.FOREIGN, seeds[SourceKind.FOREIGN])
    monkeypatch.setattr("trainspec.settings.sources.process._read_secret_managers", lambda *_: (managers, []))
    monkeypatch.setenv("TRAINSPEC_SECRETS_FROM", "aws-sm://train")
    monkeypatch.setenv("TRAINSPEC_SEED", str(seeds[SourceKind.ENVIRONMENT]))
    monkeypatch.setenv("TRAINSPEC_TASK__SEED", str(seeds[SourceKind.ENVIRONMENT]))
    return seeds


IN_PROCESS = (SourceKind.FILE, SourceKind.FOREIGN, SourceKind.SECRET, SourceKind.DOTENV, SourceKind.ENVIRONMENT)


class TestOrder:
    def test_of_the_process(self, order: Any, process: Any) -> None:
        layers, _ = process_layers(TrainingArguments)
        assert [one.kind for one in by_strength(layers)] == sorted(IN_PROCESS, key=order.index)

    def test_of_the_constructor(self, order: Any, process: Any) -> None:
        expected = strongest(order, *IN_PROCESS, SourceKind.CONSTRUCTOR)
        args = TrainingArguments("out", seed=SEEDS[SourceKind.CONSTRUCTOR])
        assert args.seed == SEEDS[expected]
        assert args.provenance["seed"].source.kind is expected
        overrode = [item.source.kind for item in args.provenance["seed"].overrode]
        kinds = sorted((*IN_PROCESS, SourceKind.CONSTRUCTOR), key=order.index, reverse=True)
        assert overrode == kinds[1:]

    def test_of_load(self, order: Any, process: Any) -> None:
        kinds = (*IN_PROCESS, SourceKind.FLAG, SourceKind.CONSTRUCTOR)
        args = load(argv=[f"--seed={SEEDS[SourceKind.FLAG]}"], seed=SEEDS[SourceKind.CONSTRUCTOR])
        assert args.seed == SEEDS[strongest(order, *kinds)]

    def test_of_the_parser(self, order: Any, process: Any) -> None:
        (args,) = SettingsParser(TrainingArguments).parse_args([f"--seed={SEEDS[SourceKind.FLAG]}"])
        assert args.seed == SEEDS[strongest(order, *IN_PROCESS, SourceKind.FLAG)]

    def test_of_the_commands(self, order: Any, process: Any) -> None:
        shape, flag = shape_of(TaskSettings), SEEDS[SourceKind.FLAG]
        command = Command("test", "", "", takes_settings=True)
        given = command.parse([f"--seed={flag}", f"--task.seed={flag}"], settings_vocabulary(), task_vocabulary(shape))
        loaded = load_settings(given, (), shape)
        assert loaded.settings is not None and loaded.diagnostics == []
        assert loaded.settings.seed == SEEDS[strongest(order, *IN_PROCESS, SourceKind.FLAG)]
        # No secret of a task lies in the directory of secrets.
        of_task = (SourceKind.FILE, SourceKind.DOTENV, SourceKind.ENVIRONMENT, SourceKind.FLAG)
        assert loaded.task.seed == SEEDS[strongest(order, *of_task)]

    def test_of_where_settings_are_found(self, order: Any, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        named = {kind: write(f"{kind.name}.yaml", f"seed: {SEEDS[kind]}\n") for kind in PRECEDENCE}
        env_file = write("run.env", f"TRAINSPEC_CONFIG={named[SourceKind.DOTENV]}\n")
        monkeypatch.setenv("TRAINSPEC_ENV_FILE", env_file)
        monkeypatch.setenv("TRAINSPEC_CONFIG", named[SourceKind.ENVIRONMENT])
        expected = strongest(order, SourceKind.DOTENV, SourceKind.ENVIRONMENT, SourceKind.CONSTRUCTOR)
        assert load(config=named[SourceKind.CONSTRUCTOR]).seed == SEEDS[expected]

    @pytest.mark.parametrize("model", [TrainingArguments, TaskSettings, Script], ids=lambda model: model.__name__)
    def test_of_layers_in_any_sequence(self, order: Any, model: Any) -> None:
        layers = [a_layer(kind, SEEDS[kind]) for kind in PRECEDENCE[1:]]
        for sequence in (layers, layers[::-1], [*layers[3:], *layers[:3]]):
            verdict = judge_sources(shape_of(model), sequence, [])
            assert verdict.settings.seed == SEEDS[strongest(order, *PRECEDENCE[1:])]

    def test_of_the_words_of_help(self, order: Any) -> None:
        places = [sources_in_words().index(word) for word in layer._IN_WORDS.values()]
        kinds = [kind for _, kind in sorted(zip(places, layer._IN_WORDS, strict=True))]
        assert kinds == sorted(layer._IN_WORDS, key=order.index, reverse=True)


def a_layer(kind: SourceKind, seed: int) -> Layer:
    return Layer(kind, {"seed": seed}, lambda path: Source(kind))


def test_layers_of_one_kind_keep_their_sequence() -> None:
    one, other, weaker = (a_layer(SourceKind.FLAG, 1), a_layer(SourceKind.FLAG, 2), a_layer(SourceKind.FILE, 3))
    assert by_strength([one, other, weaker]) == (weaker, one, other)
    assert by_strength([other, weaker, one]) == (weaker, other, one)
    assert from_layers(TrainingArguments, [other, weaker, one], []).settings.seed == 1


def test_a_change_is_over_every_source_and_a_later_one_over_it() -> None:
    args = TrainingArguments("out", seed=1)
    args.seed = 2
    changed = args.replace(seed=3)
    assert [item.value for item in changed.provenance["seed"].overrode] == ["2", "1"]
    assert changed.provenance["seed"].source.kind is SourceKind.CONSTRUCTOR
    assert args.provenance["seed"].source.kind is SourceKind.ASSIGNMENT


def test_what_load_says_of_the_order_is_so() -> None:
    words = {
        "arguments": SourceKind.CONSTRUCTOR,
        "`argv`": SourceKind.FLAG,
        "environment": SourceKind.ENVIRONMENT,
        "dotenv": SourceKind.DOTENV,
        "secret files": SourceKind.SECRET,
        "secret managers": SourceKind.FOREIGN,
        "config files": SourceKind.FILE,
    }
    said = (load.__doc__ or "").partition("every source: ")[2].partition(".")[0].split(" > ")
    ranks = [PRECEDENCE.index(words[word]) for word in said]
    assert len(said) == len(words) and all(one > other for one, other in pairwise(ranks))
