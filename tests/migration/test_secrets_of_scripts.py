"""What a script holds of secrets is in no note and no diagnostic."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainspec.cli import main

CANARY = "hf_canary123456"
SCRIPTS = [
    'python t.py --seed 7 --run_name "${SECRET_KEY:-CANARY}"',
    'python t.py --seed 7 --run_name "${API_TOKEN:=CANARY}"',
    'PRIVATE_KEY=${PRIVATE_KEY:-CANARY}\npython t.py --seed 7 --run_name "$PRIVATE_KEY"',
    "mpirun -genv WANDB_API_KEY CANARY python t.py --seed 7",
    "mpiexec -env SECRET_KEY CANARY python t.py --seed 7",
    "doppler run --secret-key CANARY python t.py --seed 7",
    "torchrun --rdzv_conf private_key=CANARY t.py --seed 7",
    "srun --export=ALL,SECRET_KEY=CANARY python t.py --seed 7",
    "SECRET_KEY=CANARY python t.py --seed 7 --hub_token $SECRET_KEY",
    "python t.py --seed 7 --hub_token CANARY --run_name $(curl --token CANARY)",
]


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_word_about_a_script_holds_its_secrets(
    script: str, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.sh"
    path.write_text(script.replace("CANARY", CANARY))
    assert main(["migrate", str(path), "--format", form]) in (0, 1)
    assert CANARY not in capsys.readouterr().err


@pytest.mark.parametrize("text", ['{"hub_token": CANARY}', '{"hub_token": CANARY, "seed": 7}', "[CANARY]"])
def test_a_value_without_quotes_is_not_told(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.json"
    path.write_text(text.replace("CANARY", CANARY))
    for words in (["validate"], ["show"], ["migrate", "--diff"]):
        assert main([words[0], str(path), *words[1:]]) != 0
        assert CANARY not in "".join(capsys.readouterr())


def test_a_key_without_quotes_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.json"
    path.write_text("{seed: 7}")
    assert main(["validate", str(path)]) != 0
    assert '"seed"' in "".join(capsys.readouterr())
