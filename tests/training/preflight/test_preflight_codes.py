"""Every code that preflight uses is explained, and every one explained is used."""

import re
from pathlib import Path

import trainspec.training
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.preflight_codes import PREFLIGHT_CODES


def test_the_codes_of_preflight_are_those_explained() -> None:
    folder = Path(trainspec.training.__file__).parent
    used = {code for path in folder.rglob("*.py") for code in re.findall(r'"(RUN\d{3})"', path.read_text())}
    assert used == set(PREFLIGHT_CODES)
    assert not set(CODES) & set(PREFLIGHT_CODES)
