"""A row of a rule's table: a document on the wrong side of the border, and the nearest one on the right side."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from trainspec import TrainingArguments, validate
from trainspec.settings.rules.registry import ALL_RULES

Document = dict[str, Any]
SEVERITY = {rule.code: rule.severity for rule in ALL_RULES}
IDLE = {rule.code: rule.idle for rule in ALL_RULES}


@dataclass(frozen=True)
class Border:
    code: str
    case: str
    wrong: Document
    right: Document
    beside: tuple[str, ...] = ()
    """Further errors that the wrong document cannot be without."""

    def __str__(self) -> str:
        return f"{self.code} {self.case}"

    def check(self) -> None:
        wrong, right = validate(self.wrong), validate(self.right)
        found = [item for item in wrong.diagnostics if item.code == self.code]
        assert found, f"{[item.code for item in wrong.diagnostics]} instead of {self.code}"
        assert len(found) == 1
        assert found[0].severity == ("note" if self._says_the_default() else SEVERITY[self.code])
        assert found[0].message and found[0].reason and found[0].remedy and found[0].fields
        expected = {*self.beside, self.code} if SEVERITY[self.code] == "error" else set(self.beside)
        assert {item.code for item in wrong.errors} == expected
        assert self.code not in [item.code for item in right.diagnostics]
        assert right.errors == []

    def _says_the_default(self) -> bool:
        """Whether what has no effect is what would hold anyway, as in a full dump."""
        name = IDLE[self.code]
        if name not in self.wrong:
            return False
        default = TrainingArguments.model_fields[name].get_default(call_default_factory=True)
        said, default = (one.value if isinstance(one, Enum) else one for one in (self.wrong[name], default))
        return type(said) is type(default) and bool(said == default)
