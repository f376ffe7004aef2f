"""The list of mutations covers every setting and still fits the sources; trying it out is `make mutate`."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from tests.contract.mutations import MUTATIONS, Mutation

from trainspec import Seq2SeqTrainingArguments

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("field", Seq2SeqTrainingArguments.model_fields)
def test_there_is_a_mutation(field: str) -> None:
    assert field in {mutation.field for mutation in MUTATIONS}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_a_mutation_finds_its_place_and_leaves_a_program(mutation: Mutation) -> None:
    assert mutation.field in Seq2SeqTrainingArguments.model_fields
    assert mutation.old != mutation.new
    ast.parse(mutation.applied())


def test_no_mutation_is_there_twice() -> None:
    assert len(set(MUTATIONS)) == len(MUTATIONS)


PROGRAM = """
from tests.contract.mutations.mutate import Mutation, main

PLACE = "eval_on_start", "plan/events.py"
EFFECT = "return cadence.eval_on_start"
raise SystemExit(main(["--jobs", "1"], [
    Mutation(*PLACE, EFFECT, "return False"),
    Mutation(*PLACE, "Whether an evaluation runs before the first update.", "Nobody asks what this says."),
    Mutation(*PLACE, EFFECT, "return cadense.eval_on_start"),
    Mutation(*PLACE, "from fractions import Fraction", "from fractions import Fractures"),
]))
"""


def test_what_is_killed_survives_or_is_no_program() -> None:
    tried = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    verdicts = [line.split()[2] for line in tried.stdout.splitlines() if line.startswith("eval_on_start ")]
    assert verdicts == ["killed", "survived", "broken", "broken"], tried.stdout + tried.stderr
    assert "4 mutations, 1 killed, 1 survive, 2 broken" in tried.stdout.splitlines()[-1]
    assert tried.returncode == 1
