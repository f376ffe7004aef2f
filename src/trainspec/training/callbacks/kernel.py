"""Whether this process is the kernel of a notebook, and places on its page."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, Protocol

from trainspec.training.callbacks.printer import PrinterCallback

# Seconds between two versions of what is shown: each is sent whole.
PAUSE = 0.25


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


class Place:
    """One place on the page: what is shown there takes the place of what was."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, *, text: str, html: str | None = None, widget: Any = None) -> None:
        """Show HTML, with text for pages that cannot; or text alone; or a widget."""
        looks = widget if widget is not None else {"text/plain": text, **({"text/html": html} if html else {})}
        if self._handle is None:
            display = import_module("IPython.display").display
            self._handle = display(looks, raw=widget is None, display_id=True)
        else:
            self._handle.update(looks, raw=widget is None)


class Drawn(Protocol):
    """What has two looks, with a line below that says how things stand."""

    def html(self, status: str) -> str: ...

    def text(self, status: str) -> str: ...


class Block:
    """A place that is renewed a few times a second at most."""

    def __init__(self) -> None:
        self.is_behind = False
        self._place = Place()
        self._shown_at = 0.0

    def show(self, drawn: Drawn, status: str, *, now: bool = False) -> None:
        """Show it, `now` or when the pause is over: where it is not, `is_behind` says so."""
        passed = time.monotonic() - self._shown_at
        self.is_behind = not now and passed < PAUSE
        if not self.is_behind:
            self._shown_at = time.monotonic()
            self._place.show(text=drawn.text(status), html=drawn.html(status))


def showing(event: Callable[..., None]) -> Callable[..., None]:
    """An event of a callback at which something is shown; a run never ends for that. A callback that `gave_up`, or
    does so now by `give_up(error)`, tells its entries as lines.
    """

    @functools.wraps(event)
    def shown(self: Any, *given: Any, **known: Any) -> None:
        if not self.gave_up:
            try:
                event(self, *given, **known)
                return
            except Exception as error:
                self.give_up(error)
        getattr(PrinterCallback, event.__name__)(PrinterCallback(), *given, **known)

    return shown
