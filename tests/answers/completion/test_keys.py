"""Every key that there is is offered where it may be written, in every format, and not where it stands already."""

import json
from collections import defaultdict
from typing import Any

import pytest
from tests.answers.completion.documents import PREFIX, at, known_keys, labels, written

from trainspec import TrainingArguments
from trainspec.answers.schema import schema
from trainspec.settings.judging.resolution import argument_models
from trainspec.settings.values.shape import ARGUMENTS

FORMATS = {
    "yaml": "yaml",
    "flow": "yaml",
    "json": "json",
    "toml": "toml",
    "dotted": "toml",
    "inline": "toml",
    "env": "env",
}
MAPPINGS: dict[tuple[str, ...], list[str]] = defaultdict(list)
for known in known_keys():
    MAPPINGS[known[:-1]].append(known[-1])


def test_the_schema_tells_of_all_of_them() -> None:
    assert set(MAPPINGS[()]) == set(TrainingArguments.model_fields)
    assert sum(map(len, MAPPINGS.values())) > 400
    assert {len(path) for path in MAPPINGS} >= {0, 1, 2, 3}


@pytest.mark.parametrize("form", FORMATS)
def test_every_key_at_every_depth(form: str) -> None:
    for path, names in MAPPINGS.items():
        if not path and form in ("flow", "inline", "dotted"):
            continue
        offered = labels(at(written(path, form), FORMATS[form]))
        if form == "env":
            offered = [one.removesuffix("__") for one in offered]
        wanted = {PREFIX + "__".join((*path, name)).upper() if form == "env" else name for name in names}
        missing = wanted - set(offered)
        taken = {"seed"} if form == "toml" and not path else set()
        assert missing - taken == set(), path


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_follow_the_choice_of_what_they_are_for(name: str) -> None:
    chooser = ARGUMENTS[name][0]
    for choice, model in argument_models(name).items():
        found = at(f"{chooser}: {choice.value}\n{name}:\n  ¦")
        assert labels(found) == list(model.model_fields)
    assert labels(at(f"{name}: {{¦")) == labels(
        at(f"{chooser}: {TrainingArguments().__dict__[chooser].value}\n{name}:\n  ¦")
    )


THERE = [
    ("yaml", "seed: 1\nbf16: true\n¦", {"seed", "bf16"}, {"fp16"}),
    ("yaml", "¦\nseed: 1\n", {"seed"}, {"bf16"}),
    ("yaml", "evaluation_strategy: no\n¦", {"eval_strategy"}, {"seed"}),
    ("yaml", "fsdp_config:\n  fsdp_min_num_params: 1\n  ¦", {"min_num_params", "seed"}, {"use_orig_params"}),
    ("yaml", "fsdp_config:\n  ¦\n  min_num_params: 1\nseed: 1", {"min_num_params"}, {"use_orig_params"}),
    ("yaml", "se¦: 1\nbf16: true", {"bf16"}, {"seed"}),
    ("yaml", "seed¦: 1\nbf16: true", {"bf16"}, {"seed"}),
    ("yaml", "seed: 1\n---\n¦", set(), {"seed"}),
    ("yaml", "fsdp_config: {min_num_params: 1, ¦}", {"min_num_params"}, {"use_orig_params"}),
    ("json", '{"seed": 1, "¦', {"seed"}, {"bf16"}),
    ("json", '{"¦", "seed": 1}', {"seed"}, {"bf16"}),
    ("toml", "seed = 1\n¦", {"seed"}, {"bf16", "fsdp_config"}),
    ("toml", "fsdp_config.min_num_params = 1\nfsdp_config.¦", {"min_num_params"}, {"use_orig_params"}),
    ("toml", "fsdp_config.min_num_params = 1\n¦", set(), {"fsdp_config", "seed"}),
    ("toml", "¦\n[fsdp_config]\nmin_num_params = 1\n", {"fsdp_config"}, {"seed"}),
    ("toml", "[fsdp_config]\nmin_num_params = 1\n¦", {"min_num_params", "seed"}, {"use_orig_params"}),
    ("toml", "[¦", {"seed", "bf16"}, {"fsdp_config", "deepspeed"}),
    ("env", "TRAINSPEC_SEED=1\n¦", {"TRAINSPEC_SEED"}, {"TRAINSPEC_BF16"}),
    ("env", "export TRAINSPEC_¦", {"SEED"}, {"TRAINSPEC_SEED", "TRAINSPEC_DEEPSPEED__", "TRAINSPEC_DEEPSPEED"}),
    ("env", "TRAINSPEC_FSDP_CONFIG='{\"¦", {"seed"}, {"min_num_params"}),
]


@pytest.mark.parametrize("format, marked, never, always", THERE)
def test_what_is_there_is_not_offered(format: str, marked: str, never: set[str], always: set[str]) -> None:
    offered = set(labels(at(marked, format)))
    assert always <= offered and not never & offered


NOWHERE = [
    ("yaml", "bf16: true # se¦"),
    ("yaml", "# ¦"),
    ("yaml", "seed: 1\n  ¦"),
    ("yaml", "run_name: a\n  lo¦"),
    ("yaml", "fsdp_config:\n    min_num_params: 1\n  ¦"),
    ("yaml", "run_name: |\n  some ¦text\n"),
    ("yaml", "run_name: 'so\n  me¦'\n"),
    ("yaml", "seed: 1\n--- ¦"),
    ("yaml", "zz:\n  ¦"),
    ("json", "¦"),
    ("json", '{"seed": 1 ¦}'),
    ("json", '{"seed" ¦: 1}'),
    ("toml", "seed = 1 ¦"),
    ("toml", "# se¦"),
    ("toml", 'run_name = """\n¦\n"""'),
    ("env", "# ¦"),
    ("env", "HOME=¦"),
    ("env", "HOME=/root ¦"),
]


@pytest.mark.parametrize("format, marked", NOWHERE)
def test_nothing_fits(format: str, marked: str) -> None:
    assert labels(at(marked, format)) == []


WRITTEN = [
    ("yaml", "lear¦", "learning_rate", "learning_rate: "),
    ("yaml", "fsdp_c¦", "fsdp_config", "fsdp_config: "),
    ("yaml", "¦", "gradient_checkpointing_kwargs", "gradient_checkpointing_kwargs:\n  "),
    ("yaml", "deepspeed:\n  ¦", "optimizer", "optimizer:\n    "),
    ("yaml", '"lear¦": 1', "learning_rate", "learning_rate"),
    ("json", "{¦}", "seed", '"seed": '),
    ("json", '{"se¦"}', "seed", 'seed": '),
    ("json", '{"se¦": 1}', "seed", "seed"),
    ("toml", "¦", "seed", "seed = "),
    ("toml", "¦", "liger_kernel_config", "liger_kernel_config."),
    ("toml", "[fsdp¦", "fsdp_config", "fsdp_config]"),
    ("toml", "[[fsdp¦", "fsdp_config", "fsdp_config]]"),
    ("toml", "fsdp_config = { min¦", "min_num_params", "min_num_params = "),
    ("env", "¦", "TRAINSPEC_SEED", "TRAINSPEC_SEED="),
    ("env", "TRAINSPEC_SE¦=1", "TRAINSPEC_SEED", "TRAINSPEC_SEED"),
]


@pytest.mark.parametrize("format, marked, label, insert", WRITTEN)
def test_a_key_is_written_as_its_place_needs_it(format: str, marked: str, label: str, insert: str) -> None:
    assert [item.insert for item in at(marked, format).items if item.label == label] == [insert]


def test_what_stands_there_is_told() -> None:
    found = at("seed: 1\nlearning_¦rate: 3\n")
    assert found.at is not None and found.range == {
        "start": {"line": 1, "character": 0},
        "end": {"line": 1, "character": 13},
    }
    info = json.loads(schema("file", TrainingArguments, "7").text)["properties"]["learning_rate"]
    told = found.to_dict()["at"]
    assert (told["kind"], told["path"], told["name"]) == ("key", ["learning_rate"], "learning_rate")
    assert (told["title"], told["description"]) == (info["title"], info["description"])
    assert (told["type"], told["default"]) == ("a finite number >= 0", "5e-05")


@pytest.mark.parametrize(
    "format, marked, name",
    [
        ("yaml", "evaluation_str¦ategy: no", "eval_strategy"),
        ("yaml", "no_cuda: ¦true", "use_cpu"),
        ("yaml", "fsdp_config: {fsdp_min_¦num_params: 3}", "fsdp_config.min_num_params"),
        ("yaml", "deepspeed:\n  zero_optimization:\n    sta¦ge: 2", "deepspeed.zero_optimization.stage"),
        ("json", '{"deepspeed": {"zero_optimization": {"stage": ¦2}}}', "deepspeed.zero_optimization.stage"),
        ("toml", "deepspeed.zero_optimi¦zation.stage = 2", "deepspeed.zero_optimization"),
        ("toml", "[deepspeed.zero_optimization]\nstage¦ = 2", "deepspeed.zero_optimization.stage"),
        ("env", "TRAINSPEC_FSDP_CONFIG__MIN_NUM_¦PARAMS=3", "fsdp_config.min_num_params"),
        ("env", "trainspec_seed=¦3", "seed"),
    ],
)
def test_a_name_of_any_kind_is_known(format: str, marked: str, name: str) -> None:
    found = at(marked, format).at
    assert found is not None and found.name == name


@pytest.mark.parametrize("marked", ["zz¦: 1", "fsdp_config:\n  zz¦: 1", "seed:\n  de¦ep: 1", "task: {a¦: 1}"])
def test_of_an_unknown_name_nothing_is_told(marked: str) -> None:
    assert at(marked).at is None


def test_in_chinese() -> None:
    from trainspec.text.languages import words_of

    found: Any = at("optim: ¦", words=words_of("zh"))
    assert found.at.title == "优化器" and "AdamW" in found.items[0].description
    english = at("optim: ¦")
    assert labels(found) == labels(english) and found.items[0].description != english.items[0].description
