"""Where a trained model goes besides output_dir, and searches for the settings to train it with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.storage import open_store
from trainspec.training.checkpoint.model_files import model_artifacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.callbacks import CallbackHandler, TrainerControl
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.hub import HubPublisher
    from trainspec.training.parallel import Strategy
    from trainspec.training.search import BestRun
    from trainspec.training.state import TrainerState
    from trainspec.training.trackers import TrackerGroup


class Publishing:
    args: TrainingArguments
    model: nn.Module
    model_wrapped: nn.Module
    processing_class: Any
    strategy: Strategy
    state: TrainerState
    control: TrainerControl
    callback_handler: CallbackHandler
    trackers: TrackerGroup
    _publisher: HubPublisher | None = None
    _published_for: TrainingArguments | None = None

    def init_hf_repo(self, token: str | None = None) -> None:
        """Have the repository on the hub."""
        self._hub().init_repo(token)

    def push_to_hub(
        self,
        commit_message: str = "End of training",
        blocking: bool = True,
        token: str | None = None,
        revision: str | None = None,
        **card: Any,
    ) -> Any:
        """Save the model and push it with a model card; the URL of the commit, or a Future of it.

        `card` is what create_model_card takes. Raises HubError.
        """
        self.create_model_card(**{"model_name": self._hub().wanted_name().rsplit("/", 1)[-1], **card})
        self.save_model(_internal_call=True)
        return self._hub().push_output(commit_message, blocking=blocking, token=token, revision=revision)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """The model and its tokenizer into output_dir or another folder or URL, and to the hub where that is on."""
        store = open_store(self.args.output_dir if output_dir is None else output_dir)
        weights = self.strategy.model_state(self.model_wrapped)
        files = model_artifacts(
            self.model,
            save_safetensors=self.args.save_safetensors,
            processing_class=self.processing_class,
            state_dict=weights,
        )
        if self.strategy.is_main:
            for name, content in files.items():
                store.write(name, content.write)
        if self.args.push_to_hub and not _internal_call:
            self.push_to_hub(commit_message="Model save")

    def create_model_card(self, **described: Any) -> None:
        """Write README.md into output_dir: what was trained, on what, with which settings and results.

        Takes language, license, tags, model_name, finetuned_from, tasks, dataset_tags, dataset, dataset_args. A
        README.md that somebody else wrote stays.
        """
        from trainspec.training.hub.model_card import write_model_card

        write_model_card(self, open_store(self.args.output_dir), **described)

    def hyperparameter_search(
        self,
        hp_space: Callable[[Any], dict[str, Any]] | None = None,
        compute_objective: Callable[[dict[str, float]], float] | None = None,
        n_trials: int = 20,
        direction: str | list[str] = "minimize",
        backend: str | None = None,
        hp_name: Callable[[Any], str] | None = None,
        **kwargs: Any,
    ) -> BestRun | list[BestRun]:
        """Train `n_trials` times with settings that a search library proposes; the best trial. Needs model_init."""
        from trainspec.training.search import hyperparameter_search

        searched: Any = self
        return hyperparameter_search(
            searched,
            hp_space=hp_space,
            compute_objective=compute_objective,
            n_trials=n_trials,
            direction=direction,
            backend=backend,
            hp_name=hp_name,
            **kwargs,
        )

    def report_to_search(self, metrics: dict[str, float]) -> None:
        """Tell a search that is under way what an evaluation found; it may end this trial."""
        if self.state.is_hyper_param_search:
            from trainspec.training.search import report_to_trial

            report_to_trial(self, metrics)

    def after_save(self, checkpoint: Checkpoint) -> None:
        """A checkpoint is whole: tell trackers of the best one, and the hub what its strategy says."""
        if self.state.best_model_checkpoint == checkpoint.url:
            self.trackers.best_checkpoint(checkpoint.url)
        if self.args.push_to_hub:
            self._hub().after_save(checkpoint, self.state)

    def finish_pushes(self) -> None:
        """Wait for pushes that run in the background."""
        if self._publisher is not None:
            self._publisher.finish()

    def _hub(self) -> HubPublisher:
        # A search gives each trial settings of its own.
        if self._publisher is None or self._published_for is not self.args:
            from trainspec.training.hub import HubPublisher

            self._publisher = HubPublisher(self.args, open_store(self.args.output_dir), self._on_push_begin)
            self._published_for = self.args
        return self._publisher

    def _on_push_begin(self) -> None:
        self.control = self.callback_handler.call_event("on_push_begin", self.args, self.state, self.control)
