"""Any text at all is read or refused, never with a traceback; no value comes out that the script does not say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trainspec.migration.scripts.reading import read_script
from trainspec.settings.diagnostics import SourceError

STYLES = sorted((Path(__file__).parent / "scripts").glob("*.yaml"))
SCRIPTS = [case["script"] for style in STYLES for case in yaml.safe_load(style.read_text()).values()]
LANGUAGES = ("cli", "bat", "powershell", "notebook")


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A script with a piece cut out, doubled, or another's put in."""
    text, other = draw(st.sampled_from(SCRIPTS)), draw(st.sampled_from(SCRIPTS))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 40)))
    pieces = ["", text[start:end] * 2, other[: end - start], "'", '"', "$(", "${", "\\\n", "<<E\n", "`"]
    piece = draw(st.sampled_from(pieces))
    return text[:start] + piece + text[end:]


@pytest.mark.parametrize("language", LANGUAGES)
@given(damaged() | st.text(max_size=60))
def test_any_text(language: str, text: str) -> None:
    try:
        found = read_script(text, "run", language)
    except SourceError as error:
        assert {item.code for item in error.diagnostics} <= {"SRC106", "SRC107", "SRC109", "SRC143"}
    else:
        assert found.facts["command"]["number"] >= 1


# How a script says a value -> whether it can be known without running it.
SAID = {
    "cli": {
        "{v}": True,
        "'{v}'": True,
        '"{v}"': True,
        "${{KNOWN}}{v}": True,
        '"${{KNOWN}}"{v}': True,
        "$UNKNOWN": False,
        "{v}$UNKNOWN": False,
        "$(cmd {v})": False,
        "`cmd`": False,
        "{v}*": False,
        '"$1"': False,
        "$((N + {v}))": False,
    },
    "bat": {"{v}": True, '"{v}"': True, "%KNOWN%{v}": True, "%UNKNOWN%": False, "{v}%1": False},
    "powershell": {"{v}": True, "'{v}'": True, "$UNKNOWN": False, '"{v}$UNKNOWN"': False},
}
HEADS = {"cli": "KNOWN=\n", "bat": "set KNOWN=7\n", "powershell": "$KNOWN = '7'\n"}
FIRST = {"cli": "", "bat": "7", "powershell": ""}
NAMES = ("seed", "max_steps", "logging_steps", "eval_steps", "save_total_limit", "gradient_accumulation_steps")


@pytest.mark.parametrize("language", SAID)
@given(st.data())
def test_no_value_is_made_up(language: str, data: st.DataObject) -> None:
    ways = SAID[language]
    flags, expected, unknown = [], {}, set()
    for name in data.draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1)):
        way, number = data.draw(st.sampled_from(sorted(ways))), data.draw(st.integers(1, 999))
        flags.append(f"--{name} {way.format(v=number)}")
        if not ways[way]:
            unknown.add(name)
        else:
            expected[name] = int(f"{FIRST[language] if 'KNOWN' in way else ''}{number}")
    found = read_script(f"{HEADS[language]}python t.py {' '.join(flags)}\n", "run", language)
    assert found.values == expected
    assert {field for item in found.left for field in item.fields} == unknown
