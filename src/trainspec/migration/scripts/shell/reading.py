"""The commands that a shell script would run, in order, each with its words; nothing is run.

A branch may be taken or not, a loop runs any number of times: what a variable holds behind them is known only where all
ways agree. A function's commands are those of each call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from trainspec.migration.scripts.shell.assignments import Assignments, assigned_in
from trainspec.migration.scripts.shell.expansion import Expander, is_sign
from trainspec.migration.scripts.shell.heredocs import Heredoc, heredocs_in, words_behind
from trainspec.migration.scripts.shell.scope import Scope
from trainspec.migration.scripts.words import Command, Marks, Word, is_known
from trainspec.migration.scripts.wrappers import filled_in

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

_DEEPEST = 20
# Reading a command takes as long as so many of the steps inside it.
_WORK = 150
_STATEMENTS = frozenset({"command", "redirected_statement", "pipeline", "list", "negated_command"})
_SETTING = frozenset({"variable_assignment", "variable_assignments", "declaration_command", "unset_command"})
_IN_ORDER = frozenset({"compound_statement", "do_group", "negated_command", "program"})
_BY_TYPE = {
    "command": "_command",
    "redirected_statement": "_redirected",
    "list": "_list",
    "pipeline": "_pipeline",
    "subshell": "_subshell",
    "if_statement": "_if",
    "case_statement": "_case",
    "for_statement": "_for",
    "c_style_for_statement": "_counting",
    "while_statement": "_counting",
    "function_definition": "_define",
}
_NO_BACKSLASH = "the line above does not end with a backslash"
_ALWAYS_GOES_ON = frozenset({"cd", "pushd", "mkdir", "export", "source", ".", "set", ":", "true", "echo", "module"})

Faults = list[tuple[int, int]]


def parse(source: bytes) -> Tree:
    """The syntax tree of a shell script."""
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language())).parse(source)


class Shell:
    """Goes through a script; `commands` are those that it would run, `faults` the places that do not parse."""

    def __init__(self, marks: Marks) -> None:
        self.marks = marks
        self.commands: list[Command] = []
        self.faults: Faults = []
        self._within: list[str] = []
        self._depth = 0
        self._ended = False
        self._at: tuple[int, int] | None = None
        self._expander = Expander(b"", Scope(marks))

    def read(self, text: str, scope: Scope, at: tuple[int, int] | None = None) -> None:
        """Go through a text; `at` is where it stands as a whole, where it is a word of another."""
        if self._depth >= _DEEPEST:
            return
        source = text.encode(errors="surrogatepass")
        before = self._expander, self._at, self._ended
        self._expander, self._at, self._ended = Expander(source, scope), at or self._at, False
        self._depth += 1
        root = parse(source).root_node
        if root.has_error:
            self._note_faults(root)
        self._each(root.children, scope)
        self._depth -= 1
        self._expander, self._at, self._ended = before

    def _note_faults(self, node: Node) -> None:
        if node.is_error or node.is_missing:
            self.faults.append(self._place(node))
        elif node.has_error:
            for child in node.children:
                self._note_faults(child)

    def _place(self, node: Node) -> tuple[int, int]:
        return self._at or self._expander.place(node)

    def _each(self, nodes: list[Node], scope: Scope) -> None:
        for node in nodes:
            if self._ended:
                return
            self._run(node, scope)

    def _run(self, node: Node, scope: Scope) -> None:
        self.marks.spend(1)
        # Every node is read under the scope that it runs in.
        before = self._expander.scope
        self._expander.scope = scope
        if node.type in _SETTING:
            Assignments(self._expander).run(node)
        elif node.type in _IN_ORDER:
            self._compound(node, scope)
        elif node.type in _BY_TYPE:
            getattr(self, _BY_TYPE[node.type])(node, scope)
        self._expander.scope = before

    def _compound(self, node: Node, scope: Scope) -> None:
        if node.children and node.children[0].type == "((":
            scope.forget(assigned_in(node, self._expander.written), "it is reckoned with while the script runs")
        else:
            self._each(node.named_children, scope)

    def _guarded(self, nodes: list[Node], scope: Scope, within: str) -> None:
        """Commands that may not run, or not only once."""
        self._within.append(within)
        ended, self._ended = self._ended, False
        self._each(nodes, scope)
        self._ended = ended
        self._within.pop()

    def _pipeline(self, node: Node, scope: Scope) -> None:
        for child in node.named_children:
            self._run(child, scope.copy())

    def _subshell(self, node: Node, scope: Scope) -> None:
        self._guarded(node.named_children, scope.copy(), "(")

    def _counting(self, node: Node, scope: Scope) -> None:
        self._loop(node, scope, node.children[0].type)

    def _list(self, node: Node, scope: Scope) -> None:
        children = [child for child in node.children if child.type not in ("comment",)]
        left, sign, right = children[0], children[1].type, children[-1]
        self._run(left, scope)
        if left == right or self._ended:
            return
        if sign == "&&" and self._goes_on(left):
            self._run(right, scope)
            return
        branch = scope.copy()
        self._guarded([right], branch, sign)
        scope.joined([scope.copy(), branch], f"it is set behind {sign}, which may not be reached")

    def _goes_on(self, node: Node) -> bool:
        if node.type == "list":
            return self._goes_on(node.named_children[-1])
        if node.type in ("variable_assignment", "variable_assignments", "declaration_command"):
            return True
        return node.type == "command" and self._expander.written(node).split(maxsplit=1)[0] in _ALWAYS_GOES_ON

    def _if(self, node: Node, scope: Scope) -> None:
        ends, complete = [], False
        parts: list[list[Node]] = [[]]
        for child in node.named_children:
            if child.type in ("elif_clause", "else_clause"):
                complete |= child.type == "else_clause"
                parts.append(list(child.named_children))
            else:
                parts[-1].append(child)
        for part in parts:
            branch = scope.copy()
            self._guarded(part, branch, "if")
            ends.append(branch)
        if not complete:
            ends.append(scope.copy())
        scope.joined(ends, "it differs between the branches of an if")

    def _case(self, node: Node, scope: Scope) -> None:
        ends = [scope.copy()]
        for item in node.named_children:
            if item.type == "case_item":
                branch = scope.copy()
                self._guarded(list(item.named_children), branch, "case")
                ends.append(branch)
        scope.joined(ends, "it differs between the branches of a case")

    def _for(self, node: Node, scope: Scope) -> None:
        name = self._expander.written(node.named_children[0])
        items: list[str] = []
        for child in node.named_children[1:-1]:
            items += self._expander.fields(child)
        known = len(items) == 1 and is_known(items[0])
        said = (
            f"a loop gives it {self.marks.readable(', '.join(items))[:60]}" if items else "a loop gives it its values"
        )
        self._loop(node, scope, "for", {name: items[0] if known else self.marks.unknown(f"${name}", said)})

    def _loop(self, node: Node, scope: Scope, word: str, given: dict[str, str] | None = None) -> None:
        changed = assigned_in(node, self._expander.written)
        before = scope.copy()
        body = scope.copy()
        body.forget(changed - set(given or {}), "a loop changes it")
        for name, value in (given or {}).items():
            body.put(name, value)
        nodes = [child for child in node.named_children if child.type == "do_group" or word in ("while", "until")]
        self._guarded(nodes, body, word)
        scope.joined([before, body], "a loop changes it")

    def _define(self, node: Node, scope: Scope) -> None:
        name = node.child_by_field_name("name")
        body = node.child_by_field_name("body")
        if name is not None and body is not None:
            scope.functions[self._expander.written(name)] = (body, self._expander.source)

    def _redirected(self, node: Node, scope: Scope) -> None:
        body = node.child_by_field_name("body")
        documents = list(heredocs_in(node, self._expander))
        if body is not None and body.type == "command":
            self._command(body, scope, documents, list(words_behind(node)))
        elif body is not None:
            self._run(body, scope)
        for document in documents:
            for behind in document.behind:
                self._run(behind, scope.copy())

    def call(self, command: Command, scope: Scope) -> bool:
        """Go through the function that a command calls, if it calls one."""
        body, source = scope.functions.get(command.words[0], (None, b""))
        if body is None or self._depth >= _DEEPEST:
            return False
        before, arguments = self._expander, scope.arguments
        self._expander = Expander(source, scope)
        scope.arguments = [str(word) + word.assumed for word in command.words[1:]]
        self._depth += 1
        ended, self._ended = self._ended, False
        self._run(body, scope)
        self._ended = ended
        self._depth -= 1
        self._expander, scope.arguments = before, arguments
        return True

    def _command(self, node: Node, scope: Scope, documents: Sequence[Heredoc] = (), more: Sequence[Node] = ()) -> None:
        words = list(self._words(node))
        for child in more:
            words += self._expander.words(child)
        for document in documents:
            for child in document.words:
                words += self._expander.words(child)
        environment = scope.environment()
        environment |= {name: Word.at(value, *self._place(node)) for name, value in self._environment(node)}
        words = filled_in(words, self.marks)
        for number, word in enumerate(words):
            word.number = number
            # A blank behind a backslash has no place of its own.
            word.line, word.column = (word.line, word.column) if word.line else self._place(node)
            if self._at is not None:
                word.line, word.column = self._at
        for document in documents:
            document.keep(scope, words)
        if not words:
            return
        # Flags at the beginning of a text are a command line without its program.
        is_flag = words[0].startswith("-") and self.commands
        why = _cut_off(node, self._expander) if is_flag else ""
        command = Command(words, environment, *self._place(node), tuple(self._within), why, _is_broken(node))
        text = next((document.text for document in documents if not document.target), None)
        self.marks.spend(_WORK + len(words))
        self.commands.append(command)
        self._after(command, scope, text)

    def _after(self, command: Command, scope: Scope, document: str | None) -> None:
        from trainspec.migration.scripts.shell.inner import go_inside

        number = len(self.commands) - 1
        if command.words[0] == "exit" and not self._within:
            self._ended = True
        elif go_inside(self, command, scope, document):
            del self.commands[number]

    def _words(self, node: Node) -> Iterator[Word]:
        parts = [child for child in node.children if not is_sign(child)]
        for group in self._expander.grouped(parts):
            yield from self._expander.words(*group)

    def _environment(self, node: Node) -> Iterator[tuple[str, str]]:
        for child in node.children:
            name, value = child.child_by_field_name("name"), child.child_by_field_name("value")
            if child.type == "variable_assignment" and name is not None:
                yield self._expander.written(name), "" if value is None else self._expander.text(value)


def _is_broken(node: Node) -> bool:
    """Whether the parser gave up inside a command, or right behind it."""
    around: Node | None = node
    while around is not None and around.type in _STATEMENTS:
        if around.has_error or (around.next_sibling is not None and around.next_sibling.is_error):
            return True
        around = around.parent
    return False


def _cut_off(node: Node, expander: Expander) -> str:
    """Why a command that begins with a flag stands alone."""
    line = expander.source[: node.start_byte].rstrip().rpartition(b"\n")[2].decode(errors="replace")
    if line.lstrip().startswith("#") or " #" in line:
        return "a comment ends the command above"
    return (
        "the line above does not go on: nothing, a blank too, may stand behind its backslash"
        if "\\" in line
        else _NO_BACKSLASH
    )
