"""What answers are asked about: documents from their text, and secrets that none of them may tell."""

import json
from typing import Any, Protocol

from trainspec import TrainingArguments
from trainspec.answers.documents import Judged, judged
from trainspec.settings.sources.files import Document, parse_document

CANARY = "canary-9f8e7d6c"
# A canary in every secret setting, under today's name and an old one.
SECRETS = "".join(f"{name}: {CANARY}\n" for name in sorted(TrainingArguments.secret_fields()))
OLD_SECRETS = f"push_to_hub_token: {CANARY}\n"
# Keys that nobody knows: what stands under them may be anything.
UNKNOWN = f"hub_tokne: {CANARY}\nzz: {{deep: [{CANARY}]}}\naccelerator_config: {{zz: {CANARY}}}\n"


class Answer(Protocol):
    """What every answer can do."""

    def to_dict(self) -> dict[str, Any]: ...


def document(text: str, name: str = "run.yaml", format: str = "yaml") -> Document:
    """The one document of a text."""
    return parse_document(text, format, name)


def settings_of(text: str) -> Judged:
    """The settings that a text of YAML says."""
    return judged(document(text))


def as_json(answer: Answer) -> Any:
    """The answer as whoever gets it over a wire has it: JSON that every reader takes."""
    return json.loads(json.dumps(answer.to_dict(), allow_nan=False))
