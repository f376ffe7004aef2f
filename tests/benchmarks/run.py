"""`make bench`: measures everything here and prints the table of the README; exits 1 where a limit is missed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.documents import document_row, environment_rows
from benchmarks.processes import many_files_rows, validate_rows


def main() -> int:
    """Print the table; 1 where a limit is missed, else 0."""
    rows = [*validate_rows(), document_row(), *environment_rows(), *many_files_rows()]
    print("| what | trainspec | yardstick | figure | limit |\n|---|---|---|---|---|")
    for row in rows:
        print(row.markdown())
    return int(not all(row.kept for row in rows))


if __name__ == "__main__":
    sys.exit(main())
