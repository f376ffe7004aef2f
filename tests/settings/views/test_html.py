"""Settings, verdicts and diagnostics on the page of a notebook: all there is to know, no secret, nothing that runs."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from pydantic import ValidationError

from trainspec import Settings, TrainingArguments, diagnostics, load, validate

CANARY = "cnry7F3xQ"
ATTACK = "</code><script>alert(1)</script><img src=x onerror=alert(1)>"
VOID = {"br", "img"}


class Page(HTMLParser):
    """What a browser makes of HTML: its tags, its text apart from styles, the open elements at the end."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "every element ends before the one around it"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(shown: Any) -> Page:
    page = Page(shown._repr_html_())
    assert page.open == []
    assert not {"script", "img", "link", "iframe", "object", "base", "form"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name in ("src", "href") or name.startswith("on")]
    assert not re.search(r"https?://|@import|url\(", shown._repr_html_())
    return page


@pytest.fixture
def quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_what_was_said_with_its_source_what_follows_and_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SEED", "8")
    made = TrainingArguments("out", eval_strategy="epoch", learning_rate=0.003)
    text = read(made).text
    assert text.startswith("TrainingArguments 4 set, ")
    for row in (
        'output_dir "out" constructor',
        "learning_rate 0.003 constructor",
        "seed 8 TRAINSPEC_SEED (environment)",
        "do_eval true derived from eval_strategy",
    ):
        assert row in text
    defaults = re.split(r"\d+ defaults ", text)[1]
    assert "weight_decay 0.0" in defaults and "learning_rate" not in defaults
    rows = made._repr_html_().count("<tr>") - 1
    assert rows == len(TrainingArguments.model_fields)


def test_what_a_value_overrode_and_what_a_setting_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SEED", "8")
    made = TrainingArguments("out", seed=9)
    assert "seed 9 constructor, over 8 from TRAINSPEC_SEED (environment)" in read(made).text
    assert ("title", TrainingArguments.model_fields["seed"].description) in read(made).attributes


def test_it_is_small() -> None:
    assert len(TrainingArguments("out")._repr_html_()) < 14_000


def test_keys_of_other_programs_are_told() -> None:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.yaml"
        path.write_text("seed: 3\nimage: me:1\n")
        made = TrainingArguments.from_file(str(path), ignore_unknown=True)
    assert "keys that are no settings: image" in read(made).text


class TestFindings:
    def test_warnings_are_shown_as_long_as_they_hold(self, quiet: None) -> None:
        made = TrainingArguments("out", eval_steps=3)
        assert "warning[EVL301] eval_steps is set and has no effect" in read(made).text
        assert "EVL301" in read(made.replace(seed=7)).text
        assert "EVL301" not in read(made.replace(eval_strategy="steps")).text
        made.eval_strategy = "steps"
        assert "EVL301" not in read(made).text

    def test_old_names_stay_told_after_a_change(self, quiet: None) -> None:
        made = TrainingArguments("out", evaluation_strategy="epoch")
        assert "warning[REN101] evaluation_strategy is the old name of eval_strategy" in read(made).text
        assert read(made.replace(seed=7)).text.count("REN101") == 1
        made.seed = 8
        made.seed = 9
        assert read(made).text.count("REN101") == 1

    @pytest.mark.parametrize(
        "make", [lambda: TrainingArguments("out"), lambda: TrainingArguments.from_dict({"seed": 3}), TrainingArguments]
    )
    def test_there_are_none_where_all_is_well(self, make: Callable[[], Settings]) -> None:
        assert "warning[" not in read(make()).text

    def test_documents_have_theirs_too(self, quiet: None) -> None:
        assert "EVL301" in read(TrainingArguments.from_yaml("eval_steps: 3")).text


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: TrainingArguments(run_name=ATTACK), id="value"),
        pytest.param(lambda: TrainingArguments(logging_dir=f'" onmouseover="alert(1)" {ATTACK}'), id="quotes"),
        pytest.param(lambda: TrainingArguments.from_yaml("seed: 3", name=ATTACK), id="source"),
        pytest.param(lambda: validate({ATTACK: 3}), id="name"),
        pytest.param(lambda: validate({"seed": ATTACK, "bf16": True, "fp16": True}), id="wrong-value"),
        pytest.param(lambda: validate({"label_names": [ATTACK], "lr_scheduler_kwargs": {ATTACK: ATTACK}}), id="nested"),
    ],
)
def test_nothing_that_somebody_wrote_runs(make: Callable[[], Any], quiet: None) -> None:
    read(make())


def test_what_is_escaped_is_still_read() -> None:
    made = TrainingArguments(run_name="<b>&amp; 'x'</b>", report_to="jsonl")
    assert "run_name \"<b>&amp; 'x'</b>\" constructor" in read(made).text


def test_a_description_and_a_class_of_somebodys_are_text_too() -> None:
    from pydantic import Field

    made: Any = type(Settings)(
        "Mine",
        (Settings,),
        {
            "__annotations__": {"width": int},
            "__module__": __name__,
            "width": Field(default=1, description=f'" onclick="alert(1)" {ATTACK}'),
        },
    )
    assert read(made.from_dict({"width": 2})).text.startswith("Mine 1 set")


def shown_secrets() -> list[Any]:
    url = f"s3://ann:{CANARY}@bucket/x?sig={CANARY}"
    made = [
        TrainingArguments(url, hub_token=CANARY, push_to_hub=True, hub_model_id="ann/x"),
        load(argv=["--hub_token", CANARY, "--output_dir", url]),
        load(environ={"TRAINSPEC_HUB_TOKEN": CANARY, "TRAINSPEC_RUN_NAME": f"token={CANARY}"}),
        TrainingArguments.from_dict({"hub_token": CANARY, "logging_dir": url}),
    ]
    return [
        *made,
        validate({"hub_token": CANARY, "output_dir": url, "seed": url}),
        validate({"hub_tokn": CANARY}),
        validate({"output_dir": url, "push_to_hub": True}),
    ]


def test_no_secret_is_shown(quiet: None) -> None:
    for shown in shown_secrets():
        assert CANARY not in shown._repr_html_()
        read(shown)


class TestVerdicts:
    def test_all_that_is_wrong_errors_first(self) -> None:
        text = read(validate({"eval_steps": 3, "bf16": True, "fp16": True, "lerning_rate": 1})).text
        assert text.startswith("not valid 2 errors, 1 warning")
        assert text.index("error[PRE101]") < text.index("warning[EVL301]")
        assert "help: did you mean learning_rate?" in text and "bf16 = true document" in text
        assert "at their defaults" not in text

    def test_settings_where_there_are_any(self) -> None:
        text = read(validate({"eval_steps": 3})).text
        assert text.startswith("valid 1 warning") and "1 set, " in text and "eval_steps 3 document" in text

    def test_a_good_one(self) -> None:
        assert read(validate({})).text.startswith("valid 0 set, ")


class Printer:
    """IPython's, as far as it is used."""

    def __init__(self) -> None:
        self.said = ""

    def text(self, words: str) -> None:
        self.said += words


def test_diagnostics_by_themselves_and_in_a_list() -> None:
    with pytest.raises(ValidationError) as caught:
        TrainingArguments(bf16=True, fp16=True)
    (found,) = diagnostics(caught.value)
    assert read(found).text.startswith("error[PRE101] bf16 and fp16 exclude each other")
    printer = Printer()
    found._repr_pretty_(printer, cycle=False)
    assert printer.said == found.render()
