"""Log entries, the terminal, and trackers."""

from tests.contract.mutations.mutation import Mutation, without

LOGGING = (
    Mutation("logging_strategy", "plan/events.py", "logging_strategy=args.logging_strategy,", 'logging_strategy="no",'),
    Mutation(
        "logging_strategy", "plan/events.py", "logging_strategy=args.logging_strategy,", 'logging_strategy="steps",'
    ),
    Mutation(
        "logging_strategy", "plan/events.py", "logging_strategy=args.logging_strategy,", 'logging_strategy="epoch",'
    ),
    Mutation(
        "logging_steps",
        "plan/events.py",
        "logging_every=interval_updates(args.logging_steps, total_updates),",
        "logging_every=500,",
    ),
    Mutation("logging_steps", "plan/events.py", "return now.step % every == 0", "return now.step % every == 1"),
    without("logging_steps", "training/run/running_loss.py", "self._sums[0] = 0.0"),
    Mutation(
        "logging_steps",
        "training/run/running_loss.py",
        "self._last = total / count",
        "self._last = self._sums[1].item()",
    ),
    Mutation(
        "logging_first_step",
        "plan/events.py",
        "logging_first_step=args.logging_first_step,",
        "logging_first_step=False,",
    ),
    Mutation(
        "logging_first_step",
        "plan/events.py",
        "logging_first_step=args.logging_first_step,",
        "logging_first_step=True,",
    ),
    Mutation(
        "logging_nan_inf_filter",
        "training/run/build.py",
        "parts.device, args.logging_nan_inf_filter",
        "parts.device, True",
    ),
    Mutation(
        "logging_nan_inf_filter",
        "training/run/build.py",
        "parts.device, args.logging_nan_inf_filter",
        "parts.device, False",
    ),
    Mutation("log_level", "training/trainer/log_level.py", 'if chosen == "passive":', "if True:"),
    Mutation("log_level", "training/trainer/log_level.py", 'if chosen == "passive":', "if False:"),
    Mutation("log_level", "training/callbacks/printer.py", "and args.log_level in _TALKATIVE", ""),
    Mutation(
        "log_level_replica", "training/trainer/log_level.py", "if args.should_log else args.log_level_replica", "or ''"
    ),
    Mutation(
        "log_on_each_node", "settings/arguments/process_view.py", "if self._args.log_on_each_node else", "if True else"
    ),
    Mutation("log_on_each_node", "training/callbacks/printer.py", "if args.should_log and", "if"),
    Mutation("disable_tqdm", "training/callbacks/progress.py", "return not args.disable_tqdm", "return True"),
    Mutation("disable_tqdm", "training/callbacks/progress.py", "if args.disable_tqdm is not None:", "if False:"),
    Mutation(
        "disable_tqdm", "training/callbacks/progress.py", "return (in_kernel() or sys.stderr.isatty()) and", "return"
    ),
    Mutation(
        "disable_tqdm", "training/callbacks/progress.py", "(in_kernel() or sys.stderr.isatty())", "sys.stderr.isatty()"
    ),
)

TRACKING = (
    Mutation(
        "report_to",
        "training/trackers/registry.py",
        "TRACKERS[name].build() for name in chosen_trackers(args)",
        'TRACKERS[name].build() for name in ("jsonl",)',
    ),
    Mutation("report_to", "training/trackers/registry.py", 'if "all" not in names:', "if names:"),
    Mutation(
        "report_to",
        "training/trackers/registry.py",
        "if kind.is_installed() and kind.why_not() is None]",
        'if name in ("jsonl", "plot", "tensorboard")]',
    ),
    Mutation("report_to", "training/trackers/preflight.py", "if name not in installed:", "if False:"),
    Mutation(
        "report_to", "settings/views/derived.py", 'return [] if names == ["none"] else list(names)', 'return ["jsonl"]'
    ),
    Mutation("project", "training/trackers/facts.py", "project=args.project,", 'project="huggingface",'),
    Mutation(
        "project",
        "training/trackers/facts.py",
        'project_is_said="project" in args.model_fields_set,',
        "project_is_said=False,",
    ),
    Mutation(
        "project",
        "training/trackers/facts.py",
        'project_is_said="project" in args.model_fields_set,',
        "project_is_said=True,",
    ),
    Mutation("logging_dir", "training/trackers/facts.py", "args.logging_dir or output.child_url(", "output.child_url("),
    Mutation("logging_dir", "training/trackers/facts.py", 'f"runs/{_moment_and_machine()}"', '"runs"'),
    Mutation(
        "trackio_space_id",
        "training/trackers/facts.py",
        "trackio_space_id=args.trackio_space_id if uses_space(args) else None,",
        "trackio_space_id=None,",
    ),
    Mutation(
        "trackio_space_id",
        "training/trackers/facts.py",
        "    if args.trackio_space_id is None:\n        return False\n",
        "",
    ),
    Mutation("trackio_space_id", "training/trackers/preflight.py", "if get_token() is None:", "if False:"),
)

MUTATIONS = (*LOGGING, *TRACKING)
