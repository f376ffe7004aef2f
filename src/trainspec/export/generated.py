"""The files of schemas/: what each is made from. `python -m trainspec.export.generated [--check] schemas`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from trainspec.export.sharing import published
from trainspec.settings.arguments import TrainingArguments


def _text(module: str, **options: str) -> Callable[[], str]:
    """A renderer, imported when asked for; what is not text already becomes JSON."""

    def render() -> str:
        made = import_module(f"trainspec.export.{module}").render(TrainingArguments, **options)
        return made if isinstance(made, str) else published(made)

    return render


FILES: dict[str, Callable[[], str]] = {
    "trainspec.schema.json": _text("json_schema", draft="7"),
    "trainspec.2020-12.schema.json": _text("json_schema", draft="2020-12"),
    "trainspec.environment.schema.json": _text("environment_schema"),
    "trainspec.diagnostics.schema.json": _text("diagnostics_schema"),
    "rules.json": _text("rules_json"),
    "trainspec.env": _text("env_template"),
    "trainspec.d.ts": _text("typescript"),
    "reference.md": _text("markdown"),
    "reference.zh.md": _text("markdown", language="zh"),
}


def write(folder: Path) -> None:
    """Write every file anew; none where one of them cannot be made."""
    texts = {name: render() for name, render in FILES.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def stale(folder: Path) -> list[str]:
    """The files that are missing, differ from what would be written, or are none of ours."""
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return sorted({name for name, render in FILES.items() if not _is_current(folder / name, render)} | there - {*FILES})


def _is_current(path: Path, render: Callable[[], str]) -> bool:
    return path.is_file() and path.read_bytes() == render().encode()


def main(argv: Sequence[str]) -> int:
    """Write the files, or with --check say which are out of date."""
    folders = [word for word in argv if word != "--check"]
    if len(folders) != 1 or folders[0].startswith("-"):
        sys.stderr.write("usage: python -m trainspec.export.generated [--check] FOLDER\n")
        return 2
    folder = Path(folders[0])
    if "--check" not in argv:
        write(folder)
        return 0
    old = stale(folder)
    if old:
        sys.stderr.write(f"out of date in {folder}: {', '.join(old)}; run make schemas\n")
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
