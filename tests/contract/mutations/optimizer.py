"""The optimizer and the schedule of its rate."""

from tests.contract.mutations.mutation import Mutation, without

NUMBERS = (
    Mutation("learning_rate", "training/optimizers/entry.py", '{"lr": self.args.learning_rate}', '{"lr": 5e-5}'),
    Mutation(
        "weight_decay",
        "training/optimizers/building.py",
        "parameter_groups(model, args.weight_decay, decaying) if first is None",
        "parameter_groups(model, 0.0, decaying) if first is None",
    ),
    Mutation(
        "weight_decay",
        "training/optimizers/groups.py",
        'if name not in decayed], "weight_decay": 0.0}',
        'if name not in decayed], "weight_decay": weight_decay}',
    ),
    Mutation(
        "weight_decay",
        "training/optimizers/muon.py",
        "parameter_groups(model, request.args.weight_decay)",
        "parameter_groups(model, 0.0)",
    ),
    Mutation(
        "weight_decay",
        "training/optimizers/lomo.py",
        '"weight_decay": request.args.weight_decay}',
        '"weight_decay": 0.0}',
    ),
    Mutation(
        "adam_beta1",
        "training/optimizers/entry.py",
        "(self.args.adam_beta1, self.args.adam_beta2)",
        "(0.9, self.args.adam_beta2)",
    ),
    Mutation(
        "adam_beta1",
        "training/optimizers/entry.py",
        "(self.args.adam_beta1, self.args.adam_beta2)",
        "(self.args.adam_beta2, self.args.adam_beta1)",
    ),
    Mutation(
        "adam_beta2",
        "training/optimizers/entry.py",
        "(self.args.adam_beta1, self.args.adam_beta2)",
        "(self.args.adam_beta1, 0.999)",
    ),
    Mutation("adam_epsilon", "training/optimizers/entry.py", '"eps": self.args.adam_epsilon}', '"eps": 1e-8}'),
    Mutation(
        "max_grad_norm",
        "training/run/loop.py",
        "strategy.clip(training.parameters, self._args.max_grad_norm)",
        "strategy.clip(training.parameters, 1.0)",
    ),
    Mutation(
        "max_grad_norm",
        "training/run/loop.py",
        "strategy.clip(training.parameters, self._args.max_grad_norm)",
        "strategy.clip(training.parameters, 0.0)",
    ),
    Mutation("max_grad_norm", "training/optimizers/clipping.py", "if max_norm <= 0:", "if False:"),
    without("max_grad_norm", "training/parallel/single.py", "precision.unscale(optimizer)"),
)

OPTIM = (
    Mutation(
        "optim",
        "training/optimizers/building.py",
        "    entry = OPTIMIZERS[args.optim]\n",
        '    entry = OPTIMIZERS[OptimizerNames("adamw_torch")]\n',
    ),
    Mutation(
        "optim",
        "training/optimizers/registry.py",
        "O.STABLE_ADAMW: Entry(stable_adamw, _OPTIMI)",
        "O.STABLE_ADAMW: Entry(adamw_anyprecision, _OPTIMI)",
    ),
    Mutation(
        "optim",
        "training/optimizers/registry.py",
        "O.GROKADAMW: Entry(grokadamw, _GROK, finish=keep_everything)",
        "O.GROKADAMW: Entry(grokadamw, _GROK)",
    ),
    without("optim", "training/run/session.py", "evaluation_mode(parts.stepping()[0])"),
    without("optim", "training/run/build.py", "training_mode(optimizer)\n"),
    without("optim", "training/evaluation/model.py", "stack.enter_context(evaluating(parts.optimizer))"),
    Mutation(
        "optim",
        "training/run/acting.py",
        "with saving(parts.optimizer, unasked=self._is_unasked), self._before",
        "with self._before",
    ),
    Mutation("optim", "training/optimizers/optimizer_needs.py", "    yield from absent\n", "    absent = []\n"),
    Mutation(
        "optim_args",
        "training/optimizers/building.py",
        ".model_validate(args.optim_args or {})",
        ".model_validate({})",
    ),
    Mutation(
        "optim_target_modules",
        "training/optimizers/low_rank.py",
        "target_layers(model, wanted).values()",
        'target_layers(model, "all-linear").values()',
    ),
    Mutation(
        "optim_target_modules",
        "training/optimizers/optimizer_needs.py",
        "    if not chosen:\n",
        "    if False:\n",
    ),
)

SCHEDULE = (
    Mutation(
        "lr_scheduler_type",
        "training/schedules/running.py",
        "return planned(args.lr_scheduler_type, optimizer, warmup, total_updates, **arguments)",
        'return planned("linear", optimizer, warmup, total_updates)',
    ),
    Mutation(
        "lr_scheduler_type",
        "training/schedules/running.py",
        "if not follows_metric(schedule):\n        schedule.step()",
        "schedule.step(0.0) if follows_metric(schedule) else schedule.step()",
    ),
    without(
        "lr_scheduler_type",
        "training/run/acting.py",
        "after_evaluation(schedule, best.scheduled_metric(self._args, metrics))",
    ),
    without("lr_scheduler_type", "training/run/loop.py", "after_update(schedule)"),
    Mutation("lr_scheduler_type", "plan/schedules.py", "(span.total - k) /", "(span.total - k - 1) /"),
    Mutation("lr_scheduler_type", "plan/schedules.py", "_wave(0.5, (cycles * through) % 1.0)", "_wave(0.5, through)"),
    Mutation("lr_scheduler_type", "plan/schedules.py", "(1.0 - span.progress(k)) ** power", "(1.0 - span.progress(k))"),
    Mutation("lr_scheduler_type", "plan/schedules.py", "span, timescale or span.warmup", "span, span.warmup"),
    Mutation("lr_scheduler_type", "plan/schedules.py", "span.progress(k, ahead=1)", "span.progress(k)"),
    Mutation("lr_scheduler_type", "plan/schedules.py", "_Decay(span.warmup + stable,", "_Decay(stable,"),
    Mutation(
        "lr_scheduler_type", "plan/schedules.py", "return factor * (1.0 - floor) + floor", "return max(factor, floor)"
    ),
    Mutation(
        "lr_scheduler_type",
        "plan/schedules.py",
        "return rate / self.learning_rate if self.learning_rate else 0.0",
        "return rate",
    ),
    Mutation(
        "lr_scheduler_kwargs",
        "training/schedules/running.py",
        "arguments: dict[str, Any] = args.lr_scheduler_kwargs or {}",
        "arguments: dict[str, Any] = {}",
    ),
    Mutation(
        "warmup_ratio",
        "settings/views/derived.py",
        "math.ceil(exact(warmup_ratio or 0) * total_updates)",
        "math.floor(exact(warmup_ratio or 0) * total_updates)",
    ),
    Mutation("warmup_ratio", "settings/views/derived.py", "math.ceil(exact(warmup_ratio or 0) * total_updates)", "0"),
    Mutation(
        "warmup_steps",
        "settings/views/derived.py",
        "return warmup_steps if warmup_steps > 0 else math.ceil(",
        "return math.ceil(",
    ),
    Mutation("warmup_steps", "settings/views/derived.py", "if warmup_steps > 0 else", "if warmup_steps > 1 else"),
    Mutation("warmup_steps", "settings/views/derived.py", "if warmup_steps > 0 else", "if warmup_steps >= 0 else"),
)

MUTATIONS = (*NUMBERS, *OPTIM, *SCHEDULE)
