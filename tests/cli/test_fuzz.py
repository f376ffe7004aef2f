"""Whatever is typed: an exit code, diagnostics, never a traceback, never a secret."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainspec import TrainingArguments

CANARY = "canary-9f8e7d6c"
OPTIONS = [
    "--format",
    "json",
    "--env",
    "--all",
    "--at",
    "--task",
    "digits",
    "--rows",
    "--target",
    "cpu",
    "--ignore-unknown",
]
NAMES = sorted(TrainingArguments.field_kinds())

WORDS = st.one_of(
    st.text(max_size=10),
    st.sampled_from([*OPTIONS, "--", "-", "-1", "", ".", "run.yaml", "--task.width", "--task.", "\x00", "\ud800"]),
    st.sampled_from(NAMES),
    st.sampled_from(NAMES).map("--{}".format),
    st.builds("--{}={}".format, st.sampled_from(NAMES), st.text(max_size=6)),
    st.just("--hub_token=" + CANARY),
    st.builds("--{}={}".format, st.from_regex(r"zz[a-z_]{1,8}", fullmatch=True), st.just(CANARY)),
)


@pytest.mark.parametrize("command", ["validate", "show", "plan", "rule", "explain", "diff", "train", ""])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(words=st.lists(WORDS, max_size=6))
def test_any_words(run: Callable, tmp_path_factory: pytest.TempPathFactory, command: str, words: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.getbasetemp() / "..")
        # A task that there is would start to train.
        typed = [word for word in words if command != "train" or word not in ("digits", "lm")]
        found = run(*filter(None, [command]), *typed)
    assert found.code in (0, 1, 2)
    # Behind two dashes it is the name of a file, and files are named.
    assert "--" in typed or CANARY not in found.out + found.err
    assert "Traceback" not in found.err


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(text=st.text(max_size=60), ending=st.sampled_from(["yaml", "json", "toml"]))
def test_any_file(run: Callable, write: Callable, text: str, ending: str) -> None:
    try:
        path = write(f"a.{ending}", text)
    except UnicodeEncodeError:
        return
    found = run("validate", path)
    assert found.code in (0, 1, 2)
    assert "Traceback" not in found.err
