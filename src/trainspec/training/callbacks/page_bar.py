"""tqdm's bars on the page of a notebook: widgets, or text where there is no ipywidgets."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trainspec.training.callbacks.kernel import PAUSE, Place

if TYPE_CHECKING:
    from tqdm import tqdm

_COLUMNS = 100


def page_bar(**options: Any) -> tqdm:
    """The bar that tqdm.auto chooses here, with tqdm's options."""
    bar: tqdm
    kind = _bars_of_pages()
    if any(base.__name__ == "tqdm_notebook" for base in kind.__mro__):
        bar = _lasting(kind)(**options, dynamic_ncols=True, display=False)
    else:
        bar = kind(**options, file=_Line(), ncols=_COLUMNS, mininterval=PAUSE)
    return bar


def _bars_of_pages() -> Any:
    if "tqdm.auto" not in sys.modules:
        with warnings.catch_warnings():
            # Its advice to install a package that nobody needs.
            warnings.simplefilter("ignore")
            import_module("tqdm.auto")
    return sys.modules["tqdm.auto"].tqdm


def _lasting(widget: Any) -> Any:
    """Bars that end as text: a notebook is saved without its widgets, and would show how they began for ever."""

    class LastingBar(widget):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self._place = Place()
            self._place.show(text=str(self.desc), widget=self.container)

        def close(self) -> None:
            if self.disable:
                return
            last = self.format_meter(**{**self.format_dict, "ncols": _COLUMNS}) if self.leave else ""
            super().close()
            self._place.show(text=last)
            self.container.close()

    return LastingBar


class _Line:
    """A file for a bar of text, whose one line is renewed in its place: what is printed meanwhile cannot tear it, and
    a notebook that is run unattended is saved with the last of it alone.
    """

    encoding = "utf-8"

    def __init__(self) -> None:
        self._place = Place()

    def write(self, text: str) -> None:
        # A bar that is left ends its line, one that is not writes blanks over it.
        if text != "\n":
            self._place.show(text=text.strip())

    def flush(self) -> None:
        """Nothing waits to be written."""
