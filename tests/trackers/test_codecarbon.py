"""CodeCarbon leaves a row of energy and emissions in output_dir."""

import csv
from pathlib import Path

import pytest
from tests.trackers.running import assert_no_secret_in, build, run, secret_everywhere

__all__ = ["secret_everywhere"]


@pytest.mark.usefixtures("secret_everywhere")
def test_a_run_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODECARBON_COUNTRY_ISO_CODE", "FRA")
    run(build(tmp_path / "out", "codecarbon", project="digits"))
    (row,) = csv.DictReader((tmp_path / "out" / "emissions.csv").open())
    assert (row["project_name"], row["experiment_id"], row["country_iso_code"]) == ("digits", "morning", "FRA")
    assert float(row["duration"]) > 0 and float(row["energy_consumed"]) > 0
    assert_no_secret_in(tmp_path)


def test_a_remote_output_dir_gets_the_file_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainspec.storage import open_store

    monkeypatch.setenv("CODECARBON_COUNTRY_ISO_CODE", "FRA")
    trainer = build(tmp_path, "codecarbon", output_dir="memory://run")
    run(trainer)
    assert b"morning" in open_store("memory://run").read_bytes("emissions.csv")


def test_a_country_that_cannot_be_looked_up_does_not_end_the_run(tmp_path: Path) -> None:
    trainer = run(build(tmp_path / "out", "codecarbon"))
    assert trainer.state.global_step == 12
