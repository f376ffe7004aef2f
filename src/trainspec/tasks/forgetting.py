"""Secrets out of the environment once they are read, so that no process started from here ever sees them."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.sources.renames import RENAMED
from trainspec.settings.sources.variables import NESTED, TASK
from trainspec.text.redaction import holds_credential, is_secret_name

if TYPE_CHECKING:
    from trainspec.settings.values.shape import Shape

# More than is hidden where values are shown: here a name that only sounds like a secret costs nothing.
_NAMED_SO = re.compile(r"(?i)(?:^|[_.-])(?:key|token|secret|password|passwd|passphrase|credentials?)$")
_KEY_OF_JSON = re.compile(r'"((?:[^"\\]|\\.)*+)"\s*:')


def forget_secrets(shape: Shape, environ: MutableMapping[str, str]) -> None:
    """Take the secrets of the run and of its task, whose shape this is, out of an environment: data loader workers,
    other ranks and all that a task starts inherit it.

    A secret is what is declared as one, what a name calls one (`*_KEY`, `*_TOKEN`, `*_SECRET`, `*_PASSWORD`), at any
    depth and in JSON too, and what looks like one. Variables without our prefix are other programs', and stay.
    """
    prefix = TrainingArguments.env_prefix
    for name in [name for name in environ if name.upper().startswith(prefix)]:
        if _tells_secret(name[len(prefix) :].lower(), environ[name], shape):
            del environ[name]


def _tells_secret(name: str, value: str, shape: Shape) -> bool:
    head, *inside = name.split(NESTED)
    if holds_credential(value) or any(map(_is_named_so, (*inside, *_keys_in(value)))):
        return True
    if head != TASK:
        secrets = TrainingArguments.secret_fields()
        return name in secrets or (name in RENAMED and RENAMED[name].successor in secrets)
    # TRAINSPEC_TASK may hold the task's secrets as JSON.
    paths = [tuple(inside)] if inside else [(field,) for field in shape.fields]
    return any(path[0] in shape.fields and shape.conceals(path) for path in paths)


def _is_named_so(name: str) -> bool:
    return _NAMED_SO.search(name) is not None or is_secret_name(name)


def _keys_in(value: str) -> list[str]:
    return _KEY_OF_JSON.findall(value) if "{" in value else []
