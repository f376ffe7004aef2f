"""A few lines that would come to millions of words, letters or commands are refused, before memory or minutes go."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from trainspec.cli import main
from trainspec.migration.scripts.reading import read_script
from trainspec.settings.diagnostics import SourceError

RUN = 'python t.py --seed 7 --run_name "$A"\n'
ENDLESS = {
    "a variable of itself twice": ("cli", "A=xx\n" + "A=$A$A\n" * 60 + RUN),
    "one that grows by itself": ("cli", "A=xx\n" + "A+=$A\n" * 60 + RUN),
    "an array of itself twice": ("cli", "A=(a b)\n" + 'A+=("${A[@]}")\n' * 60 + RUN),
    "text put in for each letter": ("cli", "A=aaaa\n" + "A=${A//a/aaaaaaaaaa}\n" * 12 + RUN),
    "braces behind braces": ("cli", "python t.py --seed 7 --label_names " + "{a,b}" * 40),
    "ranges behind ranges": ("cli", "python t.py --seed 7 --label_names {1..999}{1..999}{1..999}"),
    "a function that calls itself twice": ("cli", "f() { f a; f b; python t.py --seed 7; }\nf\n"),
    "functions that call the next twice": (
        "cli",
        "".join(f"f{n}() {{ f{n + 1}; f{n + 1}; }}\n" for n in range(30)) + "f0\n" + RUN,
    ),
    "a text that runs itself twice": ("cli", 'X=\'eval "$X $X"\'\neval "$X"\n' + RUN),
    "many variables for many commands": ("cli", "".join(f"export V{n}=1\n" for n in range(3000)) + RUN * 300),
    "many branches and variables": ("cli", "".join(f"if [ $X ]; then V{n}=1; fi\n" for n in range(3000)) + RUN),
    "many commands": ("cli", RUN * 20000),
    "many words": ("cli", "python t.py " + "--x 1 " * 100_000),
    "many pipes": ("cli", "python t.py --seed 7 " + "| cat " * 60_000),
    "many unknowns": ("cli", "python t.py --run_name " + "".join(f"$U{n}" for n in range(70_000))),
    "a batch file's variable of itself twice": ("bat", "set A=xx\n" + "set A=%A%%A%\n" * 60 + "python t.py --seed 7\n"),
    "a batch file's long line": ("bat", "python t.py --seed 7 --run_name " + "\\" * 900_000),
    "a batch file's many words": ("bat", "python t.py --seed 7 ^\n" * 20_000),
    "a batch file's many signs": ("bat", "%a" * 400_000),
    "text of PowerShell of itself twice": ("powershell", "$A = 'x'\n" + '$A = "$A$A"\n' * 60 + "python t.py --seed 7"),
    "an array of PowerShell of itself": ("powershell", "$A = 1,2\n" + "$A += $A\n" * 60 + "python t.py --seed 7"),
    "many commands of PowerShell": ("powershell", "python t.py --seed 1\n" * 25_000),
    "many brackets of PowerShell": ("powershell", "python t.py --seed 7 " + "(" * 400_000),
}


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Ends what would go on for minutes; what is refused in time takes a second or two."""

    def stop(*_: object) -> None:
        raise AssertionError("it goes on and on")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(("language", "text"), ENDLESS.values(), ids=ENDLESS)
def test_what_grows_without_end_is_refused(language: str, text: str) -> None:
    with pytest.raises(SourceError) as error:
        read_script(text, "run", language)
    assert [item.code for item in error.value.diagnostics] == ["SRC109"]


def test_a_long_script_that_says_little_is_read() -> None:
    text = "# a comment\n" * 40_000 + "".join(f"V{n}=$V{n - 1}\n" for n in range(1, 5000)) + "python t.py --seed 7\n"
    assert read_script(text, "run", "cli").values == {"seed": 7}


def test_a_script_of_hundreds_of_launches_is_read() -> None:
    flags = " ".join(f"--x{n} {n}" for n in range(10))
    text = "export A=1 B=2\n" + "".join(f"python t.py --seed {n} {flags} > {n}.log\n" for n in range(500))
    found = read_script(text, "run", "cli", 400)
    assert found.values == {"seed": 399}


def test_every_place_on_a_long_line_is_right() -> None:
    text = "python t.py " + "é " * 2000 + "--seed $X --max_steps $Y\n"
    found = read_script(text, "run", "cli")
    places = {item.evidence[0].field: item.evidence[0].source for item in found.left}
    for field in ("seed", "max_steps"):
        value = text[places[field].column - 1 :][:2]  # type: ignore[union-attr]
        assert value == {"seed": "$X", "max_steps": "$Y"}[field]


def test_not_every_one_of_many_commands_is_listed(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "many.sh"
    path.write_text("".join(f"python t{n}.py --seed {n}\n" for n in range(300)))
    assert main(["migrate", str(path)]) == 1
    said = capsys.readouterr().err
    assert "and 280 more" in said and "t19.py" in said and "t20.py" not in said
