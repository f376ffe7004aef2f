"""Which rows come when, what of them reaches the model, and which processes load them."""

from tests.contract.mutations.mutation import Mutation, without

_UNGROUPED = "if not (args.group_by_length if grouped is None else grouped):"

COLUMNS = (
    Mutation(
        "remove_unused_columns",
        "training/trainer/inside/hooks.py",
        "if not self.args.remove_unused_columns:",
        "if True:",
    ),
    Mutation(
        "remove_unused_columns",
        "training/trainer/inside/hooks.py",
        "if not self.args.remove_unused_columns:",
        "if False:",
    ),
    Mutation(
        "remove_unused_columns",
        "training/data/columns.py",
        "self._kept = accepted.union(labels, _LABELS_IN_ROWS)",
        "self._kept = accepted",
    ),
    Mutation(
        "label_names",
        "training/run/model.py",
        "outputs.label_names(model, args.label_names)",
        "outputs.label_names(model, None)",
    ),
    Mutation("label_names", "training/model/outputs.py", 'if "label" in name or', 'if name == "labels" or'),
    Mutation(
        "label_names",
        "training/model/outputs.py",
        "found = [batch[name] for name in names if batch.get(name) is not None]",
        "found = [batch[name] for name in sorted(names) if batch.get(name) is not None]",
    ),
)

ORDER = (
    Mutation(
        "data_seed",
        "training/data/loaders.py",
        "return args.seed if args.data_seed is None else args.data_seed",
        "return args.seed",
    ),
    Mutation(
        "data_seed",
        "training/data/sampler.py",
        "torch.Generator().manual_seed(mixed_seed(self._seed, self._epoch))",
        "torch.default_generator",
    ),
    Mutation(
        "data_seed",
        "training/trainer/evaluating.py",
        "with data.undisturbed(), ready_for_evaluation(self.parts, self.args) as ready:",
        "with ready_for_evaluation(self.parts, self.args) as ready:",
    ),
    Mutation("ignore_data_skip", "training/run/resuming/continuing.py", "if args.ignore_data_skip:", "if False:"),
    Mutation("ignore_data_skip", "training/run/resuming/continuing.py", "if args.ignore_data_skip:", "if True:"),
    Mutation(
        "dataloader_drop_last",
        "training/data/loaders.py",
        "drop_last=args.dataloader_drop_last)",
        "drop_last=False)",
    ),
    Mutation(
        "dataloader_drop_last",
        "training/data/loaders.py",
        "size, sampler, key, drop_last=False)",
        "size, sampler, key, drop_last=args.dataloader_drop_last)",
    ),
    Mutation(
        "dataloader_drop_last", "training/run/build.py", "drop_last=args.dataloader_drop_last,", "drop_last=False,"
    ),
    Mutation(
        "dataloader_drop_last",
        "training/data/loaders.py",
        "loader.sampler), batch_size, drop_last, key)",
        "loader.sampler), batch_size, False, key)",
    ),
    Mutation("group_by_length", "training/data/loaders.py", _UNGROUPED, "if True:"),
    Mutation("group_by_length", "training/data/loaders.py", _UNGROUPED, "if False:"),
    without(
        "group_by_length",
        "training/data/lengths.py",
        "    _swap_longest_batch_to_front(order, lengths, batch_size, size)",
    ),
    Mutation(
        "group_by_length",
        "training/data/loaders.py",
        "GroupedEpochSampler(lengths, step * args.gradient_accumulation_steps, data_seed(args))",
        "GroupedEpochSampler(lengths, step * args.gradient_accumulation_steps, args.seed)",
    ),
    Mutation(
        "group_by_length",
        "training/data/lengths.py",
        "torch.randperm(rows, generator=generator)",
        "torch.randperm(rows, generator=torch.Generator().manual_seed(1))",
    ),
    Mutation(
        "length_column_name",
        "training/data/loaders.py",
        "measure(dataset, args.length_column_name, model_input_name)",
        'measure(dataset, "length", model_input_name)',
    ),
    Mutation(
        "length_column_name",
        "training/data/lengths.py",
        "if column is not None and column in _keys(first):",
        'if column is not None and "tokens" in _keys(first):\n            column = "tokens"',
    ),
)

WORKERS = (
    Mutation(
        "dataloader_num_workers", "training/data/loaders.py", "workers = args.dataloader_num_workers", "workers = 0"
    ),
    Mutation(
        "dataloader_num_workers",
        "training/data/loaders.py",
        "workers = args.dataloader_num_workers",
        "workers = min(1, args.dataloader_num_workers)",
    ),
    Mutation(
        "dataloader_num_workers",
        "training/data/loaders.py",
        "    if (workers and not isinstance(loader.dataset, IterableDataset)) or shares > 1:\n",
        "    if shares > 1:\n",
    ),
    without("dataloader_num_workers", "training/data/workers.py", "seed_generators(*seeds)"),
    Mutation(
        "dataloader_num_workers",
        "training/data/workers.py",
        "(*self._key, self._epoch, number, *shifted)",
        "(*self._key, number, *shifted)",
    ),
    Mutation(
        "dataloader_num_workers",
        "training/data/workers.py",
        "number = first + step * self._shares + self._rank",
        "number = step * self._shares + self._rank",
    ),
    Mutation(
        "dataloader_pin_memory",
        "training/data/loaders.py",
        'pin_memory=args.dataloader_pin_memory and device.type not in ("cpu", "mps"),',
        "pin_memory=False,",
    ),
    Mutation(
        "dataloader_pin_memory",
        "training/data/loaders.py",
        'pin_memory=args.dataloader_pin_memory and device.type not in ("cpu", "mps"),',
        'pin_memory=device.type not in ("cpu", "mps"),',
    ),
    Mutation(
        "dataloader_pin_memory",
        "training/data/loaders.py",
        'pin_memory=args.dataloader_pin_memory and device.type not in ("cpu", "mps"),',
        "pin_memory=args.dataloader_pin_memory,",
    ),
    Mutation(
        "dataloader_persistent_workers",
        "training/data/loaders.py",
        "persistent_workers=args.dataloader_persistent_workers and workers > 0,",
        "persistent_workers=False,",
    ),
    Mutation(
        "dataloader_persistent_workers",
        "training/data/loaders.py",
        "persistent_workers=args.dataloader_persistent_workers and workers > 0,",
        "persistent_workers=workers > 0,",
    ),
    Mutation(
        "dataloader_persistent_workers",
        "training/data/loaders.py",
        'if getattr(loader, "persistent_workers", False):',
        "if False:",
    ),
    Mutation(
        "dataloader_prefetch_factor",
        "training/data/loaders.py",
        "prefetch_factor=args.dataloader_prefetch_factor if workers else None,",
        "prefetch_factor=None,",
    ),
)

MUTATIONS = (*COLUMNS, *ORDER, *WORKERS)
