"""`make bench`: measures everything here and prints the table of the README; exits 1 where a limit is missed.

run.py                      all of it
run.py settings             settings and commands, without torch
run.py training             all of training
run.py distributed          all of two processes
run.py checkpoints          all of saving and resuming; not part of what is run without a name, for it takes minutes
run.py service              the service under load, its memory over a soak, its cold start, bombs; minutes, as above
run.py steps predict ...    some of: documents, environment, embedded, validate, files, plan; steps, transformer,
                            predict, memory, grouping, start; step2, overhead2, start2; save,
                            save-transformers, save-fabric, background, sharded, resume, upload; load, soak,
                            start-serve, limits
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

# As `benchmarks`; and behind it, as `tests.service`, what starts services for tests.
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.documents import document_row, embedded_row, environment_rows
from benchmarks.processes import many_files_rows, plan_row, validate_rows
from benchmarks.timing import Row


def _later(module: str, function: str) -> Callable[[], Row | list[Row]]:
    """Imported when it is their turn: torch in this process would slow the others down."""

    def measure() -> Row | list[Row]:
        loaded = __import__(f"benchmarks.{module}", fromlist=[function])
        found: Row | list[Row] = getattr(loaded, function)()
        return found

    return measure


SETTINGS: dict[str, Callable[[], Row | list[Row]]] = {
    "validate": validate_rows,
    "documents": document_row,
    "environment": environment_rows,
    "embedded": embedded_row,
    "files": many_files_rows,
    "plan": plan_row,
}
TRAINING: dict[str, Callable[[], Row | list[Row]]] = {
    "steps": _later("training.steps", "overhead_row"),
    "transformer": _later("training.steps", "transformer_row"),
    "predict": _later("training.predicting", "predict_rows"),
    "memory": _later("training.metric_memory", "metric_memory_row"),
    "grouping": _later("training.grouping", "grouping_row"),
    "start": _later("training.start", "start_row"),
}
DISTRIBUTED: dict[str, Callable[[], Row | list[Row]]] = {
    "step2": _later("distributed.rows", "step_rows"),
    "overhead2": _later("distributed.rows", "overhead_row"),
    "start2": _later("distributed.rows", "start_row"),
}
CHECKPOINTS: dict[str, Callable[[], Row | list[Row]]] = {
    "save": _later("checkpoints.rows", "save_rows"),
    "save-transformers": _later("checkpoints.rows", "transformers_row"),
    "save-fabric": _later("checkpoints.rows", "fabric_row"),
    "background": _later("checkpoints.rows", "background_rows"),
    "sharded": _later("checkpoints.rows", "sharded_rows"),
    "resume": _later("checkpoints.rows", "resume_row"),
    "upload": _later("checkpoints.rows", "upload_row"),
}
SERVICE: dict[str, Callable[[], Row | list[Row]]] = {
    "load": _later("service.rows", "load_rows"),
    "soak": _later("service.rows", "soak_row"),
    "start-serve": _later("service.rows", "start_rows"),
    "limits": _later("service.limits", "limit_rows"),
}
GROUPS = {"settings": [*SETTINGS], "training": [*TRAINING], "distributed": [*DISTRIBUTED]}
LONG_GROUPS = {"checkpoints": [*CHECKPOINTS], "service": [*SERVICE]}


def main(names: Sequence[str]) -> int:
    """Print the table; 1 where a limit is missed, 2 for a name that is not there, else 0."""
    known, groups = SETTINGS | TRAINING | DISTRIBUTED | CHECKPOINTS | SERVICE, GROUPS | LONG_GROUPS
    chosen = [part for name in names or GROUPS for part in groups.get(name, [name])]
    if unknown := [name for name in chosen if name not in known]:
        print(f"there is no {', '.join(unknown)}; there are {', '.join([*groups, *known])}", file=sys.stderr)
        return 2
    print("| what | trainspec | yardstick | figure | limit |\n|---|---|---|---|---|", flush=True)
    kept = True
    for name in chosen:
        rows = known[name]()
        for row in [rows] if isinstance(rows, Row) else rows:
            print(row.markdown(), flush=True)
            kept = kept and row.kept
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
