"""One reading of the launcher's variables, from which settings and training both take ranks and world size."""

import pytest

from trainspec.settings.arguments.launch import Launch

TORCHRUN = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "GROUP_RANK": "1"}
ROWS: list[tuple[str, dict[str, str], Launch]] = [
    ("nobody launched it", {}, Launch(0, 1, None, None, 0)),
    ("torchrun", TORCHRUN, Launch(5, 8, 1, 4, 1)),
    ("a node that is not told", {**TORCHRUN, "RANK": "7", "GROUP_RANK": ""}, Launch(7, 8, 1, 4, 1)),
    ("nor how many it holds", {"RANK": "7", "WORLD_SIZE": "8"}, Launch(7, 8, None, None, 0)),
    ("no numbers", {"RANK": "-1", "WORLD_SIZE": "many", "LOCAL_WORLD_SIZE": "2.0", "LOCAL_RANK": " 1"}, Launch()),
    ("a world of none", {"WORLD_SIZE": "0", "LOCAL_WORLD_SIZE": "0"}, Launch()),
]


@pytest.mark.parametrize("variables, expected", [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_the_variables_say(variables: dict[str, str], expected: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Launch.of(variables) == expected
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Launch.of_this_process() == expected
