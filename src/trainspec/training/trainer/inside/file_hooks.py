"""The methods that scripts override to read or write a model or a checkpoint, called where transformers calls them."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from trainspec.storage import open_store
from trainspec.storage.local import LocalStore
from trainspec.training.checkpoint import Checkpoint
from trainspec.training.checkpoint.contents import SCALER, SCHEDULER, Contents, optimizer_files, steps_file, unpack
from trainspec.training.checkpoint.model_files import model_artifacts
from trainspec.training.checkpoint.ranks.files import optimizer_part, writes_for_all
from trainspec.training.checkpoint.ranks.layout import is_dealt_anew, keeps_streams
from trainspec.training.checkpoint.ranks.loading import load_weights_of
from trainspec.training.checkpoint.ranks.rng import restore_rng, rng_bytes, rng_file
from trainspec.training.checkpoint.resume import load_weights
from trainspec.training.checkpoint.states.final_model import forget_manifest
from trainspec.training.data.draws import mixed_seed
from trainspec.training.errors import TrainingError
from trainspec.training.foreign.checkpoint import is_of_others
from trainspec.training.foreign.finding import open_any
from trainspec.training.optimizers import safe_types
from trainspec.training.optimizers.behaviour import saving
from trainspec.training.parallel.agreement import all_here, together
from trainspec.training.preflight.preflight import check
from trainspec.training.run.build import restore_steppers
from trainspec.training.run.others.handed import OwnFiles
from trainspec.training.run.resuming.best import load_best
from trainspec.training.run.resuming.overruling import changes_beside_steppers
from trainspec.training.run.seeding import seed_everything
from trainspec.training.trainer.inside.overrides import call, is_overridden
from trainspec.training.trainer.inside.views import Views

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import nn

    from trainspec.storage import FileRecord
    from trainspec.training.checkpoint.payload import Payload
    from trainspec.training.face import TrainerFace
    from trainspec.training.run.loop import TrainingLoop


# By whom what is saved beside the model is written.
_BESIDE_MODEL = {"steppers": "_save_optimizer_and_scheduler", "rng": "_save_rng_state", "scaler": "_save_scaler"}


class FileHooks(Views):
    _resuming: Checkpoint | None = None
    # While somebody's own code restores the optimizer: whether ours did, which tells what settings were changed.
    _settings_compared = False
    # What the last `save_model` has written here, unless somebody's own code did.
    saved_files: Sequence[FileRecord] = ()

    # How a run asks

    def overrides(self, name: str) -> bool:
        """Whether a method of that name is somebody's own."""
        return is_overridden(self, name)

    def call_hook(self, name: str, *values: Any) -> Any:
        """Call a method with as many of the values as its signature takes."""
        return call(getattr(self, name), *values)

    # Saving

    def _save_checkpoint(self, model: Any = None, trial: Any = None, metrics: Any = None) -> None:
        """Write the checkpoint of this update."""
        self._loop().save()

    def own_files(self) -> OwnFiles:
        """What of a checkpoint overrides write: the model through save_model, which calls _save."""
        found: dict[str, Callable[[str], Any]] = {}
        if self.overrides("save_model") or self.overrides("_save"):
            found["model"] = lambda folder: self.call_hook("save_model", folder, True)
        for part, name in _BESIDE_MODEL.items():
            if self.overrides(name) and not self.args.save_only_model:
                found[part] = partial(self.call_hook, name)
        return OwnFiles(**found)

    def own_writers(self) -> list[str]:
        """The overrides that write files of a checkpoint, as `own_files` and `_save_checkpoint` are asked."""
        beside_model = () if self.args.save_only_model else _BESIDE_MODEL.values()
        names = ("_save_checkpoint", "save_model", "_save", *beside_model)
        return [name for name in names if self.overrides(name)]

    def _save(self, output_dir: str | None = None, state_dict: Mapping[str, Any] | None = None) -> None:
        """The model's files and its tokenizer's into output_dir or another folder or URL."""
        store = self.parts.output(self.args) if output_dir is None else open_store(output_dir)
        self._ready_model()
        strategy, what = self.parts.strategy, "saving the model"
        # Where each process has all of it, a script may save it in one of them alone.
        sharded = strategy.is_sharded
        if sharded:
            all_here(strategy.processes, what)
        state = strategy.weights() if state_dict is None else state_dict
        with together(strategy.processes, what) if sharded else nullcontext():
            if self.writes_files():
                files = model_artifacts(
                    self.model,
                    save_safetensors=self.args.save_safetensors,
                    processing_class=self.saved_processing(),
                    state_dict=state,
                )
                self.saved_files = [store.write(name, content.write) for name, content in files.items()]

    def write_model(self, output_dir: str | None) -> None:
        """By `_save`, which is given a folder of this machine where it is somebody's own."""
        store = self.parts.output(self.args) if output_dir is None else open_store(output_dir)
        self.saved_files = ()
        if self.writes_files():
            forget_manifest(store)
        if isinstance(store, LocalStore) or not self.overrides("_save"):
            self.call_hook("_save", store.url if output_dir is None else output_dir)
            return
        with tempfile.TemporaryDirectory(prefix="trainspec-") as folder:
            self.call_hook("_save", folder)
            written = sorted(path for path in Path(folder).rglob("*") if path.is_file())
            for path in written if self.writes_files() else ():
                store.upload(path, path.relative_to(folder).as_posix())

    def writes_files(self) -> bool:
        """Whether this process writes what is written once, or once on each node where settings say so."""
        return writes_for_all(self.args, self.parts.strategy.processes)

    def saved_processing(self) -> Any:
        """The tokenizer that is saved beside the model; the collator's where the Trainer was given none."""
        if self.processing_class is not None:
            return self.processing_class
        return getattr(getattr(self, "data_collator", None), "tokenizer", None)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        parts, processes = self.parts, self.parts.strategy.processes
        optimizer, schedule = parts.stepping()
        sharded = parts.strategy.is_sharded
        if sharded:
            all_here(processes, "saving the optimizer")
        with saving(optimizer):
            state = parts.strategy.state("sharded" if sharded else "full").optimizer or {}
            files: dict[str, Payload] = {}
            if sharded:
                files |= optimizer_part(state, parts.strategy.pieces(), processes.rank, processes.world_size)
            elif self.writes_files():
                files |= optimizer_files(state)
            for name, content in files.items():
                _write(output_dir, name, content.write)
        if self.writes_files():
            _write(output_dir, SCHEDULER, steps_file(SCHEDULER, schedule.state_dict()).write)

    def _save_scaler(self, output_dir: str) -> None:
        state = self.parts.precision.state_dict()
        if state is not None and self.writes_files():
            _write(output_dir, SCALER, steps_file(SCALER, state).write)

    def _save_rng_state(self, output_dir: str) -> None:
        _write(output_dir, self._rng_file(), lambda file: file.write(rng_bytes()))

    def _rng_file(self) -> str:
        processes = self.parts.strategy.processes
        return rng_file(processes.rank, processes.world_size)

    # Loading

    def load_checkpoint_weights(self, checkpoint: Checkpoint) -> None:
        if not self.overrides("_load_from_checkpoint"):
            load_weights_of(checkpoint, self.model, self.parts.strategy)
            return
        with self._folder_of(checkpoint) as folder:
            self.call_hook("_load_from_checkpoint", folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        checkpoint = self._opened(resume_from_checkpoint)
        if model is None or model is self.model:
            load_weights_of(checkpoint, self.model, self.parts.strategy)
        else:
            load_weights(model, checkpoint)

    def restore_steppers(self, checkpoint: Checkpoint, contents: Contents) -> None:
        own_steppers, own_scaler = self.overrides("_load_optimizer_and_scheduler"), self.overrides("_load_scaler")
        if not own_steppers:
            restore_steppers(cast("TrainerFace", self), checkpoint, contents)
        if not own_scaler:
            self.parts.precision.load_state_dict(None if contents.scaler is None else dict(contents.scaler))
        if own_steppers or own_scaler:
            with self._folder_of(checkpoint) as folder:
                if own_steppers:
                    self._settings_compared = False
                    self.call_hook("_load_optimizer_and_scheduler", folder)
                    if not self._settings_compared:
                        check(changes_beside_steppers(self.args, contents))
                if own_scaler:
                    self.call_hook("_load_scaler", folder)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        opened = self._opened(checkpoint)
        known = () if self.given[0] is not None else safe_types(self.args.optim)
        strategy = self.parts.strategy
        anew = not is_of_others(opened) and is_dealt_anew(opened, strategy)
        contents = unpack(
            opened, with_model=False, with_optimizer=not anew, safe_types=known, rank=strategy.processes.rank
        )
        restore_steppers(cast("TrainerFace", self), opened, contents)
        self._settings_compared = True

    def restore_rng(self, checkpoint: Checkpoint) -> None:
        if not self.overrides("_load_rng_state"):
            self._restore_rng(checkpoint)
            return
        with self._folder_of(checkpoint) as folder:
            self.call_hook("_load_rng_state", folder)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            self._restore_rng(self._opened(checkpoint))

    def _restore_rng(self, checkpoint: Checkpoint) -> None:
        name, strategy = self._rng_file(), self.parts.strategy
        if is_of_others(checkpoint):
            keeps = strategy.are_as_many_as(checkpoint.manifest.world_size)
        else:
            keeps = keeps_streams(checkpoint, strategy)
            if not keeps:
                # Those of other processes: not a mixture of theirs and new ones, nor what was drawn before.
                seed_everything(mixed_seed(self.args.seed, checkpoint.step, strategy.random_rank))
        if keeps and checkpoint.has(name):
            restore_rng(checkpoint.read(name), checkpoint.url)

    def _load_scaler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            opened, rank = self._opened(checkpoint), self.parts.strategy.processes.rank
            scaler = unpack(opened, with_model=False, with_optimizer=False, rank=rank).scaler
            self.parts.precision.load_state_dict(None if scaler is None else dict(scaler))

    def _load_best_model(self) -> bool:
        """The best checkpoint's weights into the model, where settings say so; whether they are in it."""
        return load_best(self.state, self.model, self.parts.strategy)

    # What these stand on

    def _loop(self) -> TrainingLoop:
        loop = self.parts.loop
        if loop is None:
            raise TrainingError(
                "this belongs to the training loop of trainspec, and train() has not begun it: an override of "
                "_inner_training_loop that does not call super() evaluates by evaluate() and saves by save_model()"
            )
        return loop

    @contextmanager
    def _folder_of(self, checkpoint: Checkpoint | None) -> Iterator[str | None]:
        """A checkpoint's files in a folder of this machine, for code that opens them by path."""
        if checkpoint is None or isinstance(checkpoint.store, LocalStore):
            yield None if checkpoint is None else checkpoint.url
            return
        with tempfile.TemporaryDirectory(prefix="trainspec-") as parent:
            folder = Path(parent) / f"checkpoint-{checkpoint.step}"
            for entry in checkpoint.store.entries():
                target = folder / entry.name
                target.parent.mkdir(parents=True, exist_ok=True)
                checkpoint.store.download(entry.name, target)
            yield str(folder)

    def _opened(self, folder: str) -> Checkpoint:
        chosen = self._resuming
        return chosen if chosen is not None and chosen.url == str(folder) else open_any(folder)


def _write(folder: str, name: str, writer: Callable[[Any], Any]) -> None:
    open_store(folder).write(name, writer)
