"""How several processes share the data that they train and evaluate on."""

from tests.contract.mutations.mutation import Mutation

SHARING = "training/data/sharing/sharing.py"
NEEDS = "training/data/sharing/needs.py"
WINDOWS = "training/parallel/windows.py"

MUTATIONS = (
    Mutation("accelerator_config", SHARING, 'getattr(config, "split_batches", False)', "False"),
    Mutation("accelerator_config", SHARING, 'getattr(config, "dispatch_batches", None)', "None"),
    Mutation(
        "accelerator_config",
        "settings/views/derived.py",
        'getattr(config, "even_batches", True) is False',
        "False",
    ),
    Mutation("accelerator_config", "settings/targets/checks.py", "if size % readers:", "if False:"),
    Mutation("accelerator_config", NEEDS, "if not config.use_seedable_sampler:", "if False:"),
    Mutation("accelerator_config", NEEDS, "details is not None and not getattr(details, name)", "False"),
    Mutation(
        "accelerator_config",
        "training/trainer/inside/hooks.py",
        'bool(getattr(config, "non_blocking", False))',
        "self.args.dataloader_pin_memory",
    ),
    Mutation(
        "accelerator_config",
        "training/parallel/ddp.py",
        'said = bool(getattr(details, "sync_each_batch", False))',
        "said = False",
    ),
    Mutation(
        "accelerator_config", "training/parallel/contact/joining.py", "if wants and machine", "if False and machine"
    ),
    Mutation(
        "accelerator_config",
        "training/parallel/contact/joining.py",
        'not getattr(processes, "was_joined_before", False)',
        "True",
    ),
    Mutation("uneven_inputs", SHARING, "args.uneven_inputs == UnevenInputs.DROP", "False"),
    Mutation("uneven_inputs", "training/parallel/strategy.py", '{"uneven": self._args.uneven_inputs}', "{}"),
    Mutation("uneven_inputs", WINDOWS, "if self._uneven == UnevenInputs.JOIN", "if False"),
    Mutation("uneven_inputs", WINDOWS, "self._padded += window.padded", "pass"),
    Mutation("uneven_inputs", WINDOWS, "self._dropped += walk.left_out() + self._dropped_at_end", "pass"),
    Mutation("uneven_inputs", WINDOWS, "return window[:common]", "return window"),
    Mutation(
        "uneven_inputs",
        "training/data/sharing/share.py",
        "step_rows - batch_size + 1 if drop_uneven",
        "1 if drop_uneven",
    ),
    Mutation(
        "eval_use_gather_object",
        "training/trainer/evaluating.py",
        "objects=self.args.eval_use_gather_object",
        "objects=False",
    ),
    Mutation(
        "eval_use_gather_object",
        "training/trainer/evaluating.py",
        "objects=self.args.eval_use_gather_object",
        "objects=True",
    ),
    Mutation("group_by_length", "training/data/loaders.py", "step = batch_size * sharing.size", "step = batch_size"),
    Mutation(
        "dataloader_drop_last",
        "training/data/loaders.py",
        '"drop_last": args.dataloader_drop_last,',
        '"drop_last": False,',
    ),
    Mutation(
        "dataloader_persistent_workers", "training/data/workers.py", "self._key = (*key[:2], 0)", "self._key = key"
    ),
)
