"""The reference has every setting, key, rule and code, and its links lead somewhere."""

import re

import pytest

from trainspec import Rule, TrainingArguments
from trainspec.export.markdown import render
from trainspec.export.rules_json import entries
from trainspec.settings.rules.predicates import above
from trainspec.settings.sources.renames import REMOVED, RENAMED

TEXT = render()
ANCHORS = re.findall(r'<a id="([^"]+)"></a>', TEXT)


class Extended(TrainingArguments):
    """Settings of a team."""

    env_prefix = "ACME_"
    rank: int = 8
    too_large = Rule(
        code="ACME101",
        name="too-large",
        message="too large",
        reason="of memory",
        fix="lower it",
        when=above("rank", 64),
    )


def entry(name: str, text: str = TEXT) -> str:
    return text.partition(f'#### <a id="{name}"></a>')[2].partition("\n####")[0]


def test_every_setting_and_every_code_has_an_anchor() -> None:
    assert set(ANCHORS) >= {*TrainingArguments.model_fields, *(item.code.lower() for item in entries())}
    assert len(ANCHORS) == len(set(ANCHORS))


def test_every_link_leads_somewhere() -> None:
    headings = {title.lower().replace(" ", "-") for title in re.findall(r"(?m)^## (.+)$", TEXT)}
    assert {*re.findall(r"\]\(#([^)]+)\)", TEXT)} <= {*ANCHORS, *headings}


def test_a_setting_has_all_its_facts() -> None:
    found = entry("lr_scheduler_type")
    assert "Shape of the learning-rate curve." in found
    assert '- Default: `"linear"`' in found
    assert "- Variable: `TRAINSPEC_LR_SCHEDULER_TYPE`" in found
    assert "- Flag: `--lr_scheduler_type NAME`" in found
    assert "[SCH101](#sch101)" in found
    assert "| `cosine` | Down to 0 along half a cosine, after warmup. |" in found


def test_what_follows_from_what_is_linked() -> None:
    assert "- Follows from: [`logging_steps`](#logging_steps), where it is not set" in entry("eval_steps")


def test_a_section_has_a_table_of_its_keys() -> None:
    assert "[keys](#keys-fsdpconfig)" in entry("fsdp_config")
    section = TEXT.partition('<a id="keys-fsdpconfig"></a>')[2].partition("\n###")[0]
    assert "| `version` | one of 1, 2 | `2` | FSDP generation; 2 is fully_shard. |" in section


def test_a_rule_has_all_that_its_declaration_says() -> None:
    found = entry("pre101")
    assert "PRE101 bf16-with-fp16 (error)" in found and "- When: bf16 is true and fp16 is true." in found
    assert "[`bf16`](#bf16)" in found and "- Why: " in found and "- Fix: " in found


@pytest.mark.parametrize("old", [*RENAMED, *REMOVED])
def test_an_old_name_is_listed(old: str) -> None:
    assert f"| `{old}` |" in TEXT


def test_groups_are_headings_in_order() -> None:
    headings = re.findall(r"(?m)^### (\w[\w ]+)$", TEXT)
    assert headings[:3] == ["Output", "Run", "Batch"]


def test_a_subclass_has_its_own_settings_and_rules_in_it() -> None:
    text = render(Extended)
    assert text.startswith("# Reference of Extended\n") and "- Variable: `ACME_RANK`" in entry("rank", text)
    assert "[ACME101](#acme101)" in entry("rank", text) and "rank is above 64" in entry("acme101", text)
