"""Words of a shell script are those that bash makes of them; what we cannot know we say so, and never make up."""

from __future__ import annotations

import shutil
import subprocess
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainspec.migration.scripts.shell.reading import Shell
from trainspec.migration.scripts.shell.scope import Scope
from trainspec.migration.scripts.words import Marks, is_known

BASH = shutil.which("bash")
needs_bash = pytest.mark.skipif(BASH is None, reason="bash makes the words to compare with")

PLAIN = st.text("ab1.-_/:=,+@%^", min_size=1, max_size=4).filter(lambda text: not text.startswith(("-", "=")))
INNER = st.text("ab 1.-_/:=,+#;&|<>(){}*?~!^", max_size=5)
NAMES = ("one", "two", "blank", "empty", "number", "list", "path")
OPERATORS = (":-d", ":-a b", ":+x y", "-d", "+x", "%b", "%%/*", "#*/", "##*/", "/a/X", "//a/X", ":1", ":1:2", "^^")
VARIABLES = st.one_of(
    st.sampled_from(NAMES).map("${{{}}}".format),
    st.sampled_from(NAMES).map("${}".format),
    st.builds("${{{}{}}}".format, st.sampled_from(NAMES), st.sampled_from(OPERATORS)),
    st.sampled_from(("${list[0]}", "${list[1]}", "${list[@]}", "${list[*]}", "${#list[@]}", "${#one}", "${list[@]:1}")),
    st.sampled_from(("$((number / 3))", "$((number*2 - 1))", "$(( $number % 4 ))", "$((-7 / 2))")),
)
FRAGMENTS = st.one_of(
    PLAIN,
    INNER.map("'{}'".format),
    INNER.map(lambda text: '"' + text.replace("!", "") + '"'),
    st.builds('"{}{}{}"'.format, INNER.map(lambda text: text.replace("!", "")), VARIABLES, PLAIN),
    VARIABLES,
    st.sampled_from(("\\ ", "\\$", "\\#", "\\\\", "\\'", '\\"', "\\\n", "a#b", "\\*", "\\~")),
    st.sampled_from(
        ("$'a\\tb'", "$'\\x41\\''", "$'\\u00e9'", '"\\$x"', '"a\\\nb"', "'a'\"b\"", '"a`true`"', '""', "''")
    ),
    st.sampled_from(("{a,b}", "{1..3}", "x{,y}", "{a}", "{a,{b,c}}", "{03..1}", "{a..c}")),
)
WORDS = st.lists(FRAGMENTS, min_size=1, max_size=4).map("".join)
HEAD = """
one=aab
two="x y"
blank=' '
empty=
number=10
list=(p 'q r' "$one" $two)
list+=(last)
path=a/b/cab
"""


def words_by_bash(script: str) -> list[str] | None:
    """The words as bash has them; None where it refuses the script."""
    with tempfile.TemporaryDirectory() as folder:
        run = [BASH or "", "--norc", "-c", script]
        done = subprocess.run(run, capture_output=True, cwd=folder, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
    return done.stdout.decode().split("\0")[:-1] if done.returncode == 0 and not done.stderr else None


def words_by_us(script: str) -> list[str] | None:
    """The words as we have them; None where we say that not all is known, or that it does not parse."""
    shell = Shell(Marks())
    shell.read(script, Scope(shell.marks))
    found = [command.words[2:] for command in shell.commands if command.words[0] == "printf"]
    broken = any(command.broken for command in shell.commands)
    if shell.faults or broken or len(found) != 1 or not all(map(is_known, found[0])):
        return None
    return [str(word) for word in found[0]]


@needs_bash
@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=4).map(" ".join))
def test_words_are_those_of_bash(line: str) -> None:
    script = f"{HEAD}printf '%s\\0' {line} end\n"
    ours, theirs = words_by_us(script), words_by_bash(script)
    if ours is not None and theirs is not None:
        assert ours == theirs
