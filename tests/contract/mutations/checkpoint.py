"""When checkpoints are written, what is in them, and how many stay."""

from tests.contract.mutations.mutation import Mutation

MUTATIONS = (
    Mutation("save_strategy", "plan/events.py", "save_strategy=args.save_strategy,", 'save_strategy="no",'),
    Mutation("save_strategy", "plan/events.py", "save_strategy=args.save_strategy,", 'save_strategy="steps",'),
    Mutation("save_strategy", "plan/events.py", "save_strategy=args.save_strategy,", 'save_strategy="epoch",'),
    Mutation(
        "save_strategy",
        "plan/events.py",
        'if cadence.save_strategy == "steps" and cadence.is_last(now.step):',
        "if False:",
    ),
    Mutation(
        "save_strategy",
        "training/run/acting.py",
        'if evaluates and self._evaluate_in_order() and self._args.save_strategy == "best":',
        "if evaluates and self._evaluate_in_order() and False:",
    ),
    Mutation(
        "save_strategy",
        "training/run/acting.py",
        'if evaluates and self._evaluate_in_order() and self._args.save_strategy == "best":',
        'if evaluates and self._evaluate_in_order() is not None and self._args.save_strategy == "best":',
    ),
    Mutation(
        "save_steps",
        "plan/events.py",
        "save_every=interval_updates(args.save_steps, total_updates),",
        "save_every=interval_updates(args.logging_steps, total_updates),",
    ),
    Mutation(
        "save_steps",
        "settings/views/derived.py",
        "math.ceil(exact(interval) * total_updates)",
        "math.floor(exact(interval) * total_updates)",
    ),
    Mutation(
        "save_total_limit",
        "training/run/saving/publisher.py",
        "apply_retention(self._store, self._args.save_total_limit, best_step=best, refused=self._refused)",
        "apply_retention(self._store, None, best_step=best, refused=self._refused)",
    ),
    Mutation(
        "save_total_limit",
        "training/run/saving/publisher.py",
        "apply_retention(self._store, self._args.save_total_limit, best_step=best, refused=self._refused)",
        "apply_retention(self._store, self._args.save_total_limit)",
    ),
    Mutation("save_total_limit", "plan/retention.py", "len(ordered) - limit", "len(ordered) - limit - 1"),
    Mutation(
        "save_total_limit", "plan/retention.py", "ordered = sorted(set(steps))", "ordered = sorted(set(steps))[::-1]"
    ),
    Mutation(
        "save_safetensors",
        "training/run/saving/taking.py",
        "save_safetensors=self._args.save_safetensors,",
        "save_safetensors=True,",
    ),
    Mutation(
        "save_safetensors",
        "training/trainer/inside/file_hooks.py",
        "save_safetensors=self.args.save_safetensors,",
        "save_safetensors=True,",
    ),
    Mutation(
        "save_safetensors",
        "training/trainer/inside/file_hooks.py",
        "save_safetensors=self.args.save_safetensors,",
        "save_safetensors=False,",
    ),
    Mutation(
        "save_on_each_node",
        "training/checkpoint/ranks/files.py",
        "processes.is_local_main if args.save_on_each_node else processes.is_main",
        "processes.is_main",
    ),
    Mutation(
        "save_on_each_node",
        "training/checkpoint/ranks/files.py",
        "processes.is_local_main if args.save_on_each_node else processes.is_main",
        "processes.is_local_main",
    ),
    Mutation(
        "save_on_each_node",
        "training/run/saving/publisher.py",
        'if each["node"] == here or not self._args.save_on_each_node',
        "",
    ),
    Mutation("save_on_each_node", "training/checkpoint/resume.py", "if on_each_node and named is None:", "if False:"),
    Mutation(
        "save_only_model",
        "training/run/saving/taking.py",
        "self._model_alone = args.save_only_model",
        "self._model_alone = False",
    ),
    Mutation(
        "save_only_model",
        "training/run/saving/taking.py",
        "self._model_alone = args.save_only_model",
        "self._model_alone = True",
    ),
    Mutation(
        "storage_timeout_seconds",
        "training/run/parts.py",
        "RetryPolicy(args.storage_timeout_seconds, ",
        "RetryPolicy(60.0, ",
    ),
    Mutation(
        "save_failures_allowed",
        "training/run/saving/keeper.py",
        "SaveFailures(args.save_failures_allowed, ",
        "SaveFailures(3, ",
    ),
    Mutation(
        "save_in_background",
        "training/run/saving/keeper.py",
        "Background() if args.save_in_background else None",
        "None",
    ),
    Mutation(
        "save_in_background",
        "training/run/saving/keeper.py",
        "Background() if args.save_in_background else None",
        "Background()",
    ),
    Mutation(
        "save_in_background",
        "training/run/saving/background.py",
        "copied = snapshot.copied(self._copies)",
        "copied = snapshot",
    ),
    Mutation(
        "on_changed_settings",
        "training/run/resuming/contract.py",
        "if not changes or policy == OnChangedSettings.ACCEPT:",
        "if not changes:",
    ),
    Mutation(
        "on_changed_settings",
        "training/run/resuming/contract.py",
        "args.on_changed_settings != OnChangedSettings.ERROR:",
        "True:",
    ),
    Mutation(
        "on_changed_settings",
        "training/run/resuming/contract.py",
        "if CONTRACT.get(name) != Term.FREE and not",
        "if False and not",
    ),
    Mutation(
        "preemption_exit_code",
        "training/command/train.py",
        "args.preemption_exit_code or TERMINATED, is_main",
        "TERMINATED, is_main",
    ),
    Mutation(
        "preemption_grace_seconds",
        "training/command/preemption.py",
        "elif args.preemption_grace_seconds is not None and time",
        "elif False and time",
    ),
    Mutation(
        "preemption_grace_seconds",
        "training/command/preemption.py",
        "- asked > args.preemption_grace_seconds:",
        "- asked > 1000:",
    ),
    Mutation(
        "preemption_file",
        "training/command/preemption.py",
        "[] if args.preemption_file is None else [_appears(args.preemption_file)]",
        "[]",
    ),
    Mutation(
        "preemption_file",
        "training/command/preemption.py",
        "return now is not None and now != before",
        "return now is not None",
    ),
    Mutation(
        "save_only_model",
        "training/checkpoint/resume.py",
        "if reason is not None:",
        "if False:",
    ),
)
