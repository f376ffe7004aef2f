"""When evaluation runs, what it keeps and returns, and which evaluation was the best."""

from tests.contract.mutations.mutation import Mutation, without

WHEN = (
    Mutation("eval_strategy", "plan/events.py", "eval_strategy=args.eval_strategy,", 'eval_strategy="no",'),
    Mutation("eval_strategy", "plan/events.py", "eval_strategy=args.eval_strategy,", 'eval_strategy="steps",'),
    Mutation("eval_strategy", "plan/events.py", "eval_strategy=args.eval_strategy,", 'eval_strategy="epoch",'),
    Mutation(
        "eval_steps",
        "plan/events.py",
        "interval_updates(args.eval_steps or args.logging_steps, total_updates)",
        "interval_updates(args.logging_steps, total_updates)",
    ),
    Mutation("eval_steps", "settings/views/derived.py", "said or args.logging_steps", "said or args.save_steps"),
    Mutation(
        "eval_steps",
        "settings/views/derived.py",
        "math.ceil(exact(interval) * total_updates)",
        "math.floor(exact(interval) * total_updates)",
    ),
    Mutation("eval_delay", "plan/events.py", "eval_delay=args.eval_delay or 0,", "eval_delay=0,"),
    Mutation(
        "eval_delay", "plan/events.py", "return exact(cadence.eval_delay) <= (", "return exact(cadence.eval_delay) < ("
    ),
    Mutation(
        "eval_delay",
        "plan/events.py",
        '(now.epoch if cadence.eval_strategy == "epoch" else now.step)',
        "(now.step)",
    ),
    Mutation(
        "eval_delay",
        "plan/events.py",
        '(now.epoch if cadence.eval_strategy == "epoch" else now.step)',
        "(now.epoch)",
    ),
    Mutation("eval_on_start", "plan/events.py", "return cadence.eval_on_start", "return False"),
    Mutation("eval_on_start", "plan/events.py", "return cadence.eval_on_start", "return True"),
)

WHAT = (
    Mutation(
        "eval_accumulation_steps",
        "training/evaluation/loop.py",
        "seen = _Seen(self._args.eval_accumulation_steps)",
        "seen = _Seen(None)",
    ),
    Mutation(
        "eval_accumulation_steps",
        "training/evaluation/joined.py",
        "len(self._on_device) >= self._limit",
        "len(self._on_device) > self._limit",
    ),
    Mutation(
        "eval_do_concat_batches",
        "training/evaluation/loop.py",
        "return gathered.joined() if self._args.eval_do_concat_batches else gathered.separate()",
        "return gathered.joined()",
    ),
    Mutation(
        "eval_do_concat_batches",
        "training/evaluation/loop.py",
        "return gathered.joined() if self._args.eval_do_concat_batches else gathered.separate()",
        "return gathered.separate()",
    ),
    Mutation(
        "prediction_loss_only",
        "training/trainer/evaluating.py",
        "loss_only = self.args.prediction_loss_only if prediction_loss_only is None else prediction_loss_only",
        "loss_only = bool(prediction_loss_only)",
    ),
    Mutation(
        "prediction_loss_only",
        "training/trainer/evaluating.py",
        "loss_only = self.args.prediction_loss_only if prediction_loss_only is None else prediction_loss_only",
        "loss_only = True",
    ),
    Mutation(
        "batch_eval_metrics",
        "training/evaluation/loop.py",
        "by_batch = self._args.batch_eval_metrics and",
        "by_batch = False and",
    ),
    Mutation("batch_eval_metrics", "training/evaluation/loop.py", "compute_result=is_last", "compute_result=True"),
    Mutation(
        "batch_eval_metrics",
        "training/evaluation/loop.py",
        "collects = not loss_only and (self._keeps_all or not by_batch)",
        "collects = not loss_only",
    ),
    Mutation(
        "batch_eval_metrics",
        "training/trainer/evaluating.py",
        'keeps_all=self._occasion == "prediction"',
        "keeps_all=False",
    ),
    Mutation("past_index", "training/loss/losses.py", "self._past_index = args.past_index", "self._past_index = -1"),
    Mutation(
        "past_index", "training/loss/losses.py", "outputs.at(returned, self._past_index)", "outputs.at(returned, 1)"
    ),
    without("past_index", "training/trainer/evaluating.py", "self.parts.losses.forget()"),
)

METRICS = (
    Mutation(
        "include_for_metrics",
        "training/evaluation/loop.py",
        'self._with_inputs = "inputs" in args.include_for_metrics',
        "self._with_inputs = False",
    ),
    Mutation(
        "include_for_metrics",
        "training/evaluation/loop.py",
        'self._with_inputs = "inputs" in args.include_for_metrics',
        "self._with_inputs = True",
    ),
    Mutation(
        "include_for_metrics",
        "training/evaluation/loop.py",
        'self._with_losses = "loss" in args.include_for_metrics',
        "self._with_losses = False",
    ),
    Mutation(
        "include_for_metrics",
        "training/evaluation/loop.py",
        'self._with_losses = "loss" in args.include_for_metrics',
        'self._with_losses = "inputs" in args.include_for_metrics',
    ),
    Mutation(
        "label_smoothing_factor",
        "training/loss/losses.py",
        "self.smoother: Any = LabelSmoother(epsilon=factor) if factor else None",
        "self.smoother: Any = None",
    ),
    Mutation(
        "label_smoothing_factor",
        "training/loss/label_smoothing.py",
        "label_smoothing=self.epsilon,",
        "label_smoothing=0.1,",
    ),
    Mutation(
        "label_smoothing_factor",
        "training/trainer/steps.py",
        'return {"num_items_in_batch": items.divisor(self.parts.device)}',
        'return {"num_items_in_batch": 2 * items.divisor(self.parts.device)}',
    ),
    Mutation(
        "label_smoothing_factor",
        "training/loss/losses.py",
        "if (reason := unfit_labels(returned, labels)) is not None:",
        "if (reason := None) is not None:",
    ),
    Mutation(
        "label_smoothing_factor",
        "training/loss/label_smoothing.py",
        "return total / num_items_in_batch",
        "return total / len(targets)",
    ),
)

BEST = (
    Mutation(
        "load_best_model_at_end",
        "training/run/resuming/best.py",
        "if state.best_global_step is None:",
        "if True:",
    ),
    Mutation(
        "load_best_model_at_end",
        "training/run/session.py",
        "if args.load_best_model_at_end and parts.state.best_global_step is not None:",
        "if parts.state.best_global_step is not None:",
    ),
    Mutation(
        "metric_for_best_model",
        "training/evaluation/best.py",
        'key = name if name.startswith("eval_") else f"eval_{name}"',
        'key = "eval_loss"',
    ),
    Mutation(
        "metric_for_best_model",
        "training/evaluation/best.py",
        'key = name if name.startswith("eval_") else f"eval_{name}"',
        'key = f"eval_{name}"',
    ),
    Mutation(
        "metric_for_best_model",
        "settings/views/derived.py",
        'return "loss" if said is None and needed else said',
        "return said",
    ),
    Mutation(
        "greater_is_better",
        "training/evaluation/best.py",
        "greater_is_better=bool(args.greater_is_better)",
        "greater_is_better=False",
    ),
    Mutation(
        "greater_is_better",
        "training/evaluation/best.py",
        "greater_is_better=bool(args.greater_is_better)",
        "greater_is_better=not args.greater_is_better",
    ),
    Mutation(
        "greater_is_better",
        "settings/views/derived.py",
        'return not metric.endswith("loss") if said is None and metric is not None else said',
        "return said",
    ),
)

_GENERATION, _SEQ2SEQ = "training/seq2seq/generation.py", "training/seq2seq/trainer.py"
GENERATED = (
    Mutation(
        "predict_with_generate",
        _SEQ2SEQ,
        "if not self.args.predict_with_generate or prediction_loss_only:",
        "if prediction_loss_only:",
    ),
    Mutation(
        "predict_with_generate",
        _SEQ2SEQ,
        "if not self.args.predict_with_generate or prediction_loss_only:",
        "if True:",
    ),
    Mutation(
        "generation_max_length",
        _GENERATION,
        'asked["max_length"] = args.generation_max_length',
        'asked["max_length"] = 4',
    ),
    Mutation(
        "generation_max_length",
        _GENERATION,
        'if not asked.keys() & {"max_length", "max_new_tokens"} and args',
        "if args",
    ),
    without("generation_num_beams", _GENERATION, 'asked.setdefault("num_beams", args.generation_num_beams)'),
    Mutation(
        "generation_num_beams",
        _GENERATION,
        'asked.setdefault("num_beams", args.generation_num_beams)',
        'asked["num_beams"] = args.generation_num_beams',
    ),
    Mutation("generation_config", _SEQ2SEQ, "if said is None:", "if True:"),
    Mutation("generation_config", _GENERATION, "config.validate(strict=True)", "pass"),
    Mutation(
        "sortish_sampler",
        _SEQ2SEQ,
        "if not self.args.sortish_sampler or data.is_iterable(dataset):",
        "if data.is_iterable(dataset):",
    ),
    Mutation(
        "sortish_sampler", _SEQ2SEQ, "model_input_name=name, grouped=True", "model_input_name=name, grouped=False"
    ),
)

MUTATIONS = (*WHEN, *WHAT, *METRICS, *BEST, *GENERATED)
