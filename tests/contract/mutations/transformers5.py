"""What the names of transformers 5 do: broken one by one."""

from tests.contract.mutations.mutation import Mutation

LOADERS, LOOP, TRACKIO = "training/data/loaders.py", "training/run/loop.py", "training/trackers/trackio.py"
CACHING = "training/model/caching.py"

MUTATIONS = (
    Mutation(
        "train_sampling_strategy",
        LOADERS,
        "if grouped is None and args.train_sampling_strategy == SamplingStrategy.SEQUENTIAL:",
        "if False:",
    ),
    Mutation(
        "train_sampling_strategy",
        "settings/views/derived.py",
        "return said or args.train_sampling_strategy == SamplingStrategy.GROUP_BY_LENGTH",
        "return said",
    ),
    Mutation("dataloader_in_order", LOADERS, "in_order=args.dataloader_in_order", "in_order=True"),
    Mutation(
        "dataloader_multiprocessing_context",
        LOADERS,
        "multiprocessing_context=args.dataloader_multiprocessing_context if workers else None",
        "multiprocessing_context=None",
    ),
    Mutation(
        "dataloader_multiprocessing_context",
        "training/data/workers.py",
        "if wanted is not None and args.dataloader_num_workers and wanted not in ways:",
        "if False:",
    ),
    Mutation("use_cache", CACHING, "setattr(config, _KEY, wanted)", "pass"),
    Mutation("use_cache", CACHING, "setattr(config, _KEY, before)", "pass"),
    Mutation("use_cache", CACHING, "if args.use_cache and not hasattr", "if False and not hasattr"),
    Mutation(
        "enable_jit_checkpoint",
        LOOP,
        "flags.save = flags.save or self._args.enable_jit_checkpoint",
        "flags.save = True",
    ),
    Mutation(
        "enable_jit_checkpoint",
        LOOP,
        "flags.save = flags.save or self._args.enable_jit_checkpoint",
        "flags.save = flags.save",
    ),
    Mutation("enable_jit_checkpoint", LOOP, "if flags.interrupted and self._saved_at", "if False and self._saved_at"),
    Mutation(
        "trackio_bucket_id",
        "training/trackers/facts.py",
        "trackio_bucket_id=args.trackio_bucket_id",
        "trackio_bucket_id=None",
    ),
    Mutation("trackio_static_space_id", TRACKIO, "if not failed and self._space is not None and", "if not failed and"),
    Mutation("trackio_static_space_id", TRACKIO, "trackio.freeze(", "dict("),
)
