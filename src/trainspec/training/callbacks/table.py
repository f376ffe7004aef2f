"""The table of losses and metrics that grows while a notebook trains: rows and columns, and how they look."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from trainspec.text import html
from trainspec.text.redaction import shortened, show_value

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.state import TrainerState

TRAINING_LOSS, VALIDATION_LOSS = "Training Loss", "Validation Loss"
# What is sent again with every row must not grow without end.
MOST_ROWS = 200
_LONGEST_VALUE = 40
_NO_LOSS = "No log"
_NO_METRICS = {"epoch", "step", "total_flos"}
_MEASURES_OF_TIME = (
    "_runtime",
    *(f"_{what}_per_second" for what in ("samples", "steps", "tokens")),
    *("_compilation_time", "_preparation_time"),
)


class LossTable:
    """Rows by the step that they tell of: what is put twice at one step is one row. A new metric is a new column."""

    def __init__(self, *columns: str) -> None:
        self.columns = list(columns)
        self._rows: dict[int, dict[str, str]] = {}

    @classmethod
    def expected(cls, args: TrainingArguments) -> LossTable:
        """An empty one with the columns that are known before anything is."""
        losses = (TRAINING_LOSS,) if args.eval_strategy == "no" else (TRAINING_LOSS, VALIDATION_LOSS)
        return cls(_first_column(args), *losses)

    def put(self, args: TrainingArguments, state: TrainerState, values: Mapping[str, Any]) -> LossTable:
        """Numbers of now, by column. Returns itself."""
        first = _first_column(args)
        place = state.global_step if first == "Step" else f"{round(state.epoch, 2):g}"
        row = self._rows.setdefault(state.global_step, {})
        for column, value in {first: place, **values}.items():
            row[column] = _number(value)
            if column not in self.columns:
                self.columns.append(column)
        return self

    def html(self, status: str) -> str:
        """The newest rows, and what is known of the whole run."""
        head, *rows = [[html.text(cell) for cell in row] for row in self._shown()]
        grid = html.table(rows, head, "numbers") if rows else ""
        told = [html.text(line) for line in (self._left_out(), status) if line]
        return html.page(grid, *(f"<div>{html.dim(line)}</div>" for line in told))

    def text(self, status: str) -> str:
        """The same for pages that show no HTML."""
        lines = list(self._shown()) if self._rows else []
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        grid = ["  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join([*grid, *filter(None, (self._left_out(), status))])

    def _shown(self) -> Iterator[list[str]]:
        """The head, then the newest rows. Of several data sets none has the loss that was expected."""
        columns = [
            name for name in self.columns if name == TRAINING_LOSS or any(name in row for row in self._rows.values())
        ]
        yield columns
        for row in list(self._rows.values())[-MOST_ROWS:]:
            yield [row.get(name, _NO_LOSS if name == TRAINING_LOSS else "") for name in columns]

    def _left_out(self) -> str:
        more = len(self._rows) - MOST_ROWS
        return f"{more:,} earlier rows are in trainer.state.log_history" if more > 0 else ""


def _first_column(args: TrainingArguments) -> str:
    """What rows are counted in: epochs where those are evaluated."""
    return "Epoch" if args.eval_strategy == "epoch" else "Step"


def trial_of(state: TrainerState) -> str:
    """What a search has drawn for this run, if it is one of a search."""
    drawn = (state.trial_params or {}) if state.is_hyper_param_search else {}
    short = {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in drawn.items()}
    return ", ".join(f"{name} {show_value(name, value)}" for name, value in short.items())


def metric_columns(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """What an evaluation found, by the column that it stands in; not how long it took."""
    return {
        _column(name): value
        for name, value in metrics.items()
        if name not in _NO_METRICS and not name.endswith(_MEASURES_OF_TIME) and "_mem_" not in name
    }


def _column(name: str) -> str:
    if name == "eval_loss":
        return VALIDATION_LOSS
    words = name.removeprefix("eval_").split("_")
    return " ".join(word[:1].upper() + word[1:] for word in words)


def _number(value: Any) -> str:
    if isinstance(value, Integral | str):
        return shortened(str(value), _LONGEST_VALUE)
    if not isinstance(value, Real):
        return shortened(repr(value), _LONGEST_VALUE)
    number = float(value)
    plain = number == 0 or 1e-4 <= abs(number) < 1e6 or not math.isfinite(number)
    return f"{number:.6f}" if plain else f"{number:.4e}"
