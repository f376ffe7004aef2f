"""Old names are rewritten in the text, which then says the same under names of today and has not changed otherwise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.settings.samples import as_toml
from tests.settings.sources.test_renames import RETIRED

from trainspec import TrainingArguments
from trainspec.migration.rewriting import rewrite
from trainspec.settings.sources.files import parse_document
from trainspec.settings.sources.renames import REMOVED, RENAMED, RETIRED_VALUES


def settings_in(text: str, format: str) -> dict[str, Any]:
    values = parse_document(text, format, "a").values
    verdict = TrainingArguments.check(values)
    assert verdict.ok, verdict.errors
    found: dict[str, Any] = verdict.settings.to_dict(derived=True, secrets=True)
    return found


def old_in(text: str, format: str) -> list[str]:
    found = TrainingArguments.check(parse_document(text, format, "a").values).diagnostics
    return [item.code for item in found if item.code.startswith("REN")]


def written(document: dict[str, Any], format: str) -> str:
    if format == "toml":
        return "".join(f"{name} = {as_toml(value)}\n" for name, value in document.items())
    return json.dumps(document, indent=2) if format == "json" else block(document)


def block(document: dict[str, Any], indent: str = "") -> str:
    lines = []
    for name, value in document.items():
        inner = isinstance(value, dict) and value
        lines.append(
            f"{indent}# about {name}\n{indent}{name}:" + ("\n" if inner else f" {json.dumps(value)}  # {name}\n")
        )
        lines += [block(value, indent + "    ")] if inner else []
    return "".join(lines)


@pytest.mark.parametrize("format", ["yaml", "json", "toml"])
@pytest.mark.parametrize("name", RENAMED)
def test_every_old_name(name: str, format: str) -> None:
    value, _, new, _, beside = RETIRED[name]
    text = written({"seed": 7, name: value, **beside, "run_name": "x"}, format)
    done = rewrite(text, format, "a")
    assert old_in(done.text, format) == []
    assert settings_in(done.text, format) == settings_in(text, format)
    assert [change.edit.new for change in done.changes] == [tuple(new.split("."))]
    assert (done.left, done.stuck) == ([], [])
    assert rewrite(done.text, format, "a").text == done.text


@pytest.mark.parametrize("format", ["yaml", "json"])
@pytest.mark.parametrize(
    ("name", "old"),
    [
        (name, old)
        for name, table in RETIRED_VALUES.items()
        for old, value in table.items()
        if value.becomes is not None
    ],
)
def test_every_old_value(name: str, old: Any, format: str) -> None:
    text = written({"seed": 7, name: old}, format)
    done = rewrite(text, format, "a")
    assert len(done.changes) == 1
    assert settings_in(done.text, format) == settings_in(text, format)
    assert old_in(done.text, format) == []


@pytest.mark.parametrize("name", REMOVED)
def test_a_name_without_a_successor_is_reported_and_stays(name: str) -> None:
    text = f"seed: 7\n{name}: something # here\n"
    done = rewrite(text, "yaml", "a")
    assert done.text == text
    assert [item.code for item in done.left] == ["REN102"]


# Name -> before, after.
YAML: dict[str, tuple[str, str]] = {
    "a comment behind it": ("no_cuda: true   # why\n", "use_cpu: true   # why\n"),
    "double quotes": ('"no_cuda": true\n', '"use_cpu": true\n'),
    "single quotes of a value": ("optim: 'adamw_hf'\n", "optim: 'adamw_torch'\n"),
    "Windows line breaks": ("a: 1\r\nno_cuda: true\r\n", "a: 1\r\nuse_cpu: true\r\n"),
    "no line break at the end": ("no_cuda: true", "use_cpu: true"),
    "numbers as written": (
        "learning_rate: 3.0e-4\nno_cuda: true\nseed: 0x10\n",
        "learning_rate: 3.0e-4\nuse_cpu: true\nseed: 0x10\n",
    ),
    "blank lines": ("\n\nno_cuda: true\n\n\nseed: 1\n\n", "\n\nuse_cpu: true\n\n\nseed: 1\n\n"),
    "a switch that says nothing": ("seed: 1\nadafactor: false # no\nbf16: true\n", "seed: 1\nbf16: true\n"),
    "the last line says nothing": ("seed: 1\nadafactor: false", "seed: 1\n"),
    "braces": ("{no_cuda: true, adafactor: false, seed: 1}", "{use_cpu: true, seed: 1}"),
    "the last in braces": ("{seed: 1, adafactor: false}", "{seed: 1}"),
    "the only one in braces": ("{adafactor: false}", "{}"),
    "a key of a mapping that there is": (
        "fsdp_config:\n    # keep\n    xla: true  # x\n\nfsdp_min_num_params: 5 # many\nseed: 1\n",
        "fsdp_config:\n    # keep\n    xla: true  # x\n    min_num_params: 5 # many\n\nseed: 1\n",
    ),
    "a key of a mapping further down": (
        "fsdp_min_num_params: 5\nfsdp_config:\n  xla: true",
        "fsdp_config:\n  xla: true\n  min_num_params: 5\n",
    ),
    "a key of a mapping in braces": (
        "fsdp_config: {xla: true}\nfsdp_min_num_params: 5\n",
        "fsdp_config: {xla: true, min_num_params: 5}\n",
    ),
    "a comment that braces have no room for": (
        "fsdp_min_num_params: 5 # many\nfsdp_config: {xla: true}\n",
        "# many\nfsdp_config: {xla: true, min_num_params: 5}\n",
    ),
    "a key of an empty mapping": (
        "fsdp_config: {}\nfsdp_min_num_params: 5\n",
        "fsdp_config: {min_num_params: 5}\n",
    ),
    "a mapping that there is not yet": (
        "seed: 1\nfsdp_min_num_params: 5 # many\n",
        "seed: 1\nfsdp_config:\n  min_num_params: 5 # many\n",
    ),
    "a list in lines": (
        "fsdp_config:\n  xla: true\nfsdp_transformer_layer_cls_to_wrap:\n- A # a\n- B\nseed: 1\n",
        "fsdp_config:\n  xla: true\n  transformer_layer_cls_to_wrap:\n  - A # a\n  - B\nseed: 1\n",
    ),
    "an item of a list": ("report_to:\n  - azure-ml # a\n  - wandb\n", "report_to:\n  - azure_ml # a\n  - wandb\n"),
    "both names alike": ("eval_strategy: steps\nevaluation_strategy: steps\n", "eval_strategy: steps\n"),
    "an organization": (
        "push_to_hub_organization: org\npush_to_hub_model_id: name # n\n",
        "hub_model_id: org/name # n\n",
    ),
    "an organization beside a folder": (
        "output_dir: runs/bert\npush_to_hub_organization: org # o\n",
        "output_dir: runs/bert\nhub_model_id: org/bert # o\n",
    ),
    "an organization whose folder another source gives": (
        "push_to_hub_organization: org\n",
        "push_to_hub_organization: org\n",
    ),
    "values of other years": (
        "output_dir: null\nreport_to: null # t\nlog_level: detail\n",
        "report_to: all # t\nlog_level: debug\n",
    ),
    "warmup as a fraction": ("warmup_steps: 0.1 # w\n", "warmup_ratio: 0.1 # w\n"),
    "an anchored value": ("no_cuda: &x true\nbf16: *x\n", "use_cpu: &x true\nbf16: *x\n"),
    "a literal": ("push_to_hub_model_id: |-\n  a/b\nseed: 1\n", "hub_model_id: |-\n  a/b\nseed: 1\n"),
    "letters beyond ASCII": ("# é漢😀\nrun_name: é漢😀\nno_cuda: true\n", "# é漢😀\nrun_name: é漢😀\nuse_cpu: true\n"),
    "other programs' keys": ("lora_rank: 8\nno_cuda: true\n", "lora_rank: 8\nuse_cpu: true\n"),
    "a stream": ("no_cuda: true\n---\nno_cuda: false\n", "use_cpu: true\n---\nuse_cpu: false\n"),
    "a hidden secret": ("push_to_hub_token: <PUSH_TO_HUB_TOKEN>\n", "hub_token: <PUSH_TO_HUB_TOKEN>\n"),
    "the task": ("task: {no_cuda: true}\nno_cuda: true\n", "task: {no_cuda: true}\nuse_cpu: true\n"),
}


@pytest.mark.parametrize(("before", "after"), YAML.values(), ids=YAML)
def test_yaml_keeps_everything_else(before: str, after: str) -> None:
    done = rewrite(before, "yaml", "a")
    assert (done.text, done.stuck, done.left) == (after, [], [])


TOML: dict[str, tuple[str, str]] = {
    "a comment behind it": ("no_cuda = true # why\n", "use_cpu = true # why\n"),
    "quotes": ("\"no_cuda\" = true\noptim = 'adamw_hf'\n", '"use_cpu" = true\noptim = "adamw_torch"\n'),
    "says nothing": ("a = 1\nadafactor = false # no\n[task]\n", "a = 1\n[task]\n"),
    "a table that there is": (
        "fsdp_min_num_params = 5 # many\n\n[fsdp_config]\nxla = true # x\n\n[task]\na = 1\n",
        "\n[fsdp_config]\nxla = true # x\nmin_num_params = 5 # many\n\n[task]\na = 1\n",
    ),
    "a table in braces": (
        "fsdp_config = { xla = true }\nfsdp_min_num_params = 5\n",
        "fsdp_config = { xla = true, min_num_params = 5 }\n",
    ),
    "a comment that braces have no room for": (
        "fsdp_min_num_params = 5 # many\nfsdp_config = { xla = true }\n",
        "# many\nfsdp_config = { xla = true, min_num_params = 5 }\n",
    ),
    "no table": ("fsdp_min_num_params = 5 # many\n", "fsdp_config.min_num_params = 5 # many\n"),
    "a dotted key beside it": (
        "fsdp_config.xla = true\nfsdp_min_num_params = 5\n",
        "fsdp_config.xla = true\nfsdp_config.min_num_params = 5\n",
    ),
    "several lines": ("report_to = [\n  'azure-ml', # a\n]\n", 'report_to = ["azure_ml"]\n'),
    "Windows line breaks": ("a = 1\r\nno_cuda = true\r\n", "a = 1\r\nuse_cpu = true\r\n"),
    "several lines of text": (
        'x = """\nno_cuda = true\n"""\nno_cuda = true\n',
        'x = """\nno_cuda = true\n"""\nuse_cpu = true\n',
    ),
}


@pytest.mark.parametrize(("before", "after"), TOML.values(), ids=TOML)
def test_toml_keeps_everything_else(before: str, after: str) -> None:
    done = rewrite(before, "toml", "a")
    assert (done.text, done.stuck, done.left) == (after, [], [])


JSON: dict[str, tuple[str, str]] = {
    "one line": ('{"no_cuda":true,"seed":1}', '{"use_cpu":true,"seed":1}'),
    "four spaces": ('{\n    "no_cuda": true,\n    "lr": 3E-4\n}\n', '{\n    "use_cpu": true,\n    "lr": 3E-4\n}\n'),
    "tabs": ('{\n\t"adafactor": false,\n\t"x": "\\u00e9\\ud83d\\ude00"\n}', '{\n\t"x": "\\u00e9\\ud83d\\ude00"\n}'),
    "a mapping that there is": (
        '{\n  "fsdp_config": {\n    "xla": true\n  },\n  "fsdp_min_num_params": 5\n}',
        '{\n  "fsdp_config": {\n    "xla": true,\n    "min_num_params": 5\n  }\n}',
    ),
    "none yet": ('{"fsdp_min_num_params": 5}', '{"fsdp_config": {"min_num_params": 5}}'),
}


@pytest.mark.parametrize(("before", "after"), JSON.values(), ids=JSON)
def test_json_keeps_everything_else(before: str, after: str) -> None:
    done = rewrite(before, "json", "a")
    assert (done.text, done.stuck, done.left) == (after, [], [])


def test_a_subtree() -> None:
    done = rewrite("no_cuda: 1\ntrain:\n  args:\n    no_cuda: true # x\n", "yaml", "a", "train.args")
    assert done.text == "no_cuda: 1\ntrain:\n  args:\n    use_cpu: true # x\n"
    assert rewrite("[t]\nno_cuda = true\n", "toml", "a", "t").text == "[t]\nuse_cpu = true\n"


@pytest.mark.parametrize("text", ["eval_strategy: steps\nevaluation_strategy: epoch\nno_cuda: true\n"])
def test_names_that_contradict_each_other_are_refused(text: str) -> None:
    done = rewrite(text, "yaml", "a")
    assert (done.text, done.changes, done.refused) == (text, [], True)
    assert [item.code for item in done.left] == ["REN103"]


STUCK = {
    "a merge key": "base: &b {no_cuda: true}\n<<: *b\n",
    "a comment that a literal above would take in": "x: |\n  a\nadafactor: false\n  # c\n",
    "an anchored name": "&x no_cuda: true\nrun_name: *x\n",
    "a value that is used again": "optim: &o adamw_hf\nrun_name: *o\n",
}


@pytest.mark.parametrize("text", STUCK.values(), ids=STUCK)
def test_what_cannot_be_edited_is_reported_and_stays(text: str) -> None:
    done = rewrite(text, "yaml", "a")
    assert (done.text, len(done.stuck)) == (text, 1)


def test_places_are_those_of_the_file_as_it_was() -> None:
    done = rewrite("adafactor: false\nno_cuda: true\nuse_ipex: true\n", "yaml", "a")
    assert [change.source.line for change in done.changes] == [1, 2]


_pieces = st.sampled_from(
    [
        *("no_cuda: true", "evaluation_strategy: steps", "adafactor: false", "fsdp_min_num_params: 5", "seed: 1"),
        *(
            "report_to: [azure-ml]",
            "fsdp_config:\n  xla: true",
            "fsdp_config: {xla: true}",
            "optim: adamw_hf",
        ),
        *(
            "dispatch_batches: true",
            "split_batches: false",
            "accelerator_config:\n    even_batches: true\n    # end",
            "lr: 1",
        ),
        *(
            "sharded_ddp:\n- simple\n-  offload",
            "push_to_hub_organization: o",
            "push_to_hub_model_id: m",
            "warmup_steps: 0.5",
        ),
        *("fsdp_transformer_layer_cls_to_wrap: [A,\n  B]", "label_names:\n\n  - a\n\n  # c\n  - b", "use_ipex: true"),
    ]
)
_ends = st.sampled_from(["\n", " # c\n", "\n\n", "\n# c\n", "\n  # c\n"])


@given(st.lists(st.tuples(_pieces, _ends), unique_by=lambda pair: pair[0].partition(":")[0], max_size=8), st.booleans())
def test_any_document_says_the_same_and_keeps_its_comments(pairs: list[tuple[str, str]], windows: bool) -> None:
    text = "".join(piece + end for piece, end in pairs)
    text = text.replace("\n", "\r\n") if windows else text
    before = TrainingArguments.check(parse_document(text, "yaml", "a").values)
    done = rewrite(text, "yaml", "a")
    after = TrainingArguments.check(parse_document(done.text, "yaml", "a").values)
    assert done.stuck == []
    if not done.refused:
        old = {(item.code, item.fields[0]) for item in after.diagnostics if item.code.startswith("REN")}
        # An owner alone stays where the name of the repository, that of output_dir, is not in the file.
        stays = ("REN101", "push_to_hub_organization")
        assert {code for code, _ in old - {stays}} <= {"REN102", "REN105"}
        assert stays not in old or "output_dir" not in done.text
        assert before.ok == after.ok
        assert not before.ok or before.settings.to_dict(derived=True) == after.settings.to_dict(derived=True)
    gone = sum(piece.endswith(("false", "]")) or piece.startswith(("push", "sharded")) for piece, _ in pairs)
    assert text.count("# c") - done.text.count("# c") <= gone
