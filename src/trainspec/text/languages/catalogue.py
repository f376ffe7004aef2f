"""A catalogue: what English texts are in another language, found whole, by templates, or sentence by sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]+)\}")
# What these stand for has no blank in it.
_OF_ONE_WORD = frozenset({"code", "limit", "name", "name_or", "new", "number", "old", "other", "prefix", "sign"})
_SEVERAL_WORDS = dict.fromkeys(("choices", "names"), r"[^ ,]+(?:, [^ ,]+)*") | {
    "part": "[^;]+?",
    "path": r"\S*(?:[/~\\]|\.\w)\S*(?: \S+)*?",
    "steps": "[0-9 ,…()]+",
    "ways": r"\S+(?: or \S+)*",
}
# Between signs of Chinese and of Latin a blank is written.
_SEAM = re.compile(r"(?<=[\u4e00-\u9fff])\0(?=[A-Za-z0-9`>-])|(?<=[A-Za-z0-9`])\0(?=[\u4e00-\u9fff])")
# Nothing that we say is as long; what is has a stranger's text in it.
_LONGEST = 2000
# Of answers to one process, which may be asked for years.
_MOST_KEPT = 20_000
_DEEPEST = 24


class Template:
    """An English text with placeholders: {value} stands for what is shown as it is, {VALUE} for what is translated too.

    A few, such as {name}, stand for one word.
    """

    __slots__ = ("_pattern", "fixed", "mark", "names", "source", "target")

    def __init__(self, source: str, target: str) -> None:
        self.source, self.target = source, target
        self.fixed = _PLACEHOLDER.split(source)[::2]
        self.names = _PLACEHOLDER.findall(source)
        self.mark = max(self.fixed, key=len)
        self._pattern: re.Pattern[str] | None = None

    @property
    def weight(self) -> int:
        """How much of it is fixed: what says more is asked first."""
        return sum(map(len, self.fixed))

    @property
    def shown(self) -> int:
        """How many of its placeholders stand for what is shown as it is."""
        return sum(not name.isupper() for name in self.names)

    def match(self, text: str) -> dict[str, str] | None:
        """What the placeholders stand for where the text is of this template."""
        # Most templates are none of most texts, and are never compiled.
        if not (text.startswith(self.fixed[0]) and text.endswith(self.fixed[-1])):
            return None
        if self._pattern is None:
            parts = [re.escape(self.fixed[0])]
            for name, part in zip(self.names, self.fixed[1:], strict=True):
                text_of = r"\S+" if name in _OF_ONE_WORD else _SEVERAL_WORDS.get(name, ".+?")
                parts.append(f"(?P<{name}>{text_of}){re.escape(part)}")
            self._pattern = re.compile("".join(parts), re.DOTALL)
        found = self._pattern.fullmatch(text)
        return found.groupdict() if found is not None else None


def _made(templates: Mapping[str, str]) -> Iterable[Template]:
    return map(Template, templates, templates.values())


_NOTHING: Mapping[str, str] = MappingProxyType({})


class Catalogue:
    """Texts and templates of a language, by the English ones; called with a text, what it is in that language."""

    def __init__(
        self,
        texts: Mapping[str, str],
        templates: Mapping[str, str],
        structures: Mapping[str, str],
        *,
        first: Mapping[str, str] = _NOTHING,
        stop: str,
    ) -> None:
        """`structures` are templates of which the order counts, asked last, `first` those that are asked before all
        others; `stop` ends a sentence.
        """
        self.texts = {**first, **templates, **structures, **texts}
        by_weight = sorted(_made(templates), key=lambda one: (-one.weight, one.shown))
        self.templates: tuple[Template, ...] = (*_made(first), *by_weight, *_made(structures))
        self.stop = stop
        self._found: dict[str, str | None] = {}

    def __call__(self, text: str) -> str:
        """The text in this language; as it is where nobody has translated it."""
        return self.find(text) or text

    def find(self, text: str) -> str | None:
        """The text in this language, or None where a part of it has no translation."""
        if len(text) > _LONGEST:
            return None
        if text not in self._found:
            found = _Search(self).find(text)
            if len(self._found) >= _MOST_KEPT:
                self._found = {}
            self._found[text] = found
            return found
        return self._found[text]


class _Search:
    """One search, which goes no deeper than what we say does: a stranger's text may have any number of parts."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._texts, self._templates, self._stop = catalogue.texts, catalogue.templates, catalogue.stop
        self._found: dict[str, str | None] = {}
        self._depth = 0

    def find(self, text: str) -> str | None:
        if text not in self._found:
            if self._depth == _DEEPEST:
                return None
            self._depth += 1
            self._found[text] = self._look_up(text)
            self._depth -= 1
        return self._found[text]

    def _look_up(self, text: str) -> str | None:
        if not text.strip():
            return None
        if (known := self._texts.get(text)) is not None:
            return known
        if text.endswith(".") and (found := self.find(text[:-1])) is not None:
            return found if found.endswith(self._stop) else found + self._stop
        for template in [one for one in self._templates if one.mark in text]:
            if (values := template.match(text)) is not None and (found := self._filled(template, values)) is not None:
                return found
        # A phrase that begins a sentence.
        if text[0].isupper() and (found := self.find(text[0].lower() + text[1:])) is not None:
            return found
        return self._sentences(text)

    def _filled(self, template: Template, values: Mapping[str, str]) -> str | None:
        said: dict[str, str] = {}
        for name, value in values.items():
            shown = self.find(value) if name.isupper() else value
            if shown is None:
                return None
            said[name] = shown
        return _SEAM.sub(" ", _PLACEHOLDER.sub(lambda one: f"\0{said[one[1]]}\0", template.target)).replace("\0", "")

    def _sentences(self, text: str) -> str | None:
        for end in re.finditer(r"\. ", text):
            first = self.find(text[: end.start() + 1])
            if first is not None and (rest := self.find(text[end.end() :])) is not None:
                return first + rest
        return None
