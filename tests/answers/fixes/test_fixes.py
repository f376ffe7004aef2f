"""A fix is offered where an exact edit is known, and taking its edits mends what it is about."""

import json
from collections import Counter
from typing import Any

import pytest
from tests.answers.conftest import CANARY
from tests.settings.rules.test_registry import all_borders

from trainspec import TrainingArguments
from trainspec.answers.completion.positions import Lines
from trainspec.answers.fixes import Fix, Fixing
from trainspec.answers.judgement import Judge
from trainspec.migration.values import as_toml, as_yaml
from trainspec.settings.diagnostics import Diagnostic
from trainspec.text.languages import words_of

JUDGE = Judge(TrainingArguments)
WRONG = [border.wrong for border in all_borders()]
# Rules whose remedy leaves what to write, or where, to a person.
UP_TO_PEOPLE = {
    *("DBG301", "DSP101", "DSP103", "DSP106", "HUB101", "OPT106", "OPT304", "PAR106", "PAR305", "PAR307"),
    *("PRE401", "PRF401", "PRF402", "SCH102", "SCH104", "SCH106", "SCH108", "SCH401"),
}


def said(text: str, format: str) -> list[Diagnostic]:
    if format == "env":
        return JUDGE.dotenv(text, "document").diagnostics
    return [item for report in JUDGE.text(text, format, "document") for item in report.diagnostics]


def taken(text: str, fix: Fix) -> str:
    """The text with the edits of a fix made, as an editor makes them."""
    lines = Lines(text)
    spans = [
        (*(lines.offset(place[side]["line"], place[side]["character"]) for side in ("start", "end")), new)  # type: ignore[literal-required]
        for place, new in fix.edits
    ]
    for start, end, new in sorted(spans, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def mended(text: str, format: Any = "yaml") -> dict[str, list[str]]:
    """By code, what the text becomes; that the diagnostic is gone is looked at here."""
    before, found = said(text, format), {}
    for fix in Fixing(text, format, "document", JUDGE).fixes():
        item = before[fix.diagnostic]
        after = taken(text, fix)
        counts = [
            Counter((one.code, one.fields) for one in some)[item.code, item.fields]
            for some in (before, said(after, format))
        ]
        assert counts[1] < counts[0], (text, fix)
        assert not any(one.code in ("SRC107", "SRC108") for one in said(after, format))
        found.setdefault(item.code, []).append(after)
    return found


def _yaml(document: Any) -> str:
    return "".join(f"{name}: {as_yaml(value)}\n" for name, value in document.items())


def _block(document: Any, depth: int = 0) -> str:
    lines = ""
    for name, value in document.items():
        inside = isinstance(value, dict) and value
        lines += (
            "  " * depth + f"{name}:" + (f"\n{_block(value, depth + 1)}" if inside else f" {as_yaml(value)}  # why\n")
        )
    return lines


def _toml(document: Any) -> str:
    return "".join(f"{name} = {as_toml(value)}\n" for name, value in document.items())


def _has_null(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and any(map(_has_null, value.values())))


FORMS = {"json": (json.dumps, 150), "yaml": (_yaml, 150), "block": (_block, 150), "toml": (_toml, 130)}


@pytest.mark.parametrize("form", FORMS)
def test_every_fix_of_every_rule_mends_it(form: str) -> None:
    write, most = FORMS[form]
    format = form if form in ("json", "toml") else "yaml"
    codes, fixed = set(), set()
    for document in WRONG:
        if form == "toml" and _has_null(document):
            continue
        text = write(document)
        codes |= {item.code for item in said(text, format)}
        fixed |= mended(text, format).keys()
    if form == "json":
        assert codes - fixed == UP_TO_PEOPLE
    assert len(fixed) > most


FIXED = [
    ("yaml", "learning_rte: 1  # fast\n", "SRC102", ["learning_rate: 1  # fast\n"]),
    (
        "yaml",
        "fsdp_config:\n  min_num_parms: 1\nfsdp: full_shard\n",
        "VAL107",
        ["fsdp_config:\n  min_num_params: 1\nfsdp: full_shard\n"],
    ),
    ("yaml", "optim: 'adamw_torh'", "VAL103", ["optim: 'adamw_torch'"]),
    ("yaml", "bf16: yes", "VAL101", ["bf16: true"]),
    ("yaml", "report_to: [jsonl, wandbb]", "VAL103", ["report_to: [jsonl, wandb]"]),
    ("yaml", 'seed: "3"', "VAL101", ["seed: 3"]),
    ("yaml", "seed: 1\nbf16: true\nseed: 2\n", "SRC104", ["seed: 1\nbf16: true\n", "bf16: true\nseed: 2\n"]),
    ("json", '{"seed": 1, "seed": 2}', "SRC104", ['{"seed": 1}', '{"seed": 2}']),
    ("toml", "seed = 1\nseed = 2\n", "SRC104", ["seed = 1\n", "seed = 2\n"]),
    ("env", "TRAINSPEC_SEED=1\nTRAINSPEC_SEED=2\n", "SRC104", ["TRAINSPEC_SEED=1\n", "TRAINSPEC_SEED=2\n"]),
    ("yaml", "evaluation_strategy: epoch\n", "REN101", ["eval_strategy: epoch\n"]),
    ("yaml", "adafactor: true\n", "REN101", ["optim: adafactor\n"]),
    ("yaml", "optim: adamw\n", "REN104", ["optim: adamw_torch\n"]),
    ("yaml", "fsdp_config: {xla: false}\nfsdp_min_num_params: 3\nfsdp: full_shard auto_wrap\n", "REN101", None),
    ("env", "export TRAINSPEC_EVALUATION_STRATEGY=no\n", "REN101", ["export TRAINSPEC_EVAL_STRATEGY=no\n"]),
    ("env", "TRAINSPEC_SED=1\n", "SRC101", ["TRAINSPEC_SEED=1\n"]),
    ("yaml", "bf16: true\nfp16: true\n", "PRE101", ["fp16: true\n", "bf16: true\n"]),
    (
        "yaml",
        "save_strategy: best\n",
        "CKP103",
        ["save_strategy: best\neval_strategy: steps\n", "save_strategy: best\neval_strategy: epoch\n"],
    ),
    ("env", "TRAINSPEC_SAVE_STRATEGY=best", "CKP103", None),
    ("toml", "[fsdp_config]\nmin_num_parms = 1\n", "VAL107", ["[fsdp_config]\nmin_num_params = 1\n"]),
    ("toml", "save_strategy = 'best'\n[task]\na = 1\n", "CKP103", None),
    ("yaml", "seed: 1\n---\nsead: 2\n", "SRC102", ["seed: 1\n---\nseed: 2\n"]),
]


@pytest.mark.parametrize("format, text, code, after", FIXED)
def test_a_fix(format: str, text: str, code: str, after: list[str] | None) -> None:
    found = mended(text, format)
    assert found.get(code) if after is None else found[code] == after


NOTHING = ["hub_model_id: 3", "zzzz: 1", "seed: 1\nsead: 2", "a: [", "- 1", "push_to_hub: true\noutput_dir: .", ""]


@pytest.mark.parametrize("text", NOTHING)
def test_what_only_a_person_knows_is_not_offered(text: str) -> None:
    assert mended(text) == {}


def test_an_edit_is_of_whole_words() -> None:
    (fix,) = Fixing("a😀: 1\nlearning_rte: 1", "yaml", "document", JUDGE).fixes()
    assert fix.to_dict() == {
        "diagnostic": 1,
        "title": "write learning_rate",
        "edits": [
            {
                "range": {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 12}},
                "text": "learning_rate",
            }
        ],
    }


def test_a_document_inside_another() -> None:
    text = "name: x\ntrain:\n  learning_rte: 1\n"
    (fix,) = Fixing(text, "yaml", "document", JUDGE, at="train").fixes()
    assert taken(text, fix) == text.replace("rte", "rate")


def test_titles_in_chinese() -> None:
    texts = [
        "learning_rte: 1",
        "bf16: true\nfp16: true",
        "seed: 1\nseed: 2",
        "save_strategy: best",
        "{seed: 1, seed: 2}",
    ]
    for text in texts:
        titles = [fix.title for fix in Fixing(text, "yaml", "document", JUDGE, words=words_of("zh")).fixes()]
        assert titles and not any(word in title for title in titles for word in ("write", "leave", "keep", "set "))


@pytest.mark.parametrize(
    "format, text",
    [
        ("yaml", f"{{hub_token: {CANARY}, hub_token: {CANARY}2}}\n"),
        ("json", f'{{"hub_token": "{CANARY}", "hub_token": "b"}}'),
    ],
)
def test_no_edit_writes_a_secret(format: str, text: str) -> None:
    assert CANARY not in str([one.to_dict() for one in Fixing(text, format, "it", Judge(TrainingArguments)).fixes()])


def test_no_secret_is_told() -> None:
    secrets = "".join(f"{name}: {CANARY}\n" for name in sorted(TrainingArguments.secret_fields()))
    for text in (
        f"push_to_hub_token: {CANARY}\nlearning_rte: 1\n",
        f"hub_token: {CANARY}\nhub_token: {CANARY}2\n",
        f"{secrets}sead: 1\nbf16: true\nfp16: true\nadafactor: true\n",
        f"fsdp_min_num_params: 2 # {CANARY}\nfsdp_config:\n  xla: false\nsead: 1",
        f"hub_tokne: {CANARY}\nfsdp_min_num_params: 2 # {CANARY}\nfsdp_config: {{xla: false}}\n",
        f'{{"hub_token": "{CANARY}", "sead": 1, "hub_token": "{CANARY}"}}',
    ):
        told = [fix.to_dict() for fix in Fixing(text, "yaml", "document", JUDGE).fixes()]
        assert told and CANARY not in json.dumps(told)
