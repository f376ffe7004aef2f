"""DBG: looking into a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.settings.rules.effect import without_effect
from trainspec.settings.rules.predicates import all_of, any_of, is_null, on, option
from trainspec.settings.values.choices import DebugOption

if TYPE_CHECKING:
    from trainspec.settings.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    without_effect(
        "DBG301",
        "tpu-metrics-without-tpu",
        "debug",
        all_of(option("debug", DebugOption.TPU_METRICS_DEBUG), any_of(is_null("tpu_num_cores"), on("use_cpu"))),
        cause="as to tpu_metrics_debug, unless the run is on TPUs",
        because="only torch_xla has those metrics",
        fix="set tpu_num_cores, or drop tpu_metrics_debug",
    ),
)
