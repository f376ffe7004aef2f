"""What a checkpoint will hold of a run: its snapshot."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint import Snapshot
from trainspec.training.checkpoint.contents import Contents, pack
from trainspec.training.checkpoint.load import folder_name
from trainspec.training.checkpoint.model_files import dealt_artifacts, is_dealt_out, model_artifacts
from trainspec.training.checkpoint.payload import Document, Encoded
from trainspec.training.checkpoint.ranks.files import optimizer_part, writes_for_all
from trainspec.training.checkpoint.ranks.layout import layout_of
from trainspec.training.checkpoint.ranks.names import place_file
from trainspec.training.checkpoint.ranks.rng import rng_bytes, rng_file
from trainspec.training.checkpoint.ranks.values import of_all
from trainspec.training.checkpoint.states.documents import resolved_document, settings_document
from trainspec.training.data.streaming.place import place_bytes
from trainspec.training.parallel.agreement import together
from trainspec.training.parallel.dealing import DealtWeights
from trainspec.training.run.others.handed import OwnFiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.storage import Store
    from trainspec.training.checkpoint.manifest import Branch
    from trainspec.training.checkpoint.payload import Payload
    from trainspec.training.parallel import Processes, Strategy
    from trainspec.training.run.others.handed import HandedFolder
    from trainspec.training.run.parts import RunParts
    from trainspec.training.state import TrainerState

# Of a checkpoint whose model somebody else writes.
NO_MODEL: Mapping[str, Payload] = {}


class Taking:
    """Takes what one process saves of a run; each method is called by all `processes`."""

    def __init__(self, args: TrainingArguments, store: Store, processes: Processes, branch: Branch) -> None:
        self._args = args
        self._store = store
        self._processes = processes
        self._writes = writes_for_all(args, processes)
        self._model_alone = args.save_only_model
        self._branch = branch.described()

    def snapshot(
        self, parts: RunParts, processing_class: Any, data: Mapping[str, Any] | None, own: OwnFiles
    ) -> Snapshot:
        """What this process saves of the run as it is now; inside `saving(optimizer)`. Nothing is written."""
        with together(self._processes, "saving a checkpoint: taking what is to be saved"):
            # First what processes do together.
            weights = self._weights(parts, own)
            optimizer = None if self._model_alone or own.steppers is not None else _optimizer(parts.strategy)
            snapshot = self._without_files(parts, data)
            documents = self._documents(parts.state)
            files = self._model_files(parts.model, weights, processing_class)
            if self._writes:
                files |= self._files_for_all(parts, optimizer, documents, own)
            files |= self._files_of_one(parts, optimizer, own)
        return replace(snapshot, files=files)

    def beside(self, handed: HandedFolder, parts: RunParts, data: Mapping[str, Any] | None) -> Snapshot:
        """Of a checkpoint that others have written: what tells where the run is, unless they wrote that, too."""
        documents = pack(Contents({}, **self._documents(parts.state)), artifacts=NO_MODEL)
        names = handed.names()
        files = {name: content for name, content in documents.items() if self._writes and name not in names}
        return replace(self._without_files(parts, data), files=files | self._place_of(parts))

    def _place_of(self, parts: RunParts) -> dict[str, Payload]:
        """Where this process's readers of a stream are, where a run can go on."""
        place, processes = parts.data_place, self._processes
        if place is None or self._model_alone:
            return {}
        return {place_file(processes.rank, processes.world_size): Encoded(partial(place_bytes, place))}

    def _weights(self, parts: RunParts, own: OwnFiles) -> Mapping[str, Tensor] | DealtWeights | None:
        """Of the model: what each process saves of it, or all in the main one; None where somebody else saves it."""
        if own.model is not None:
            return None
        # Under save_on_each_node each node has all of it, and torch's files have no shards.
        alone = self._args.save_on_each_node or not self._args.save_safetensors or not is_dealt_out(parts.model)
        dealt = None if alone else parts.strategy.dealt_weights()
        return parts.strategy.weights() if dealt is None else dealt

    def _model_files(
        self, model: nn.Module, weights: Mapping[str, Tensor] | DealtWeights | None, processing_class: Any
    ) -> dict[str, Payload]:
        if isinstance(weights, DealtWeights):
            return dealt_artifacts(
                model, weights, self._processes.rank, with_others=self._writes, processing_class=processing_class
            )
        if weights is None or not self._writes:
            return {}
        return model_artifacts(
            model,
            save_safetensors=self._args.save_safetensors,
            processing_class=processing_class,
            state_dict=weights,
        )

    def _without_files(self, parts: RunParts, data: Mapping[str, Any] | None) -> Snapshot:
        state = parts.state
        positions = self._processes.each(None if data is None else dict(data))
        return Snapshot(
            state.global_step,
            {},
            metadata={
                "best": state.best_global_step == state.global_step,
                "best_metric": state.best_metric,
                **self._branch,
            },
            data=None if data is None else {name: of_all([each.get(name) for each in positions]) for name in data},
            world_size=self._processes.world_size,
            layout=layout_of(parts.strategy),
        )

    def _documents(self, state: TrainerState) -> dict[str, Any]:
        losses = of_all(self._processes.each(state.running_loss))
        return {
            "trainer_state": {**self._state_document(state), "running_loss": losses},
            "training_args": settings_document(self._args),
            "resolved_args": resolved_document(self._args),
        }

    def _state_document(self, state: TrainerState) -> dict[str, Any]:
        """The state as whoever resumes from this checkpoint has it: then it exists, and is the best where it is."""
        document = state.to_dict()
        if state.best_global_step == state.global_step:
            url = self._store.child(folder_name(state.global_step)).url
            document["best_model_checkpoint"] = redact_whole_url(url)
        return document

    def _files_for_all(
        self, parts: RunParts, optimizer: Mapping[str, Any] | None, documents: Mapping[str, Any], own: OwnFiles
    ) -> dict[str, Payload]:
        """What is the same for every process, but the model."""
        contents = Contents({}, **documents)
        if not self._model_alone:
            contents = replace(
                contents,
                optimizer=None if parts.strategy.is_sharded else optimizer,
                scheduler=parts.stepping()[1].state_dict() if own.steppers is None else None,
                scaler=parts.precision.state_dict() if own.scaler is None else None,
            )
        return pack(contents, artifacts=NO_MODEL)

    def _files_of_one(self, parts: RunParts, optimizer: Mapping[str, Any] | None, own: OwnFiles) -> dict[str, Payload]:
        """What is this process's own."""
        rank, size = self._processes.rank, self._processes.world_size
        files: dict[str, Payload] = {}
        if optimizer is not None and parts.strategy.is_sharded:
            files |= optimizer_part(optimizer, parts.strategy.pieces(), rank, size)
        files |= self._place_of(parts)
        if own.rng is None and not self._model_alone:
            files[rng_file(rank, size)] = Document(rng_bytes())
        return files


def _optimizer(strategy: Strategy) -> Mapping[str, Any] | None:
    """The optimizer's state: the part of this process, or all of it on the main one."""
    return strategy.state("sharded" if strategy.is_sharded else "full").optimizer
