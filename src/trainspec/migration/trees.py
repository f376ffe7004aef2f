"""A YAML or JSON text as a tree of the spans that its keys and values have in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml._yaml import CParser

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@dataclass(slots=True)
class Node:
    """A value: where it begins and ends, and what is in it. `text` is what a scalar says."""

    start: int
    end: int
    text: str | None = None
    flow: bool = True
    entries: list[tuple[Node, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)
    is_mapping: bool = False
    marked: bool = False

    def child(self, key: str) -> tuple[Node, Node] | None:
        """The key and the value of that name in a mapping."""
        return next((pair for pair in self.entries if pair[0].text == key), None)


def yaml_trees(text: str) -> Iterator[Node]:
    """The root of every document of a stream that is valid YAML."""
    parser = CParser(text)
    while (event := parser.get_event()) is not None:
        if isinstance(event, yaml.DocumentStartEvent):
            yield _yaml_node(parser, parser.get_event())


def _yaml_node(parser: Any, event: Any) -> Node:
    node = Node(event.start_mark.index, event.end_mark.index, flow=bool(getattr(event, "flow_style", True)))
    node.marked = getattr(event, "anchor", None) is not None or getattr(event, "tag", None) is not None
    if isinstance(event, yaml.ScalarEvent):
        node.text = event.value
        node.flow = event.style not in ("|", ">")
    elif isinstance(event, yaml.MappingStartEvent):
        node.is_mapping = True
        while not isinstance(inner := parser.get_event(), yaml.MappingEndEvent):
            key = _yaml_node(parser, inner)
            node.entries.append((key, _yaml_node(parser, parser.get_event())))
        node.end = _end(inner) if node.flow or not node.entries else node.entries[-1][1].end
    elif isinstance(event, yaml.SequenceStartEvent):
        while not isinstance(inner := parser.get_event(), yaml.SequenceEndEvent):
            node.items.append(_yaml_node(parser, inner))
        node.end = _end(inner) if node.flow or not node.items else node.items[-1].end
    return node


def _end(event: Any) -> int:
    end: int = event.end_mark.index
    return end


def json_tree(text: str) -> Node:
    """The root of a text that is valid JSON."""
    tokens = _TOKEN.finditer(text)
    return _json_node(tokens, next(tokens))


def _json_node(tokens: Iterator[re.Match[str]], token: re.Match[str]) -> Node:
    node = Node(token.start(), token.end())
    symbol = token.group()
    if symbol == "{":
        node.is_mapping = True
        for inner in tokens:
            if inner.group() == "}":
                node.end = inner.end()
                break
            if inner.group() != ",":
                key = Node(inner.start(), inner.end(), json.loads(inner.group()))
                next(tokens)
                node.entries.append((key, _json_node(tokens, next(tokens))))
    elif symbol == "[":
        for inner in tokens:
            if inner.group() == "]":
                node.end = inner.end()
                break
            if inner.group() != ",":
                node.items.append(_json_node(tokens, inner))
    else:
        node.text = symbol
    return node
