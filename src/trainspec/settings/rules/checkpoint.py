"""CKP: when checkpoints are written, and whether the best one can be found among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trainspec.settings.rules.conditions import Predicate
from trainspec.settings.rules.effect import without_effect
from trainspec.settings.rules.predicates import (
    above,
    all_of,
    any_of,
    equals,
    given,
    is_count,
    is_fraction,
    negate,
    off,
    on,
    one_of,
)
from trainspec.settings.rules.rule import Rule
from trainspec.settings.values.choices import IntervalStrategy, SaveStrategy
from trainspec.settings.views.derived import counted, exact, interval_updates

_NO_SAVES = all_of(equals("save_strategy", SaveStrategy.NO), off("enable_jit_checkpoint"))
_SAVE_STEPS = equals("save_strategy", SaveStrategy.STEPS)
_EVAL_STEPS = equals("eval_strategy", IntervalStrategy.STEPS)
_SAME_STRATEGY = any_of(
    *(all_of(equals("eval_strategy", name), equals("save_strategy", name)) for name in IntervalStrategy)
)
_BEST_BY_STEPS = all_of(on("load_best_model_at_end"), _EVAL_STEPS, _SAVE_STEPS)


def _evaluates(interval: Callable[[str], Predicate]) -> Predicate:
    """Evaluations come at such an interval, which is that of logging where eval_steps is not given."""
    return any_of(interval("eval_steps"), all_of(one_of("eval_steps", None, 0), interval("logging_steps")))


def _intervals(settings: Any) -> tuple[int | float, int | float, str]:
    """How often is saved, how often is evaluated, and which setting says the latter."""
    name = "eval_steps" if settings.__dict__["eval_steps"] else "logging_steps (for eval_steps)"
    return counted(settings.save_steps), counted(settings.eval_steps), name


def _divides(evaluate: int | float, save: int | float) -> bool:
    return save % evaluate == 0 if isinstance(save, int) else exact(save) % exact(evaluate) == 0


def _saves_between_evaluations(settings: Any) -> str | None:
    save, evaluate, name = _intervals(settings)
    if not save or not evaluate or isinstance(save, float) != isinstance(evaluate, float):
        return None
    if _divides(evaluate, save):
        return None
    return f"load_best_model_at_end needs save_steps ({save}) to be a multiple of {name} ({evaluate})"


def _count_against_fraction(settings: Any) -> str:
    save, evaluate, name = _intervals(settings)
    kinds = ("a fraction", "a count") if isinstance(save, float) else ("a count", "a fraction")
    return (
        f"load_best_model_at_end cannot match save_steps ({save}, {kinds[0]} of updates) "
        f"with {name} ({evaluate}, {kinds[1]})"
    )


def _fractions_fall_apart(settings: Any) -> str | None:
    save, evaluate, name = _intervals(settings)
    if not (isinstance(save, float) and isinstance(evaluate, float)) or not _divides(evaluate, save):
        return None
    every = [interval_updates(fraction, settings.max_steps) for fraction in (save, evaluate)]
    if every[0] % every[1] == 0:
        return None
    return (
        f"save_steps ({save}) and {name} ({evaluate}) of max_steps ({settings.max_steps}) are "
        f"every {every[0]} and every {every[1]} updates, which fall apart"
    )


RULES: tuple[Rule, ...] = (
    Rule(
        code="CKP101",
        name="best-model-strategies-differ",
        message="load_best_model_at_end needs checkpoints where evaluations happen",
        reason="the best model can only be loaded from a checkpoint of the evaluation that found it",
        fix="set eval_strategy and save_strategy to the same, or save_strategy: best",
        when=all_of(
            on("load_best_model_at_end"),
            negate(equals("save_strategy", SaveStrategy.BEST)),
            negate(_SAME_STRATEGY),
        ),
    ),
    Rule(
        code="CKP102",
        name="save-interval-zero",
        message="save_strategy steps needs save_steps above 0",
        reason="every 0 updates is never",
        fix="set save_steps to a count of updates or a fraction of all, or save_strategy: no",
        when=all_of(_SAVE_STEPS, equals("save_steps", 0)),
    ),
    Rule(
        code="CKP103",
        name="save-best-without-evaluation",
        message="save_strategy best needs eval_strategy",
        reason="without evaluations no model is known to be better than another, and nothing would be saved",
        fix="set eval_strategy: steps or epoch",
        when=all_of(equals("save_strategy", SaveStrategy.BEST), equals("eval_strategy", IntervalStrategy.NO)),
    ),
    Rule(
        code="CKP104",
        name="save-steps-not-a-multiple",
        message="load_best_model_at_end needs save_steps to be a multiple of eval_steps",
        reason="a checkpoint between two evaluations was never evaluated, so it could not be the best one",
        fix="set save_steps to a multiple of eval_steps, or save_strategy: best",
        when=_BEST_BY_STEPS,
        check=_saves_between_evaluations,
        also=("save_steps", "eval_steps", "logging_steps"),
    ),
    Rule(
        code="CKP105",
        name="count-against-fraction",
        message="load_best_model_at_end cannot match a count of updates with a fraction",
        reason="how many updates the fraction is depends on the run, so the two need not fall together",
        fix="write both as counts or both as fractions, or set save_strategy: best",
        when=all_of(
            _BEST_BY_STEPS,
            any_of(
                all_of(is_count("save_steps"), _evaluates(is_fraction)),
                all_of(is_fraction("save_steps"), _evaluates(is_count)),
            ),
        ),
        tell=_count_against_fraction,
    ),
    Rule(
        code="CKP106",
        name="best-model-from-shards",
        message="load_best_model_at_end cannot work with save_only_model under fsdp or deepspeed",
        reason="a sharded model is loaded through its engine's checkpoint, which save_only_model leaves out",
        fix="drop save_only_model",
        when=all_of(on("save_only_model"), on("load_best_model_at_end"), any_of(given("fsdp"), given("deepspeed"))),
    ),
    Rule(
        code="CKP107",
        name="model-only-in-shards",
        message="save_only_model cannot work with state_dict_type SHARDED_STATE_DICT of fsdp_config",
        reason="model-only checkpoints hold whole weights",
        fix="set state_dict_type: FULL_STATE_DICT, or drop save_only_model",
        when=all_of(
            on("save_only_model"),
            given("fsdp"),
            one_of("fsdp_config.state_dict_type", "SHARDED_STATE_DICT", "sharded_state_dict"),
        ),
    ),
    without_effect(
        "CKP301",
        "save-steps-under-other-strategy",
        "save_steps",
        negate(_SAVE_STEPS),
        cause="unless save_strategy is steps",
        because="only that strategy counts updates",
        fix="set save_strategy: steps, or leave save_steps out",
    ),
    without_effect(
        "CKP302",
        "save-limit-without-saves",
        "save_total_limit",
        _NO_SAVES,
        cause="while save_strategy is no",
        because="no checkpoint is written that could be dropped",
        fix="set save_strategy, or leave save_total_limit out",
    ),
    without_effect(
        "CKP303",
        "model-only-without-saves",
        "save_only_model",
        _NO_SAVES,
        cause="while save_strategy is no",
        because="no checkpoint is written that could leave out the training state",
        fix="set save_strategy, or leave save_only_model out",
    ),
    without_effect(
        "CKP304",
        "save-failures-without-saves",
        "save_failures_allowed",
        _NO_SAVES,
        cause="while save_strategy is no",
        because="no checkpoint is written that could fail",
        fix="set save_strategy, or leave save_failures_allowed out",
    ),
    without_effect(
        "CKP305",
        "background-saving-without-saves",
        "save_in_background",
        _NO_SAVES,
        cause="while save_strategy is no",
        because="no checkpoint is written that training could wait for",
        fix="set save_strategy, or leave save_in_background out",
    ),
    Rule(
        code="CKP402",
        name="last-checkpoint-cannot-resume",
        message="enable_jit_checkpoint writes a checkpoint from which save_only_model lets nothing resume",
        reason="it is there to go on after the run was ended, which needs the optimizer's state",
        fix="drop save_only_model, or enable_jit_checkpoint",
        when=all_of(on("enable_jit_checkpoint"), on("save_only_model")),
        severity="warning",
    ),
    Rule(
        code="CKP401",
        name="fractions-fall-apart",
        message="save_steps and eval_steps fall apart once their fractions are rounded up to whole updates",
        reason="a checkpoint between two evaluations was never evaluated, so it cannot be the best one",
        fix="write both as counts, choose fractions that divide max_steps, or set save_strategy: best",
        when=all_of(_BEST_BY_STEPS, above("max_steps", 0)),
        check=_fractions_fall_apart,
        also=("save_steps", "eval_steps", "logging_steps"),
        severity="warning",
    ),
)
