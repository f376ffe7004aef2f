"""loss.png in output_dir: losses, learning rate and gradient norm over the updates."""

from __future__ import annotations

import io
import math
import re
from importlib import import_module
from itertools import cycle
from typing import TYPE_CHECKING

from trainspec.training.trackers.base import Entry, Pace, RunFacts, Tracker
from trainspec.training.trackers.names import number_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

FILE = "loss.png"
_EVALUATION_LOSS = re.compile(r"eval_(?:.+_)?loss")
_EVALUATION_COLORS = ("#c1440e", "#e09f3e", "#3d5a80", "#6a994e", "#9d4edd")


class PlotTracker(Tracker):
    name = "plot"

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        # A library that is missing or broken is told now, not after hours.
        import_module("matplotlib.figure")
        self._run = run
        self._entries = list(history)
        self._pace = Pace()

    def log(self, entry: Entry) -> None:
        self._entries.append(entry)

    def refresh(self) -> None:
        if self._pace.is_due():
            self._write()

    def flush(self) -> None:
        self._write()

    def _write(self) -> None:
        if self._entries:
            with self._pace.measured():
                self._run.output.write_bytes(FILE, draw(self._entries, self._run.name))


def draw(entries: Sequence[Entry], title: str) -> bytes:
    # The figure class draws without pyplot: no window system, no global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 7), layout="constrained")
    FigureCanvasAgg(figure)
    losses, rate, norm = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1, 1]})
    _curve(losses, entries, "loss", "training", color="#2a6f97")
    for (key, label), color in zip(_evaluations(entries).items(), cycle(_EVALUATION_COLORS), strict=False):
        _curve(losses, entries, key, label, color=color, marker="o")
    _curve(rate, entries, "learning_rate", "learning rate", color="#52796f")
    _curve(norm, entries, "grad_norm", "gradient norm", color="#7b5ea7")
    losses.set(title=title, ylabel="loss")
    if losses.lines:
        losses.legend(frameon=False)
    rate.set_ylabel("learning rate")
    rate.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    norm.set(ylabel="grad norm", xlabel="update")
    for axes in (losses, rate, norm):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=120)
    return image.getvalue()


def _evaluations(entries: Sequence[Entry]) -> dict[str, str]:
    """Loss keys with their labels: one for each data set that evaluations had, in the order they came in."""
    keys = dict.fromkeys(key for entry in entries for key in entry if _EVALUATION_LOSS.fullmatch(key))
    return {key: f"evaluation {key.removeprefix('eval_').removesuffix('loss').rstrip('_')}".rstrip() for key in keys}


def _curve(axes: Axes, entries: Sequence[Entry], key: str, label: str, *, color: str, marker: str = "") -> None:
    known = [(entry["step"], number_of(entry.get(key))) for entry in entries]
    points = [(step, value) for step, value in known if value is not None and math.isfinite(value)]
    if not points:
        return
    steps, values = zip(*points, strict=True)
    # A lone point would be an invisible line.
    axes.plot(steps, values, label=label, color=color, marker=marker or ("." if len(points) < 30 else ""), lw=1.5)
