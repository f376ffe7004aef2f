"""RUN: how long a run lasts, and where it starts. (RUN1xx belongs to preflight.)"""

from __future__ import annotations

from trainspec.settings.rules.effect import without_effect
from trainspec.settings.rules.predicates import above, all_of, equals, given, negate, on, said
from trainspec.settings.rules.rule import Rule

_RESUMING = "set resume_from_checkpoint: latest, or leave {} out"

RULES: tuple[Rule, ...] = (
    Rule(
        code="RUN201",
        name="resume-with-overwrite",
        message="resume_from_checkpoint and overwrite_output_dir exclude each other",
        reason="one continues from the checkpoints in output_dir, the other starts fresh and lets them go",
        fix="set overwrite_output_dir: false to resume, or drop resume_from_checkpoint to start fresh",
        when=all_of(on("overwrite_output_dir"), given("resume_from_checkpoint")),
    ),
    without_effect(
        "RUN301",
        "epochs-under-max-steps",
        "num_train_epochs",
        above("max_steps", 0),
        cause="while max_steps is above 0",
        because="max_steps is the exact number of updates, whatever the epochs",
        fix="drop max_steps (or set it to -1) to count epochs, or drop num_train_epochs",
    ),
    without_effect(
        "RUN302",
        "data-skip-without-resume",
        "ignore_data_skip",
        negate(given("resume_from_checkpoint")),
        cause="unless the run resumes",
        because="only a resumed run has data to skip; it counts too if a script resumes through train()",
        severity="note",
        fix=_RESUMING.format("ignore_data_skip"),
    ),
    without_effect(
        "RUN303",
        "callback-states-without-resume",
        "restore_callback_states_from_checkpoint",
        negate(given("resume_from_checkpoint")),
        cause="unless the run resumes",
        because="how callbacks were made comes from a checkpoint; it counts too if a script resumes through train()",
        severity="note",
        fix=_RESUMING.format("restore_callback_states_from_checkpoint"),
    ),
    Rule(
        code="RUN401",
        name="max-steps-zero",
        message="max_steps 0 does not mean no training",
        reason="only above 0 does it count updates; at 0 or below, num_train_epochs decides",
        fix="set num_train_epochs: 0 for no training, or max_steps: -1 to say that epochs decide",
        when=all_of(said("max_steps"), equals("max_steps", 0)),
        severity="warning",
    ),
)
