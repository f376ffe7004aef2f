"""What of a run is pushed to the hub, and when.

A push is one commit: the model at the top of the repository and, where hub_strategy asks for it, the whole checkpoint
in a folder beside it. Pushes while training run in the background and never end it.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainspec.settings.values.choices import HubStrategy, SaveStrategy
from trainspec.storage import StorageError
from trainspec.storage.local import LocalStore
from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint.contents import OWN_STATE, TRAINER_STATE
from trainspec.training.checkpoint.manifest import MANIFEST
from trainspec.training.hub.client import Content, HubClient, HubError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.storage import Store
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.state import TrainerState

logger = logging.getLogger(__name__)

# Without these a checkpoint is what the repository shows: the model, its tokenizer, the settings.
_FOR_RESUMING = ("optimizer", "scheduler.", "scaler.", TRAINER_STATE, OWN_STATE, MANIFEST, "rng_state")
_SPOOL = ".pushing-"
_SHOWN_HIDDEN = frozenset({".gitattributes", ".gitignore"})

# Where a strategy keeps whole checkpoints in the repository.
_CHECKPOINT_FOLDER: dict[HubStrategy, Callable[[Checkpoint], str]] = {
    HubStrategy.CHECKPOINT: lambda checkpoint: "last-checkpoint",
    HubStrategy.ALL_CHECKPOINTS: lambda checkpoint: f"checkpoint-{checkpoint.step}",
}


class HubPublisher:
    """Pushes one run to its repository, from the main process; `output` is the store at output_dir."""

    def __init__(
        self, args: TrainingArguments, output: Store, on_push_begin: Callable[[], object] = lambda: None
    ) -> None:
        self._args = args
        self._output = output
        self._on_push_begin = on_push_begin
        self._client: HubClient | None = None
        self._repository: str | None = None
        self._branches: set[str] = set()
        self._jobs: list[Future[Any]] = []
        self.failures: list[str] = []

    @property
    def push_in_progress(self) -> bool:
        """Whether a push is running or waiting to."""
        self._jobs = [job for job in self._jobs if not job.done()]
        return bool(self._jobs)

    def init_repo(self, token: str | None = None, private: bool | None = None) -> str:
        """Have the repository, and the branch of hub_revision; its whole name, owner/name. Raises HubError."""
        self._clear_spools()
        return self._ready(self._connect(token), private)

    def wanted_name(self) -> str:
        """hub_model_id, else the last part of output_dir."""
        return self._args.hub_model_id or self._args.output_dir.rstrip("/").rsplit("/", 1)[-1]

    def after_save(
        self, checkpoint: Checkpoint, state: TrainerState, files: Mapping[str, bytes | Path] | None = None
    ) -> None:
        """Push, in the background, what hub_strategy says of a checkpoint that was just saved.

        `files` are its contents where they are still in memory: those of a remote store are then not read again. What
        goes wrong is warned of once and counted in `failures`. Left out while another push runs, unless
        hub_always_push lets it wait for its turn.
        """
        if self._args.hub_strategy == HubStrategy.END:
            return
        if self.push_in_progress and not self._args.hub_always_push:
            logger.info("step %s is not pushed to the hub: the last push still runs", state.global_step)
            return
        self._on_push_begin()
        message = self._progress(state)
        stack = ExitStack()
        try:
            contents = self._contents(checkpoint, files or {}, stack)
        except (OSError, StorageError) as error:
            stack.close()
            self._note(f"the checkpoint of step {state.global_step} cannot be read for the hub: {error}")
            return

        def push() -> str | None:
            with stack:
                return self._try(contents, message)

        self._jobs.append(self._connect().in_background(push))

    def push_output(
        self,
        commit_message: str = "End of training",
        *,
        blocking: bool = True,
        token: str | None = None,
        revision: str | None = None,
        private: bool | None = None,
    ) -> str | Future[str]:
        """Push what lies in output_dir, without checkpoints and hidden files, once earlier pushes are through.

        The URL of the commit, or where not `blocking` a Future of it. Raises HubError, or StorageError for files that
        cannot be read.
        """
        self._on_push_begin()
        self.finish()
        client = self._connect(token)
        repository = self._ready(client, private)
        branch = revision or self._args.hub_revision
        self._have_branch(client, branch)
        quiet = not blocking or bool(self._args.disable_tqdm)
        names = [entry.name for entry in self._output.entries() if _is_published(entry.name)]
        if not names:
            raise HubError(f"{redact_whole_url(self._output.url)} holds nothing to push")

        def push() -> str:
            with ExitStack() as stack:
                files = {name: stack.enter_context(self._output.local_copy(name)) for name in names}
                return client.commit(repository, files, commit_message, branch, quiet=quiet)

        if blocking:
            return push()
        job = client.in_background(lambda: _warning_of_failure(push))
        self._jobs.append(job)
        return job

    def finish(self) -> None:
        """Wait until no push is running. What failed has been warned of."""
        if self.push_in_progress:
            logger.info("waiting for pushes to the hub")
        for job in self._jobs:
            job.exception()
        self._jobs = []

    def _connect(self, token: str | None = None) -> HubClient:
        if token is not None:
            return HubClient(token)
        if self._client is None:
            secret = self._args.hub_token
            self._client = HubClient(None if secret is None else secret.get_secret_value())
        return self._client

    def _ready(self, client: HubClient, private: bool | None = None) -> str:
        if self._repository is None:
            wanted = self._args.hub_private_repo if private is None else private
            self._repository = client.create_repository(self.wanted_name(), private=wanted)
        self._have_branch(client, self._args.hub_revision)
        return self._repository

    def _have_branch(self, client: HubClient, branch: str | None) -> None:
        if branch and branch not in self._branches and self._repository is not None:
            client.create_branch(self._repository, branch)
            self._branches.add(branch)

    def _clear_spools(self) -> None:
        """What a run that was killed in the middle of a push left behind."""
        if isinstance(self._output, LocalStore) and not self.push_in_progress:
            for left in self._output.folder.glob(f"{_SPOOL}*"):
                shutil.rmtree(left, ignore_errors=True)

    def _try(self, files: Mapping[str, Content], message: str) -> str | None:
        try:
            client = self._connect()
            return client.commit(self._ready(client), files, message, self._args.hub_revision)
        except HubError as error:
            self._note(str(error))
            return None

    def _note(self, failure: str) -> None:
        if not self.failures:
            logger.warning("%s; the run goes on, and further failures are only counted", failure)
        self.failures.append(failure)

    def _contents(
        self, checkpoint: Checkpoint, files: Mapping[str, bytes | Path], stack: ExitStack
    ) -> dict[str, Content]:
        """What a push of that checkpoint holds, by name in the repository."""
        names = [MANIFEST, *(file.name for file in checkpoint.manifest.files)]
        placed = {name: name for name in names if not name.startswith(_FOR_RESUMING)}
        folder = _CHECKPOINT_FOLDER.get(self._args.hub_strategy)
        if folder is not None:
            placed |= {f"{folder(checkpoint)}/{name}": name for name in names}
        spool = _spool(checkpoint, stack)
        held = {name: _held(checkpoint.store, name, files.get(name), spool) for name in set(placed.values())}
        return {place: held[name] for place, name in placed.items()}

    def _progress(self, state: TrainerState) -> str:
        if self._args.save_strategy == SaveStrategy.EPOCH:
            return f"Training in progress, epoch {round(state.epoch)}"
        return f"Training in progress, step {state.global_step}"


def _warning_of_failure(push: Callable[[], str]) -> str:
    try:
        return push()
    except (HubError, StorageError) as error:
        logger.warning("%s", error)
        raise


def _spool(checkpoint: Checkpoint, stack: ExitStack) -> Path | None:
    """Beside a local checkpoint, a folder to keep its files in until a push is over; None for a remote one."""
    if not isinstance(checkpoint.store, LocalStore):
        return None
    beside = checkpoint.store.folder.parent
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_SPOOL, dir=beside)))


def _held(store: Store, name: str, known: bytes | Path | None, spool: Path | None) -> Content:
    """A content that stays though its checkpoint may be deleted meanwhile: a second name of a local file, or bytes."""
    if spool is None or not isinstance(store, LocalStore):
        return known if isinstance(known, bytes) else store.read_bytes(name)
    kept = spool / name
    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        kept.hardlink_to(store.folder / name)
    except OSError:
        shutil.copyfile(store.folder / name, kept)
    return kept


def _is_published(name: str) -> bool:
    first = name.split("/", 1)[0]
    if first.startswith("checkpoint-") and "/" in name:
        return False
    return all(part in _SHOWN_HIDDEN or not part.startswith((".", "_")) for part in name.split("/"))
