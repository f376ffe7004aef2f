"""Whether this process is the kernel of a notebook, and what its page can show: bars, and blocks that change."""

from __future__ import annotations

import os
import sys
import time
import warnings
from contextlib import suppress
from typing import Any, Protocol

# Seconds between two versions of a block; each is sent whole.
PAUSE = 0.2


def in_kernel() -> bool:
    """Whether what is displayed here goes to a page: no terminal, no child of a kernel, whatever is installed."""
    # Who runs a kernel has imported IPython; nobody else has to pay for it.
    shell = None
    with suppress(Exception):
        shell = sys.modules["IPython"].get_ipython()
    # The shell in a terminal has none.
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return False
    # A forked child has inherited the shell of its parent, and nobody listens to what it displays.
    owner = getattr(getattr(kernel, "session", None), "pid", None)
    return owner is None or owner == os.getpid()


def bar_class() -> Any:
    """tqdm's bars: of a page in a kernel, where they are text without ipywidgets; of a terminal everywhere else."""
    if not in_kernel():
        # tqdm.auto takes a script that merely imports ipykernel for a page.
        from tqdm import tqdm

        return tqdm
    if "tqdm.auto" in sys.modules:
        return sys.modules["tqdm.auto"].tqdm
    with warnings.catch_warnings():
        # Its advice to install a package that nobody needs.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm as best
    return best


def is_widget(bar: type[Any]) -> bool:
    """Whether bars of this class are drawn by the page, not written."""
    return any(base.__name__ == "tqdm_notebook" for base in bar.__mro__)


class Drawn(Protocol):
    """What has two looks, with a line below that says how things stand."""

    def html(self, status: str) -> str: ...

    def text(self, status: str) -> str: ...


class Block:
    """One place on the page; what is shown there takes the place of what was, a few times a second at most."""

    def __init__(self) -> None:
        self.is_behind = False
        self._handle: Any = None
        self._shown_at = 0.0

    def show(self, drawn: Drawn, status: str, *, now: bool = False) -> None:
        """Show it, `now` or when the pause is over: where it is not, `is_behind` says so."""
        passed = time.monotonic() - self._shown_at
        self.is_behind = not now and passed < PAUSE
        if self.is_behind:
            return
        from IPython.display import display

        self._shown_at = time.monotonic()
        looks = {"text/html": drawn.html(status), "text/plain": drawn.text(status)}
        if self._handle is None:
            self._handle = display(looks, raw=True, display_id=True)
        else:
            self._handle.update(looks, raw=True)
