"""A session with the real language server, written down: `python -m tests.editor.transcript`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.editor.conftest import FOR_EDITORS, MODULES
from tests.editor.language_server import YamlEditor

TYPED = (
    "output_dir: out\nbf16: true\nfp16: true\n",
    "output_dir: out\nbf16: true\n",
    "output_dir: out\nevaluation_strategy: epoch\n",
    "output_dir: out\neval_strategy: epoch\n",
    "load_best_model_at_end: true\neval_strategy: epoch\n",
    "learning_rat: 0.1\n",
    "fsdp_config:\n  wrap: 1\n",
)


def show(editor: YamlEditor) -> None:
    for text in ("lr_scheduler_type: |", "fsdp_config:\n  |"):
        print(f"--- completion\n{text}")
        for label, documentation in editor.completion(text).items():
            print(f"    {label:<32} {documentation.splitlines()[-1] if documentation else ''}")
    for text in ("learning|_rate: 0.1", "lr_scheduler_type: cos|ine"):
        print(f"--- hover\n{text}\n" + "".join(f"    {line}\n" for line in editor.hover(text).splitlines()[:5]))
    for text in TYPED:
        print(f"--- typed\n{text}", end="")
        print("".join(f"    line {line}: {message}\n" for line, message in editor.diagnostics(text)) or "    nothing\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        session = YamlEditor(MODULES / "yaml-language-server/bin/yaml-language-server", Path(folder), FOR_EDITORS)
        try:
            show(session)
        finally:
            session.close()
