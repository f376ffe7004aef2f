"""Where a trained model goes besides output_dir: the hub, with a model card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.settings.values.choices import HubStrategy
from trainspec.training.checkpoint import open_checkpoint
from trainspec.training.checkpoint.contents import TRAINER_STATE
from trainspec.training.parallel.agreement import together
from trainspec.training.state import TrainerState, parse_state
from trainspec.training.trainer.files import Files
from trainspec.training.trainer.inside.hooks import Hooks
from trainspec.training.trainer.listeners import Listeners

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.hub import HubPublisher


class Publishing(Files, Hooks, Listeners):
    _publisher: HubPublisher | None = None
    _published_for: TrainingArguments | None = None

    def init_hf_repo(self, token: str | None = None, private: bool | None = None) -> None:
        """Have the repository on the hub; `private` stands in for hub_private_repo. The main process asks for it."""
        if self.parts.strategy.processes.is_main:
            self._hub().init_repo(token, private)

    def push_to_hub(
        self,
        commit_message: str = "End of training",
        blocking: bool = True,
        token: str | None = None,
        revision: str | None = None,
        **card: Any,
    ) -> Any:
        """Save the model and push it with a model card; the URL of the commit, or a Future of it.

        `card` is what create_model_card takes. The main process pushes; others get None. Raises HubError.
        """
        self.save_model(_internal_call=True)
        if not self.parts.strategy.processes.is_main:
            return None
        self.create_model_card(**{"model_name": self._hub().wanted_name().rsplit("/", 1)[-1], **card})
        return self._hub().push_output(commit_message, blocking=blocking, token=token, revision=revision)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """The model and its tokenizer into output_dir or another folder or URL, and to the hub where that is on."""
        self.write_model(output_dir)
        if self.args.push_to_hub and not _internal_call:
            self.push_to_hub(commit_message="Model save")

    def create_model_card(self, **described: Any) -> None:
        """Write README.md into output_dir: what was trained, on what, with which settings and results.

        Takes language, license, tags, model_name, finetuned_from, tasks, dataset_tags, dataset, dataset_args. A
        README.md that somebody else wrote stays.
        """
        from trainspec.training.hub.model_card import write_model_card

        if self.parts.strategy.processes.is_main:
            write_model_card(self, self.parts.output(self.args), **described)

    def after_save(self, checkpoint: Checkpoint) -> None:
        """A checkpoint is whole: tell trackers of the best one, and the hub what its strategy says."""
        if self.state.best_model_checkpoint == checkpoint.url:
            self.parts.trackers.best_checkpoint(checkpoint.url)
        if self.args.push_to_hub:
            self.call_hook("_push_from_checkpoint", checkpoint.url)

    def _push_from_checkpoint(self, checkpoint_folder: str) -> None:
        """Push what hub_strategy says of a checkpoint that has just been saved."""
        if not self.parts.strategy.processes.is_main:
            return
        checkpoint, state = open_checkpoint(checkpoint_folder), self.state
        if checkpoint.step != state.global_step:
            # It was saved in the background, and training is further.
            state = TrainerState.from_dict(parse_state(checkpoint.read(TRAINER_STATE)))
        self._hub().after_save(checkpoint, state)

    def after_training(self) -> None:
        """The run is whole: push the model where hub_strategy says so, and wait for pushes in the background."""
        if self.args.push_to_hub and self.args.hub_strategy == HubStrategy.END:
            with together(self.parts.strategy.processes, "pushing to the hub"):
                self.push_to_hub()
        self.call_hook("_finish_current_push")

    def _finish_current_push(self) -> None:
        self.finish_pushes()

    def end(self) -> None:
        """At the very end of a script: trackers are done, and pushes in the background."""
        self.finish_pushes()
        self.parts.trackers.finish()

    def finish_pushes(self) -> None:
        """Wait for pushes that run in the background."""
        if self._publisher is not None:
            self._publisher.finish()

    def _hub(self) -> HubPublisher:
        # A search gives each trial settings of its own.
        if self._publisher is None or self._published_for is not self.args:
            from trainspec.training.hub import HubPublisher

            self._publisher = HubPublisher(self.args, self.parts.output(self.args), lambda: self.fire("on_push_begin"))
            self._published_for = self.args
        return self._publisher
