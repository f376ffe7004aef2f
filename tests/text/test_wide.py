"""Text of two columns a sign: how wide it is, and where its lines end."""

from __future__ import annotations

import pytest

from trainspec.text.wide import is_wide, lines_of, padded, width_of
from trainspec.text.wrapping import wrap

TEXT = "从哪个检查点恢复（路径或 URL）；true 或 latest：output_dir 中最新的有效检查点；auto：同上，没有则从头开始。"


@pytest.mark.parametrize(("text", "width"), [("", 0), ("seed", 4), ("种子", 4), ("é", 1), ("种子 seed。", 11)])
def test_width(text: str, width: int) -> None:
    assert width_of(text) == width
    assert padded(text, 12) == text + " " * (12 - width)


def test_what_is_wide() -> None:
    assert is_wide("种") and not is_wide("é…“”") and not is_wide("seed")


@pytest.mark.parametrize("columns", range(24, 90, 6))
def test_lines_fit_and_lose_nothing(columns: int) -> None:
    lines = lines_of(TEXT, columns, "  ", "    ")
    assert max(map(width_of, lines)) <= columns
    assert lines[0].startswith("  从") and all(line.startswith("    ") for line in lines[1:])
    assert "".join("".join(lines).split()) == "".join(TEXT.split())
    assert not [line for line in lines if line.lstrip()[0] in "，。；：）"]
    words = {word for line in lines for word in line.split()}
    assert any("output_dir" in word for word in words) and any("latest" in word for word in words)


def test_wrapping_takes_it_for_wide_text_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert max(map(width_of, wrap(TEXT, "  "))) <= 40
    assert wrap("Café: true or false, and nothing else in the world", "  ") == [
        "  Café: true or false, and nothing else",
        "  in the world",
    ]
