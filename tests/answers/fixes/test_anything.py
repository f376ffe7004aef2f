"""Whatever the text, asking for fixes ends well, and each that is offered mends what it is about."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.answers.completion.test_anything import TEXTS
from tests.answers.fixes.test_fixes import _block, _toml, _yaml, mended

from trainspec import TrainingArguments

NAMES = st.one_of(
    st.sampled_from([*TrainingArguments.model_fields, "learning_rte", "no_cuda", "evaluation_strategy", "sharded_ddp"]),
    st.sampled_from(["fsdp_min_num_params", "adafactor", "n_gpu", "push_to_hub_organization", "tpu_metrics_debug"]),
)
VALUES = st.one_of(
    st.sampled_from([True, False, 0, 1, -1, 0.5, "yes", "3", "steps", "epoch", "adamw", "adamw_torh", "full_shrd", ""]),
    st.lists(st.sampled_from(["wandbb", "jsonl", "loss"]), max_size=2),
    st.dictionaries(
        st.sampled_from(["min_num_parms", "xla", "stage", "zero_optimization"]), st.integers(0, 3), max_size=2
    ),
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=6)


@hypothesis_settings(max_examples=200)
@given(TEXTS, st.sampled_from(["yaml", "json", "toml", "env"]))
@example("seed: x\nseed: y\n--- {", "yaml")
@example("seed: 0x" + "f" * 4000, "yaml")
@example("seed = 0x" + "f" * 4000, "toml")
def test_any_text(text: str, format: str) -> None:
    mended(text, format)


@hypothesis_settings(max_examples=150)
@given(DOCUMENTS, st.sampled_from(["json", "yaml", "block", "toml", "env"]))
def test_any_document(document: dict[str, Any], form: str) -> None:
    if form == "env":
        plain = {name: value if isinstance(value, str) else json.dumps(value) for name, value in document.items()}
        mended("".join(f"TRAINSPEC_{name.upper()}={value!r}\n" for name, value in plain.items()), "env")
        return
    write = {"json": json.dumps, "yaml": _yaml, "block": _block, "toml": _toml}[form]
    mended(write(document), form if form in ("json", "toml") else "yaml")
