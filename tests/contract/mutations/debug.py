"""Looking into a run, searches, tokens, noise, callbacks' states, and numbers that are not finite."""

from tests.contract.mutations.mutation import Mutation, without

DEBUG = (
    Mutation("debug", "training/run/model.py", "if DebugOption.UNDERFLOW_OVERFLOW in args.debug:", "if False:"),
    Mutation("debug", "training/run/model.py", "if DebugOption.UNDERFLOW_OVERFLOW in args.debug:", "if True:"),
    without("debug", "training/model/debugging.py", "watch.remove()"),
    Mutation(
        "debug",
        "training/model/devices.py",
        'asked += ["debug"] if "tpu_metrics_debug" in args.debug else []',
        "asked += []",
    ),
    Mutation(
        "skip_memory_metrics",
        "training/trainer/trainer.py",
        "MemoryTracker(self.args.skip_memory_metrics, self.args.device)",
        "MemoryTracker(True, self.args.device)",
    ),
    Mutation(
        "skip_memory_metrics",
        "training/trainer/trainer.py",
        "MemoryTracker(self.args.skip_memory_metrics, self.args.device)",
        "MemoryTracker(False, self.args.device)",
    ),
    Mutation("skip_memory_metrics", "training/run/measuring/memory.py", "max(0, peak - held)", "0"),
    Mutation("skip_memory_metrics", "training/run/measuring/memory.py", "held - self._begin[kind]", "held"),
    Mutation(
        "ray_scope",
        "training/search/ray_search.py",
        "best_trial(histories, search.args.ray_scope, ",
        'best_trial(histories, "last", ',
    ),
    Mutation(
        "ray_scope",
        "training/search/outcome.py",
        "RayScope.LAST: lambda values, maximizes: values[-1],",
        "RayScope.LAST: lambda values, maximizes: values[0],",
    ),
    Mutation(
        "ray_scope",
        "training/search/outcome.py",
        "RayScope.LAST_5_AVG: lambda values, maximizes: fmean(values[-5:]),",
        "RayScope.LAST_5_AVG: lambda values, maximizes: values[-1],",
    ),
    Mutation(
        "ray_scope",
        "training/search/outcome.py",
        "RayScope.LAST_10_AVG: lambda values, maximizes: fmean(values[-10:]),",
        "RayScope.LAST_10_AVG: lambda values, maximizes: values[-1],",
    ),
)

ADVANCED = (
    Mutation(
        "neftune_noise_alpha",
        "training/run/model.py",
        "noisy_embeddings(parts.model, args.neftune_noise_alpha)",
        "noisy_embeddings(parts.model, None)",
    ),
    Mutation(
        "neftune_noise_alpha",
        "training/model/neftune.py",
        "alpha / output[0].numel() ** 0.5",
        "alpha / output.numel() ** 0.5",
    ),
    Mutation("neftune_noise_alpha", "training/model/neftune.py", "if not module.training:", "if False:"),
    without("neftune_noise_alpha", "training/model/neftune.py", "hook.remove()"),
    Mutation(
        "neftune_noise_alpha",
        "training/model/neftune.py",
        "if args.neftune_noise_alpha is not None and",
        "if False and",
    ),
    Mutation(
        "include_tokens_per_second",
        "training/run/session.py",
        "tokens=training.tokens_seen if trainer.args.include_tokens_per_second else 0,",
        "tokens=0,",
    ),
    Mutation(
        "include_tokens_per_second",
        "training/run/measuring/tokens.py",
        "self.is_wanted = self.is_logged or args.include_tokens_per_second",
        "self.is_wanted = self.is_logged",
    ),
    Mutation(
        "include_tokens_per_second",
        "training/run/session.py",
        "tokens=training.tokens_seen if trainer.args.include_tokens_per_second else 0,",
        "tokens=training.tokens_seen,",
    ),
    Mutation(
        "include_num_input_tokens_seen",
        "training/run/measuring/tokens.py",
        "wanted = args.include_num_input_tokens_seen",
        'wanted: Any = "no"',
    ),
    Mutation(
        "include_num_input_tokens_seen",
        "training/run/measuring/tokens.py",
        'self._only_real = wanted == "non_padding"',
        "self._only_real = False",
    ),
    Mutation(
        "include_num_input_tokens_seen",
        "training/run/measuring/tokens.py",
        "mask = tokens != self._padding",
        "mask = None",
    ),
    Mutation(
        "include_num_input_tokens_seen",
        "training/trainer/listeners.py",
        'if self.args.include_num_input_tokens_seen not in (None, False, "no"):',
        "if True:",
    ),
    Mutation(
        "restore_callback_states_from_checkpoint",
        "training/run/session.py",
        "as_made = trainer.args.restore_callback_states_from_checkpoint",
        "as_made = False",
    ),
    Mutation(
        "restore_callback_states_from_checkpoint",
        "training/run/session.py",
        "as_made = trainer.args.restore_callback_states_from_checkpoint",
        "as_made = True",
    ),
    Mutation(
        "stop_on_nonfinite",
        "training/trainer/trainer.py",
        "return [StopOnNonFinite] if self.args.stop_on_nonfinite else []",
        "return []",
    ),
    Mutation(
        "stop_on_nonfinite",
        "training/trainer/trainer.py",
        "return [StopOnNonFinite] if self.args.stop_on_nonfinite else []",
        "return [StopOnNonFinite]",
    ),
)

MUTATIONS = (*DEBUG, *ADVANCED)
