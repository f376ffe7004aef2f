"""Output, the phases of a run, its length, and its batches."""

from tests.contract.mutations.mutation import Mutation, without

OUTPUT = (
    Mutation(
        "output_dir",
        "training/run/build.py",
        "            parts.output(args),\n            replaces_old_run",
        '            parts.output(args).child("a"),\n            replaces_old_run',
    ),
    Mutation(
        "output_dir",
        "training/trainer/inside/file_hooks.py",
        "    def write_model(self, output_dir: str | None) -> None:\n"
        '        """By `_save`, which is given a folder of this machine where it is somebody\'s own."""\n'
        "        store = self.parts.output(self.args) if output_dir is None",
        "    def write_model(self, output_dir: str | None) -> None:\n"
        '        """By `_save`, which is given a folder of this machine where it is somebody\'s own."""\n'
        '        output_dir = "a" if output_dir is None else output_dir\n'
        "        store = self.parts.output(self.args) if output_dir is None",
    ),
    Mutation(
        "output_dir", "training/run/session.py", "parts.output(trainer.args))", 'parts.output(trainer.args).child("a"))'
    ),
    Mutation(
        "overwrite_output_dir",
        "training/preflight/output_folder.py",
        "if args.resume_from_checkpoint or args.overwrite_output_dir:",
        "if args.resume_from_checkpoint:",
    ),
    Mutation(
        "overwrite_output_dir",
        "training/preflight/output_folder.py",
        "if args.resume_from_checkpoint or args.overwrite_output_dir:",
        "if True:",
    ),
    Mutation(
        "overwrite_output_dir",
        "training/run/build.py",
        "replaces_old_run=args.overwrite_output_dir and checkpoint is None",
        "replaces_old_run=False",
    ),
    Mutation(
        "run_name",
        "training/trackers/facts.py",
        'redact_whole_url(args.run_name or "")',
        "redact_whole_url(args.output_dir)",
    ),
    Mutation(
        "run_name",
        "settings/views/derived.py",
        '"run_name": _or_from("output_dir"),',
        '"run_name": _or_from("project"),',
    ),
)

PHASES = (
    Mutation(
        "do_train",
        "training/command/phases.py",
        'return args.do_train or "do_train" not in args.model_fields_set',
        "return True",
    ),
    Mutation(
        "do_train",
        "training/command/phases.py",
        'return args.do_train or "do_train" not in args.model_fields_set',
        "return args.do_train",
    ),
    without(
        "do_train",
        "training/command/train.py",
        "load_trained_weights(trainer.model, args, output, trainer.parts.strategy)",
    ),
    Mutation("do_eval", "training/command/train.py", "if args.do_eval:", "if True:"),
    Mutation("do_eval", "training/command/train.py", "if args.do_eval:", "if False:"),
    Mutation(
        "do_eval",
        "settings/views/derived.py",
        "return bool(said) or args.eval_strategy != IntervalStrategy.NO",
        "return bool(said)",
    ),
    Mutation("do_predict", "training/command/train.py", "if args.do_predict:", "if True:"),
    Mutation("do_predict", "training/command/train.py", "if args.do_predict:", "if False:"),
    Mutation(
        "do_predict",
        "training/command/train.py",
        "trainer.predict(parts.test_dataset)",
        "trainer.predict(parts.eval_dataset)",
    ),
)

LENGTH = (
    Mutation(
        "num_train_epochs",
        "plan/steps.py",
        "return math.ceil(exact(num_train_epochs) * updates_per_epoch)",
        "return math.floor(exact(num_train_epochs) * updates_per_epoch)",
    ),
    Mutation(
        "num_train_epochs",
        "plan/steps.py",
        "return math.ceil(exact(num_train_epochs) * updates_per_epoch)",
        "return math.ceil(num_train_epochs) * updates_per_epoch",
    ),
    Mutation("max_steps", "plan/steps.py", "if max_steps > 0:", "if max_steps > 1:"),
    Mutation("max_steps", "plan/steps.py", "if max_steps > 0:", "if max_steps >= 0:"),
    Mutation("max_steps", "plan/steps.py", "        return max_steps\n", "        return max_steps + 1\n"),
    Mutation(
        "max_steps",
        "plan/steps.py",
        "        return max_steps\n",
        "        return min(max_steps, updates_per_epoch or max_steps)\n",
    ),
    Mutation(
        "max_steps",
        "training/run/loop.py",
        "return self._args.max_steps <= 0 and state.epoch_index",
        "return state.epoch_index",
    ),
    Mutation(
        "resume_from_checkpoint",
        "training/trainer/trainer.py",
        "wanted = self.args.resume_from_checkpoint if resume_from_checkpoint is None else resume_from_checkpoint",
        "wanted = resume_from_checkpoint",
    ),
    without("resume_from_checkpoint", "training/run/build.py", "trainer.load_checkpoint_weights(checkpoint)"),
    without(
        "resume_from_checkpoint",
        "training/run/build.py",
        "parts.strategy.load_state(State(optimizer=with_options_of(state, optimizer)))",
    ),
    without(
        "resume_from_checkpoint",
        "training/run/build.py",
        "schedule.load_state_dict(of_each_group(contents.scheduler or {}, optimizer))",
    ),
    without(
        "resume_from_checkpoint",
        "training/run/build.py",
        "training.running_loss.load_state_dict(parts.state.running_loss)",
    ),
    without(
        "resume_from_checkpoint",
        "training/run/loop.py",
        "self._trainer.restore_rng(self._resumed)",
    ),
)

BATCHES = (
    Mutation(
        "per_device_train_batch_size",
        "settings/arguments/process_view.py",
        "return self._args.per_device_train_batch_size",
        "return self._args.per_device_train_batch_size + 1",
    ),
    Mutation(
        "per_device_train_batch_size",
        "settings/arguments/process_view.py",
        "return self._args.per_device_train_batch_size",
        "return 8",
    ),
    Mutation(
        "per_device_train_batch_size",
        "training/run/build.py",
        'size = getattr(loader, "batch_size", None) or size',
        "size = 8",
    ),
    Mutation(
        "per_device_eval_batch_size",
        "settings/arguments/process_view.py",
        "return self._args.per_device_eval_batch_size",
        "return self._args.per_device_train_batch_size",
    ),
    Mutation(
        "gradient_accumulation_steps",
        "training/run/loop.py",
        "self._accumulation = self._args.gradient_accumulation_steps",
        "self._accumulation = 1",
    ),
    Mutation(
        "gradient_accumulation_steps",
        "training/run/build.py",
        "size, accumulation = args.per_device_train_batch_size, args.gradient_accumulation_steps",
        "size, accumulation = args.per_device_train_batch_size, 1",
    ),
    Mutation(
        "gradient_accumulation_steps",
        "training/trainer/steps.py",
        "share = items.share if counts else None",
        "share = 1 / self.args.gradient_accumulation_steps if counts else None",
    ),
)

MUTATIONS = (*OUTPUT, *PHASES, *LENGTH, *BATCHES)
