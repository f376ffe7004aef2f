"""What the form writes into a document reads back as what was chosen, and the rest of the text stays as it was."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.service.page.conftest import SOURCE

from trainspec.answers.documents import judged_variables
from trainspec.settings.sources.files import parse_documents

GONE = object()
FSDP = "fsdp_config"
YAML = """# of the team
output_dir: runs/a  # kept

lr_scheduler_kwargs:
    # inside
    min_lr: 1e-5   # low
report_to:
- jsonl
- plot
seed: 7
"""
FLOW = "{output_dir: runs/a, fsdp_config: {xla: false}, seed: 7}\n"
JSON = '{\n  "output_dir": "runs/a",\n  "fsdp_config": {\n    "xla": false\n  },\n  "seed": 7\n}\n'
TOML = """# of the team
output_dir = "runs/a"  # kept
report_to = [
  "jsonl",
  "plot",
]
seed = 7

# of FSDP
[fsdp_config]
xla = false  # inside
"""
ENV = "# of the team\nTRAINSPEC_OUTPUT_DIR=runs/a\nexport TRAINSPEC_RUN_NAME='two\nlines'\nOTHER=1\nTRAINSPEC_SEED=7\n"
DOCUMENTS = {"yaml": YAML, "flow": FLOW, "json": JSON, "toml": TOML, "env": ENV}
VALUES: dict[str, Any] = {
    "a number": 5e-7,
    "a whole number": 3,
    "a boolean": True,
    "a word": "cosine",
    "a word like a value": "true",
    "a word like a number": "1e-4",
    "signs": 'it\'s: "so" #1 {x} \\ ä汉',
    "no text": "",
    "several": ["jsonl", "plot"],
    "nothing in it": [],
    "a mapping": {"min_lr": 1e-6, "inner": {"x": [1, "a"]}},
}


def changed(*asked: tuple[str, str, list[str], Any]) -> list[str | None]:
    """The texts that the page makes."""
    if not (SOURCE / "node_modules/esbuild").exists():
        pytest.skip("make page installs what this test drives")
    given = [one[:3] if one[3] is GONE else one for one in asked]
    words = ["node", str(Path(__file__).with_name("changes.mjs"))]
    done = subprocess.run(words, input=json.dumps(given), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: list[str | None] = json.loads(done.stdout)
    return found


def said(text: str | None, format: str) -> dict[str, Any]:
    """What a text says, as the service reads it."""
    assert text is not None
    (document,) = parse_documents(text, format, "run")
    return document.values


def format_of(name: str) -> str:
    return "yaml" if name == "flow" else name


@pytest.mark.parametrize("name", ["yaml", "flow", "json", "toml"])
@pytest.mark.parametrize("path", [["seed"], ["run_name"], [FSDP, "xla"], [FSDP, "version"]], ids="/".join)
def test_what_is_written_is_read_back(name: str, path: list[str]) -> None:
    text, format = DOCUMENTS[name], format_of(name)
    before = said(text, format)
    made = changed(*((text, format, path, value) for value in VALUES.values()))
    for value, one in zip(VALUES.values(), made, strict=True):
        after = said(one, format)
        found = after.pop(path[0]) if len(path) == 1 else after[path[0]].pop(path[1])
        assert (found, type(found)) == (value, type(value)), one
        old = dict(before)
        if len(path) == 1:
            old.pop(path[0], None)
        else:
            old[path[0]] = {key: item for key, item in old.get(path[0], {}).items() if key != path[1]}
        assert after == old, one


@pytest.mark.parametrize("name", DOCUMENTS)
def test_writing_and_taking_out_leaves_the_text_as_it_was(name: str) -> None:
    text, format = DOCUMENTS[name], format_of(name)
    asked = [(path, value) for path in (["run_id"], ["parallelism_config", "tp_size"]) for value in VALUES.values()]
    written = changed(*((text, format, path, value) for path, value in asked))
    assert text not in written
    again = changed(*((one or "", format, path, GONE) for one, (path, _) in zip(written, asked, strict=True)))
    assert set(again) == {text}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_not_there_is_not_taken_out(name: str) -> None:
    text, format = DOCUMENTS[name], format_of(name)
    assert changed((text, format, ["bf16"], GONE), (text, format, ["bf16", "x"], GONE)) == [text, text]


EXACT = {
    "a value": ("yaml", YAML, ["seed"], 8, YAML.replace("seed: 7", "seed: 8")),
    "a value before a comment": ("yaml", YAML, ["output_dir"], "runs/b", YAML.replace("runs/a", "runs/b")),
    "a key inside": ("yaml", YAML, ["lr_scheduler_kwargs", "min_lr"], 2, YAML.replace("1e-5", "2")),
    "a list of lines": ("yaml", YAML, ["report_to"], ["jsonl"], YAML.replace("\n- jsonl\n- plot", " [jsonl]")),
    "taken out": ("yaml", YAML, ["report_to"], GONE, YAML.replace("report_to:\n- jsonl\n- plot\n", "")),
    "the last inside": ("yaml", "a: 1\nb:\n  c: 2\n", ["b", "c"], GONE, "a: 1\n"),
    "no line break": ("yaml", "a: 1", ["b"], 2, "a: 1\nb: 2"),
    "nothing": ("yaml", "", ["b", "c"], 2, "b:\n  c: 2\n"),
    "a comment alone": ("yaml", "# a\n", ["b"], "x", "# a\nb: x\n"),
    "an empty value": ("yaml", "b:\nc: 1\n", ["b"], 2, "b: 2\nc: 1\n"),
    "the last of several": ("yaml", "a: 1\n---\na: 2\n", ["a"], 3, "a: 1\n---\na: 3\n"),
    "JSON": ("json", JSON, ["seed"], 8, JSON.replace("7", "8")),
    "the first of JSON": ("json", JSON, ["output_dir"], GONE, JSON.replace('"output_dir": "runs/a",\n  ', "")),
    "JSON from nothing": ("json", "", ["seed"], 7, '{"seed":7}\n'),
    "TOML": ("toml", TOML, ["output_dir"], "runs/b", TOML.replace("runs/a", "runs/b")),
    "a list of TOML": ("toml", TOML, ["report_to"], [], TOML.replace('[\n  "jsonl",\n  "plot",\n]', "[]")),
    "before the tables": ("toml", TOML, ["bf16"], True, TOML.replace("seed = 7\n", "seed = 7\nbf16 = true\n")),
    "in a table": ("toml", TOML, ["fsdp_config", "version"], 2, f"{TOML}version = 2\n"),
    "a variable": ("env", ENV, ["seed"], 8, ENV.replace("=7", "=8")),
    "a variable of two lines": ("env", ENV, ["run_name"], "x", ENV.replace("'two\nlines'", "x")),
    "a variable more": ("env", ENV, ["fsdp_config", "version"], 2, f"{ENV}TRAINSPEC_FSDP_CONFIG__VERSION=2\n"),
}


def test_nothing_else_is_touched() -> None:
    made = changed(*((text, format, path, value) for format, text, path, value, _ in EXACT.values()))
    assert dict(zip(EXACT, made, strict=True)) == {name: wanted for name, (*_, wanted) in EXACT.items()}


def test_variables_are_read_back() -> None:
    kwargs = {"a": "b'"}
    values = {"run_name": VALUES["signs"], "learning_rate": 5e-7, "report_to": ["x"], "lr_scheduler_kwargs": kwargs}
    text = ENV
    for name, value in values.items():
        (made,) = changed((text, "env", [name], value))
        text = made or ""
    (layer,) = judged_variables(text, "run.env").layers
    assert {name: layer.values[name] for name in values} == values


UNCHANGEABLE = {
    "half a document": ("yaml", "a: [1\n", ["b"], 1),
    "no mapping": ("yaml", "- 1\n", ["b"], 1),
    "an inline table": ("toml", "b = {c = 1}\n", ["b", "d"], 1),
}


def test_what_cannot_be_changed_is_not() -> None:
    made = changed(*((text, format, path, value) for format, text, path, value in UNCHANGEABLE.values()))
    assert dict(zip(UNCHANGEABLE, made, strict=True)) == dict.fromkeys(UNCHANGEABLE)
