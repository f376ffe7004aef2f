"""Of several processes with the same wrong settings one tells of them; what one alone finds is not lost."""

import signal

import pytest

from trainspec import SettingsParser, TrainingArguments
from trainspec.settings.arguments import speaking

WRONG = ["--output_dir", "x", "--lr_scheduler_type", "linaer"]


@pytest.mark.parametrize(
    ("launch", "nodes", "tells"),
    [
        ({"RANK": "0", "LOCAL_RANK": "0"}, "1", True),
        ({"RANK": "1", "LOCAL_RANK": "1"}, "", False),
        ({"RANK": "1", "LOCAL_RANK": "1"}, "2", False),
        # The agent of the only node would have ended it, if the first had found this.
        ({"RANK": "1", "LOCAL_RANK": "1"}, "1", True),
        # Another node may lack a file.
        ({"RANK": "1", "LOCAL_RANK": "0"}, "2", True),
    ],
)
def test_who_tells_of_wrong_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], launch: dict[str, str], nodes: str, tells: bool
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(speaking.time, "sleep", waited.append)
    for name, text in {**launch, "WORLD_SIZE": "2", "GROUP_WORLD_SIZE": nodes}.items():
        monkeypatch.setenv(name, text)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            SettingsParser(TrainingArguments).parse_args(WRONG)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("VAL103") == tells
    assert bool(waited) == (launch["RANK"] != "0")
