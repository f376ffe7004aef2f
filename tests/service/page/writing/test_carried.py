"""Another form of a document has its comments, order and blank lines, and says exactly what the service wrote."""

from __future__ import annotations

import json
import random
import subprocess
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.service.page.conftest import SOURCE

from trainspec.answers.documents import judged_variables
from trainspec.settings.sources.files import parse_documents

FORMATS = ("yaml", "toml", "env", "json")


def asked(url: str, path: str, body: str, **about: str) -> dict[str, Any]:
    request = urllib.request.Request(f"{url}/{path}?{urlencode(about)}", data=body.encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def carried(url: str, *wanted: tuple[str, str, str]) -> list[dict[str, Any]]:
    """What the page makes of texts, each with its format and the one wanted; with what the service wrote."""
    if not (SOURCE / "node_modules/esbuild").exists():
        pytest.skip("make page installs what this test drives")
    given = []
    for text, format, to in wanted:
        written = asked(url, "convert", text, input=format, to=to)
        assert written["text"] is not None, (text, written["diagnostics"])
        said = asked(url, "show", text, input=format)["said"]
        lines = {name: one["source"]["line"] for name, one in said.items()}
        given.append([text, format, lines, written["text"], to, written["secrets"]])
    words = ["node", str(Path(__file__).with_name("carried.mjs"))]
    done = subprocess.run(words, input=json.dumps(given), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [found | {"written": one[3]} for found, one in zip(json.loads(done.stdout), given, strict=True)]


def says(text: str, format: str) -> Any:
    """What a text says, as the service reads it."""
    if format == "env":
        return [layer.values for layer in judged_variables(text, "run.env").layers]
    return [document.values for document in parse_documents(text, format, "run")]


YAML = """# Of the team.

# --- how long ---
max_steps: 2000   # until Friday
evaluation_strategy: steps

# --- how fast ---
lr_scheduler_type: cosine_with_min_lr
lr_scheduler_kwargs:
  # low
  min_lr: 1e-5  # lower
report_to:
  # both
  - jsonl
  - plot
run_name: "it's # 7"   # no comment inside
seed: 7
# the end
"""
AS_TOML = """# Of the team.

# --- how long ---
max_steps = 2000  # until Friday
eval_strategy = "steps"

# --- how fast ---
lr_scheduler_type = "cosine_with_min_lr"
# both
report_to = ["jsonl", "plot"]
run_name = "it's # 7"  # no comment inside
seed = 7

[lr_scheduler_kwargs]
# low
min_lr = 1e-05  # lower
# the end
"""
AS_ENV = """# Of the team.

# --- how long ---
# until Friday
TRAINSPEC_MAX_STEPS=2000
TRAINSPEC_EVAL_STRATEGY=steps

# --- how fast ---
TRAINSPEC_LR_SCHEDULER_TYPE=cosine_with_min_lr
# low
# lower
TRAINSPEC_LR_SCHEDULER_KWARGS='{"min_lr": 1e-05}'
# both
TRAINSPEC_REPORT_TO='["jsonl", "plot"]'
# no comment inside
TRAINSPEC_RUN_NAME='it\\'s # 7'
TRAINSPEC_SEED=7
# the end
"""
AGAIN = """# Of the team.

# --- how long ---
max_steps: 2000  # until Friday
eval_strategy: steps

# --- how fast ---
lr_scheduler_type: cosine_with_min_lr
# both
report_to: [jsonl, plot]
run_name: "it's # 7"  # no comment inside
seed: 7

lr_scheduler_kwargs:
  # low
  min_lr: 1.0e-05  # lower
# the end
"""


def test_comments_stand_where_they_stood(url: str) -> None:
    toml, env = carried(url, (YAML, "yaml", "toml"), (YAML, "yaml", "env"))
    assert (toml["text"], env["text"]) == (AS_TOML, AS_ENV)
    (again,) = carried(url, (AS_TOML, "toml", "yaml"))
    assert again["text"] == AGAIN
    nothing = {"comments": 0, "names": [], "documents": 1, "foreign": []}
    assert [one["lost"] for one in (toml, env, again)] == [nothing] * 3


def test_what_is_lost_is_told(url: str) -> None:
    secret = "# one\nseed: 1  # two\nhub_token: abcdefgh\nmetric_for_best_model: null\n"
    several = "seed: 1\n---\nseed: 2\nbf16: true\n"
    variables = "OTHER=1\nTRAINSPEC_SEED=1 # x\n"
    json_, toml, one, yaml = carried(
        url, (secret, "yaml", "json"), (secret, "yaml", "toml"), (several, "yaml", "json"), (variables, "env", "yaml")
    )
    assert json_["lost"] == {"comments": 2, "names": ["hub_token"], "documents": 1, "foreign": []}
    assert toml["lost"]["names"] == ["hub_token", "metric_for_best_model"] and toml["lost"]["comments"] == 0
    assert one["lost"]["documents"] == 2 and yaml["lost"]["foreign"] == ["OTHER"]
    assert yaml["text"] == "seed: 1  # x\n" and "abcdefgh" not in json_["text"] + toml["text"]


def test_json_keeps_the_order(url: str) -> None:
    (found,) = carried(
        url, ("seed: 7\nreport_to: [jsonl, plot]\nfsdp_config: {xla: false}\noutput_dir: a\n", "yaml", "json")
    )
    assert list(json.loads(found["text"])) == ["seed", "report_to", "fsdp_config", "output_dir"]


PLAIN = {
    "output_dir": ["runs/a", "runs/#b", "a b"],
    "run_name": ["two words", "x'y", 'say "no" # not', "数字 #7", "a = b", "- x: {y"],
    "seed": [7, 0],
    "learning_rate": [3e-4, 1e-5],
    "max_steps": [2000],
    "bf16": [True, False],
    "lr_scheduler_type": ["cosine", "linear"],
    "report_to": [["jsonl", "plot"], ["jsonl"], "none"],
    "logging_steps": [5],
    "metric_for_best_model": ["loss"],
}
MAPPINGS = {
    "fsdp_config": {"min_num_params": 5, "xla": "false"},
    "parallelism_config": {"dp_replicate_size": 1, "tp_size": 1},
}


def random_text(number: int, format: str) -> tuple[str, list[str]]:
    """A document of settings in any order, and its comments, which stand in any place where some can."""
    rng = random.Random(number)
    comments: list[str] = []

    def comment() -> str:
        comments.append(f'# note {len(comments)} of \'{number}: ["x" = {{')
        return comments[-1]

    def above(indent: str = "") -> list[str]:
        return ["" if rng.random() < 0.4 else f"{indent}{comment()}" for _ in range(rng.choice([0, 0, 1, 3]))]

    def beside() -> str:
        return f"  {comment()}" if rng.random() < 0.3 else ""

    def value(one: Any) -> str:
        if format == "env":
            text = one if isinstance(one, str) else json.dumps(one)
            return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
        return json.dumps(one, ensure_ascii=False)

    names = rng.sample(sorted(PLAIN), rng.randint(1, len(PLAIN)))
    lines: list[str] = []
    for name in names:
        key = f"TRAINSPEC_{name.upper()}=" if format == "env" else f"{name} = " if format == "toml" else f"{name}: "
        said = rng.choice(PLAIN[name])
        lines += above()
        if format == "yaml" and isinstance(said, list) and rng.random() < 0.5:
            lines += [
                f"{name}:{beside()}",
                *(line for item in said for line in (*above("  "), f"  - {item}{beside()}")),
            ]
        else:
            lines.append(f"{key}{value(said)}{beside()}")
    for name in rng.sample(sorted(MAPPINGS), rng.randint(0, 2)) if format in ("yaml", "toml") else []:
        lines += [*above(), f"[{name}]{beside()}" if format == "toml" else f"{name}:{beside()}"]
        for key, said in MAPPINGS[name].items():
            inner = f"{key} = {said}" if format == "toml" else f"  {key}: {said}"
            lines += [*above("" if format == "toml" else "  "), inner + beside()]
    lines += above()
    return "\n".join(lines) + "\n", comments


@pytest.mark.parametrize("format", ["yaml", "toml", "env"])
def test_nothing_is_lost_and_nothing_said_otherwise(format: str, url: str) -> None:
    texts = [random_text(number, format) for number in range(15)]
    wanted = [(text, format, to) for text, _ in texts for to in FORMATS]
    found = carried(url, *wanted)
    for (text, _, to), one in zip(wanted, found, strict=True):
        comments = dict(texts)[text]
        assert says(one["text"], to) == says(one["written"], to), (text, one["text"])
        if to == "json":
            assert one["lost"]["comments"] == len(comments), text
        else:
            lost = [comment for comment in comments if one["text"].count(f"{comment}") != 1]
            assert (lost, one["lost"]["comments"]) == ([], 0), (text, one["text"])
