"""The few calls that pushing needs of the hub's API; whatever fails is told without a secret."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from trainspec.text.redaction import HIDDEN, redact_url
from trainspec.training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future

T = TypeVar("T")
Content = bytes | Path

_CREDENTIAL = re.compile(r"(?i)bearer\s+[^\s\"',;)]+|\bhf_[A-Za-z0-9]{8,}")
_DEFAULT_BRANCH = "main"


class HubError(TrainingError):
    """The hub did not do what a push needs; the message holds no token, no signature and no header."""


class HubClient:
    """One account at one hub: that of HF_ENDPOINT as it is now, else the public one."""

    def __init__(self, token: str | None) -> None:
        from huggingface_hub import HfApi, get_token

        self._token = token or get_token()
        endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None
        self._api = HfApi(endpoint=endpoint, token=self._token, library_name="trainspec")

    def create_repository(self, name: str, *, private: bool | None) -> str:
        """The whole name, owner/name, of a repository that is there afterwards; without an owner it is the account."""

        def create() -> str:
            made = self._api.create_repo(name, private=private, exist_ok=True)
            return str(made.repo_id)

        return self._do(f"create the repository {name}", create)

    def create_branch(self, repository: str, branch: str) -> None:
        """Have that branch, from the newest commit on the main one if it is new. Other references are left alone."""
        if branch == _DEFAULT_BRANCH or branch.startswith("refs/"):
            return
        create = self._api.create_branch
        self._do(
            f"create the branch {branch} of {repository}", lambda: create(repository, branch=branch, exist_ok=True)
        )

    def commit(
        self, repository: str, files: Mapping[str, Content], message: str, revision: str | None, *, quiet: bool = True
    ) -> str:
        """Put the files into the repository in one commit, `quiet` without progress bars; the URL of it."""
        from huggingface_hub import CommitOperationAdd

        def send() -> str:
            added = [CommitOperationAdd(name, content) for name, content in files.items()]
            with _without_bars() if quiet else nullcontext():
                done = self._api.create_commit(repository, added, commit_message=message, revision=revision)
            return redact_url(str(done.commit_url))

        return self._do(f"push to {repository}", send)

    def in_background(self, job: Callable[[], T]) -> Future[T]:
        """One after another, in the order given."""
        future: Future[T] = self._api.run_as_future(job)
        return future

    def _do(self, what: str, act: Callable[[], T]) -> T:
        try:
            return act()
        # The client raises errors of several libraries; each holds its request, with the token in a header.
        except Exception as error:
            reason = self._shown(error)
        # Raised out here, so that the error does not hang on to the one that holds the token.
        raise HubError(f"cannot {what}: {reason}")

    def _shown(self, error: Exception) -> str:
        text = " ".join(str(error).split()) or type(error).__name__
        if self._token:
            text = text.replace(self._token, HIDDEN)
        return redact_url(_CREDENTIAL.sub(HIDDEN, text))


@contextmanager
def _without_bars() -> Iterator[None]:
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    were_off = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not were_off:
            enable_progress_bars()
