"""GEN: generation while evaluating, the settings that Seq2SeqTrainingArguments has beside all others."""

from __future__ import annotations

from dataclasses import replace

from trainspec.settings.rules import data
from trainspec.settings.rules.effect import NO_PREDICTION, UNLESS_CALLED, without_effect
from trainspec.settings.rules.predicates import all_of, off, on
from trainspec.settings.rules.rule import Rule

_GENERATES_NOTHING = off("predict_with_generate")
_BY_TEACHER = "evaluation then feeds the labels in, and generates nothing"

RULES: tuple[Rule, ...] = (
    without_effect(
        "GEN301",
        "generation-max-length-without-generation",
        "generation_max_length",
        _GENERATES_NOTHING,
        cause="without predict_with_generate",
        because=_BY_TEACHER,
        fix="set predict_with_generate: true, or leave generation_max_length out",
    ),
    without_effect(
        "GEN302",
        "generation-num-beams-without-generation",
        "generation_num_beams",
        _GENERATES_NOTHING,
        cause="without predict_with_generate",
        because=_BY_TEACHER,
        fix="set predict_with_generate: true, or leave generation_num_beams out",
    ),
    without_effect(
        "GEN303",
        "generation-without-evaluation",
        "predict_with_generate",
        NO_PREDICTION,
        cause="without evaluation",
        because=UNLESS_CALLED,
        fix="set eval_strategy (or do_eval, do_predict), or leave predict_with_generate out",
    ),
    without_effect(
        "GEN304",
        "generation-without-predictions",
        "predict_with_generate",
        on("prediction_loss_only"),
        cause="under prediction_loss_only",
        because="the loss needs nothing that is generated",
        fix="drop one of the two",
    ),
    without_effect(
        "GEN305",
        "sortish-beside-grouping",
        "sortish_sampler",
        on("group_by_length"),
        cause="beside group_by_length",
        because="rows of similar length are neighbours already",
        fix="drop one of the two",
    ),
)

ADAPTED: tuple[Rule, ...] = tuple(
    replace(rule, when=all_of(rule.when, off("sortish_sampler")))
    for rule in data.RULES
    if rule.code == "DAT301" and rule.when is not None
)
"""Rules of all settings that sortish_sampler changes: it measures rows too."""

NEVER_DEAD: dict[str, str] = {
    "generation_config": "it becomes the model's own, and is saved with it, whether or not an evaluation generates",
}
"""As for all other settings: what no other setting can make dead, with the reason."""
