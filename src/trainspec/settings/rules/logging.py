"""LOG: what is logged, and where to."""

from __future__ import annotations

from trainspec.settings.rules.effect import reports_to, without_effect
from trainspec.settings.rules.predicates import all_of, any_of, equals, given, is_null, negate, on, one_of, option, said
from trainspec.settings.rules.rule import Rule
from trainspec.settings.values.choices import IntervalStrategy, TrackerName

_BY_STEPS = equals("logging_strategy", IntervalStrategy.STEPS)
_NAMES = tuple(name for name in TrackerName if name not in (TrackerName.ALL, TrackerName.NONE))
_ALL, _NONE = option("report_to", TrackerName.ALL), option("report_to", TrackerName.NONE)
_SOME = any_of(*(option("report_to", name) for name in _NAMES))
_SILENT = any_of(_NONE, negate(given("report_to")))
_WITH_PROJECT = (
    TrackerName.WANDB,
    TrackerName.MLFLOW,
    TrackerName.TRACKIO,
    TrackerName.COMET_ML,
    TrackerName.CLEARML,
    TrackerName.CODECARBON,
    TrackerName.SWANLAB,
    TrackerName.NEPTUNE,
    TrackerName.AZURE_ML,
    TrackerName.DAGSHUB,
)

RULES: tuple[Rule, ...] = (
    Rule(
        code="LOG101",
        name="logging-interval-zero",
        message="logging_strategy steps needs logging_steps above 0",
        reason="every 0 updates is never",
        fix="set logging_steps to a count of updates or a fraction of all, or logging_strategy: no",
        when=all_of(_BY_STEPS, equals("logging_steps", 0)),
    ),
    Rule(
        code="LOG102",
        name="trackers-with-all-or-none",
        message="report_to mixes all or none with names of trackers",
        reason="all and none each say everything there is to say",
        fix="set report_to: all, report_to: none, or a list of trackers",
        when=all_of(said("report_to"), any_of(all_of(_NONE, any_of(_ALL, _SOME)), all_of(_ALL, _SOME))),
    ),
    Rule(
        code="LOG103",
        name="static-space-without-name",
        message="trackio_static_space_id true names no Space",
        reason="the copy of Trackio's Space needs a name of its own",
        fix="set trackio_static_space_id: owner/name, or leave it out",
        when=on("trackio_static_space_id"),
    ),
    without_effect(
        "LOG301",
        "logging-steps-under-other-strategy",
        "logging_steps",
        all_of(
            negate(_BY_STEPS),
            negate(all_of(equals("eval_strategy", IntervalStrategy.STEPS), one_of("eval_steps", None, 0))),
        ),
        cause="unless logging_strategy is steps",
        because="only that strategy counts updates, and no evaluation takes its interval from it",
        fix="set logging_strategy: steps, or leave logging_steps out",
    ),
    without_effect(
        "LOG302",
        "logging-dir-without-tensorboard",
        "logging_dir",
        negate(reports_to(TrackerName.TENSORBOARD)),
        cause="unless report_to has tensorboard",
        because="it is TensorBoard's folder; it counts if a script gives the Trainer that tracker itself",
        severity="note",
        fix="add tensorboard to report_to, or leave logging_dir out",
    ),
    without_effect(
        "LOG303",
        "run-name-without-trackers",
        "run_name",
        _SILENT,
        cause="while report_to is none",
        because="it is the run's name in trackers; it counts if a script gives the Trainer one itself",
        severity="note",
        fix="set report_to, or leave run_name out",
    ),
    without_effect(
        "LOG304",
        "project-without-tracker",
        "project",
        negate(reports_to(*_WITH_PROJECT)),
        cause="unless report_to has a tracker with projects",
        because=f"those are {', '.join(_WITH_PROJECT)}; it counts if a script gives the Trainer one itself",
        severity="note",
        fix="add one to report_to, or leave project out",
    ),
    without_effect(
        "LOG305",
        "space-without-trackio",
        "trackio_space_id",
        negate(reports_to(TrackerName.TRACKIO)),
        cause="unless report_to has trackio",
        because="it is Trackio's space; it counts if a script gives the Trainer that tracker itself",
        severity="note",
        fix="add trackio to report_to, or leave trackio_space_id out",
    ),
    *(
        without_effect(
            code,
            f"{field.replace('_id', '').replace('_', '-')}-without-space",
            field,
            any_of(negate(reports_to(TrackerName.TRACKIO)), is_null("trackio_space_id")),
            cause="without a Space of trackio",
            because="a run that trackio keeps on this machine has neither; it counts if a script gives the Trainer "
            "that tracker itself",
            severity="note",
            fix=f"add trackio to report_to and set trackio_space_id, or leave {field} out",
        )
        for code, field in (("LOG306", "trackio_bucket_id"), ("LOG307", "trackio_static_space_id"))
    ),
)
