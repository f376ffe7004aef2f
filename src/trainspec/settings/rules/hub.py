"""HUB: pushing to a model hub."""

from __future__ import annotations

from typing import Any

from trainspec.settings.diagnostics import Severity
from trainspec.settings.rules.effect import without_effect
from trainspec.settings.rules.predicates import (
    all_of,
    any_of,
    equals,
    is_null,
    is_set,
    matches,
    negate,
    off,
    on,
    one_of,
)
from trainspec.settings.rules.rule import Rule
from trainspec.settings.values.choices import HubStrategy, SaveStrategy
from trainspec.text.redaction import redact_whole_url, show_value

_LONGEST = 96
REPOSITORY_PART = r"[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*"
_REPOSITORY = rf"(?!\S{{{_LONGEST + 1}}})(?:{REPOSITORY_PART}/)?{REPOSITORY_PART}"
# The name of output_dir, which is its last part whatever the number of slashes behind it.
_NAMED_AS_REPOSITORY = rf"(?:[\s\S]*/)?(?![^\s/]{{{_LONGEST + 1}}}){REPOSITORY_PART}/*"


def _not_a_repository(settings: Any) -> str:
    said = settings.__dict__["hub_model_id"]
    if said is not None:
        return f"hub_model_id is no name of a repository: {show_value('hub_model_id', said)}"
    # Of a URL its last part may be a signature, or half a password with a slash in it.
    last = redact_whole_url(settings.output_dir).rstrip("/").rsplit("/", 1)[-1]
    subject = "the last part of output_dir, in place of hub_model_id,"
    return f"{subject} is no name of a repository: {show_value('output_dir', last)}"


def _without_pushing(
    code: str, field: str, *, when_off: bool = False, because: str = "nothing is pushed", severity: Severity = "warning"
) -> Rule:
    return without_effect(
        code,
        f"{field.replace('_', '-')}-without-pushing",
        field,
        off("push_to_hub"),
        cause="without push_to_hub",
        because=because,
        severity=severity,
        fix=f"set push_to_hub: true, or leave {field} out",
        when_off=when_off,
    )


def _unless_pushed(code: str, field: str, *, when_off: bool = False) -> Rule:
    because = "nothing is pushed, unless a script calls push_to_hub() itself"
    return _without_pushing(code, field, when_off=when_off, because=because, severity="note")


RULES: tuple[Rule, ...] = (
    Rule(
        code="HUB101",
        name="not-a-repository",
        message="hub_model_id is no name of a repository",
        reason="a repository is called name or owner/name: letters, digits, _, and single - or . between "
        f"them, at most {_LONGEST} characters",
        fix="set hub_model_id: owner/name",
        when=all_of(
            on("push_to_hub"),
            any_of(
                all_of(is_set("hub_model_id"), negate(matches("hub_model_id", _REPOSITORY, "a repository's name"))),
                all_of(
                    is_null("hub_model_id"),
                    negate(matches("output_dir", _NAMED_AS_REPOSITORY, "a folder named as a repository can be")),
                ),
            ),
        ),
        tell=_not_a_repository,
    ),
    _unless_pushed("HUB301", "hub_model_id"),
    _unless_pushed("HUB302", "hub_revision"),
    _unless_pushed("HUB303", "hub_private_repo", when_off=True),
    _without_pushing("HUB304", "hub_strategy"),
    _without_pushing("HUB306", "hub_always_push"),
    without_effect(
        "HUB307",
        "hub-strategy-without-saves",
        "hub_strategy",
        all_of(
            on("push_to_hub"),
            equals("save_strategy", SaveStrategy.NO),
            negate(equals("hub_strategy", HubStrategy.END)),
        ),
        cause="while save_strategy is no",
        because="it pushes at every save, and nothing is saved before the end",
        fix="set save_strategy, or hub_strategy: end",
    ),
    without_effect(
        "HUB308",
        "always-push-at-the-end",
        "hub_always_push",
        all_of(on("push_to_hub"), equals("hub_strategy", HubStrategy.END)),
        cause="under hub_strategy end",
        because="there is a single push, and no earlier one that could still run",
        fix="set hub_strategy: every_save, or leave hub_always_push out",
    ),
    Rule(
        code="HUB401",
        name="pushed-checkpoints-cannot-resume",
        message="hub_strategy pushes checkpoints from which save_only_model lets nothing resume",
        reason="these strategies are there to resume from the hub, which needs the optimizer's state",
        fix="drop save_only_model, or set hub_strategy: every_save",
        when=all_of(
            on("save_only_model"),
            on("push_to_hub"),
            one_of("hub_strategy", HubStrategy.CHECKPOINT, HubStrategy.ALL_CHECKPOINTS),
        ),
        severity="warning",
    ),
)
