"""One change of the sources that takes away what a setting does."""

from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parents[3] / "src" / "trainspec"


class StaleMutationError(ValueError):
    """The text to change does not stand exactly once in its file."""


@dataclass(frozen=True)
class Mutation:
    """In `file`, below src/trainspec, `old` becomes `new`; the contract tests of `field` must then fail."""

    field: str
    file: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.field}, {self.file}: {_shown(self.old)}  ->  {_shown(self.new) or '(nothing)'}"

    def applied(self, sources: Path = SOURCES) -> str:
        """The file with the change in it. Raises StaleMutationError."""
        text = (sources / self.file).read_text(encoding="utf-8")
        found = text.count(self.old)
        if found != 1:
            raise StaleMutationError(f"{self}: the old text stands {found} times in the file")
        return text.replace(self.old, self.new)


def _shown(text: str) -> str:
    return " | ".join(line.strip() for line in text.strip().splitlines())


def without(field: str, file: str, old: str) -> Mutation:
    """The statement `old` is left out, or, where it ends with a comma, the row of a table."""
    return Mutation(field, file, old, "" if old.rstrip().endswith(",") else old.replace(old.strip(), "pass"))
