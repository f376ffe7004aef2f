"""What the Trainer's methods return and what compute_metrics receives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class EvalPrediction:
    """What compute_metrics gets: numpy arrays (or tuples of them), or lists of those, one entry a batch.

    With batch_eval_metrics they are one batch's tensors. `inputs` and `losses` (one a row) are there when
    include_for_metrics asks for them. It unpacks like a tuple: `predictions, labels = prediction`.
    """

    def __init__(self, predictions: Any, label_ids: Any, inputs: Any = None, losses: Any = None) -> None:
        self.predictions = predictions
        self.label_ids = label_ids
        self.inputs = inputs
        self.losses = losses
        self.elements = (predictions, label_ids, *(extra for extra in (inputs, losses) if extra is not None))

    def __iter__(self) -> Iterator[Any]:
        return iter(self.elements)

    def __getitem__(self, index: int) -> Any:
        return self.elements[index]

    def __len__(self) -> int:
        return len(self.elements)


class EvalLoopOutput(NamedTuple):
    predictions: Any
    label_ids: Any
    metrics: dict[str, float]
    num_samples: int


class PredictionOutput(NamedTuple):
    predictions: Any
    label_ids: Any
    metrics: dict[str, float]


class TrainOutput(NamedTuple):
    global_step: int
    training_loss: float
    metrics: dict[str, float]

    def _repr_html_(self) -> str:
        from trainspec.text import html

        shown = {
            name: f"{value:,.6g}" if isinstance(value, int | float) else value for name, value in self.metrics.items()
        }
        rows = [(html.dim(html.text(name)), html.text(value)) for name, value in shown.items()]
        return html.page(
            html.heading(type(self).__name__, f"{self.global_step:,} steps"), html.table(rows, (), "numbers")
        )


def speed_metrics(seconds: float, *, samples: int = 0, steps: int = 0, tokens: int = 0) -> dict[str, float]:
    """`runtime` in seconds, samples and steps per second, and tokens per second where some were counted."""
    counts = {"samples": samples, "steps": steps, **({"tokens": tokens} if tokens else {})}
    rates = {f"{name}_per_second": round(count / seconds, 3) for name, count in counts.items()}
    return {"runtime": round(seconds, 4), **rates}
