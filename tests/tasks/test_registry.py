"""Tasks are found by name or place, and what is wrong with one is said."""

import subprocess
import sys
from pathlib import Path

import pytest

from trainspec.tasks import TASKS, TaskError, resolve_task


@pytest.mark.parametrize("name", TASKS)
def test_built_in_tasks_resolve(name: str) -> None:
    assert resolve_task(name).__name__ == name
    assert resolve_task(TASKS[name]) is resolve_task(name)


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_task.py").write_text(
        "number = 3\nclass Kit:\n    @staticmethod\n    def train(args): ...\ndef mine(args): ...\n"
    )
    (tmp_path / "broken_task.py").write_text("1 / 0\n")
    (tmp_path / "needy_task.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize("place, name", [("own_task:mine", "mine"), ("own_task:Kit.train", "train")])
def test_a_task_of_ones_own(place: str, name: str) -> None:
    assert resolve_task(place).__name__ == name


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize(
    "name, told",
    [
        (
            "digit",
            "unknown task 'digit'; did you mean 'digits'?; expected a built-in task (digits, lm) or pkg.mod:callable",
        ),
        ("zebra", "unknown task 'zebra'; expected"),
        ("", "unknown task ''"),
        ("own_task:", "unknown task 'own_task:'"),
        (":mine", "unknown task ':mine'"),
        ("no.such:task", "there is no module 'no' on the Python path"),
        ("own_task.deep:task", "there is no module 'own_task.deep'"),
        ("own_task:mime", "module 'own_task' has no 'mime'; did you mean own_task:mine?"),
        ("own_task:number", "is a int, not a callable"),
        ("broken_task:task", "failed with ZeroDivisionError: division by zero"),
        ("needy_task:task", "its module needs 'no_such_library', which is not installed"),
    ],
)
def test_what_is_wrong_is_said(name: str, told: str) -> None:
    with pytest.raises(TaskError) as caught:
        resolve_task(name)
    assert told in str(caught.value)


def test_tasks_and_their_settings_need_no_torch() -> None:
    script = (
        "import sys; sys.modules['torch'] = None; sys.modules['sklearn'] = None\n"
        "from trainspec.tasks import TASKS, resolve_task, settings_model\n"
        "print([settings_model(resolve_task(name)).__name__ for name in TASKS])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "['DigitsSettings', 'LanguageModelSettings']", run.stderr
