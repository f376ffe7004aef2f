"""Texts that were made to take minutes and gigabytes: refused, or read, in less than two seconds, each in one line."""

import json
import time
from collections.abc import Callable

import pytest

from trainspec import TrainingArguments
from trainspec.settings.diagnostics import Diagnostic, SourceError
from trainspec.settings.diagnostics.bounds import MOST_TOLD
from trainspec.settings.judging.ways_in import from_layers
from trainspec.settings.sources.files import document_layer, parse_document

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(8)
)
DEEP_HEADER = "[" + "a." * 62 + "a]\n"
REFUSED = {
    "TOML: one key of 30,000 parts": ("toml", ".".join(["a"] * 30_000) + " = 1", "more than 64 parts"),
    "TOML: a header of 30,000 parts": ("toml", "[" + ".".join(['"a"'] * 30_000) + "]", "more than 64 parts"),
    "TOML: blanks around the dots": ("toml", "b = 1\n" + " . ".join(["a"] * 100) + " = 1", "more than 64 parts"),
    "TOML: 200,000 tables": ("toml", "".join(f"[t{n}]\n" for n in range(200_000)), "longer than 1,048,576 characters"),
    "TOML: a list of 16 MB": ("toml", "a = [" + "1," * 8_000_000 + "]", "longer than 1,048,576 characters"),
    "TOML: a list of 500,000": ("toml", "a = [" + "1," * 500_000 + "]", "more than 80,000 values, keys and brackets"),
    "TOML: 26,000 tables": ("toml", "".join(f"[t{n}]\n" for n in range(26_000)), "more than 25,000 values, keys"),
    "TOML: 8,000 tables of 60 parts": (
        "toml",
        "".join(f"[{'a.' * 60}t{n}]\n" for n in range(8_000)),
        "its keys have more than 40,000 parts",
    ),
    "TOML: 21,000 keys of numbers": (
        "toml",
        "".join(f"{n}.1.1.1 = 1\n" for n in range(21_000)),
        "its keys have more than 40,000 parts",
    ),
    "TOML: lists in lists": ("toml", "a = " + "[" * 20_000, "nests too deep"),
    "TOML: 5000 digits": ("toml", "seed = " + "9" * 5000, "more than 4,300 digits"),
    "JSON: a million keys": ("json", json.dumps(dict.fromkeys(map(str, range(10**6)))), "longer than"),
    "JSON: 60,000 keys": ("json", json.dumps(dict.fromkeys(map(str, range(60_000)))), "more than 80,000 values"),
    "JSON: empty lists": ("json", '{"a": [' + "[]," * 300_000 + "1]}", "more than 80,000 values"),
    "JSON: deep": ("json", '{"a":' * 16_000, "nests too deep"),
    "TOML: 4000 hexadecimal digits": ("toml", "lr_scheduler_kwargs = {a = 0x" + "f" * 4000 + "}", "4,300 digits"),
    "JSON: 5000 digits": ("json", '{"seed": ' + "9" * 5000 + "}", "more than 4,300 digits"),
    "YAML: a bomb of aliases": ("yaml", BOMB, "expands to more than 40,000 values"),
    "YAML: deep": ("yaml", "a: " + "[" * 500_000, "nests deeper than 64 levels"),
    "YAML: 60,000 values": ("yaml", "".join(f"k{n}: 1\n" for n in range(60_000)), "more than 40,000 values"),
    "YAML: 30,000 documents": ("yaml", "---\nseed: 1\n" * 30_000, "more than 100 documents"),
    "YAML: 16 MB of comments": ("yaml", "# x\n" * 4_000_000, "longer than 1,048,576 characters"),
}


@pytest.mark.parametrize(("format", "text", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_beyond_the_bounds_is_refused(format: str, text: str, said: str) -> None:
    begin = time.process_time()
    with pytest.raises(SourceError) as caught:
        parse_document(text, format, "here")
    assert time.process_time() - begin < 6
    (item,) = caught.value.diagnostics
    assert (item.code, item.remedy) == ("SRC109", "write the settings plainly, and less in one file")
    assert said in item.message and len(item.render()) < 1000


READ = {
    "YAML: anchors inside anchors": (
        "yaml",
        "a: " + "".join(f"&a{n} [" for n in range(60)) + "x," * 20_000 + "]" * 60,
    ),
    "TOML: 64 parts, 24,000 times": ("toml", DEEP_HEADER + "".join(f"k{n} = 1\n" for n in range(24_000))),
    "TOML: 20,000 tables": ("toml", "".join(f"[table_{n}]\n" for n in range(20_000))),
    "TOML: 24,900 names in quotes": ("toml", "".join(f'["name {n}"]\n' for n in range(24_900))),
    "TOML: keys of a section": ("toml", "[fsdp_config]\n" + "".join(f"key{n} = 1\n" for n in range(24_900))),
    "TOML: dots in texts, comments and numbers": (
        "toml",
        "a = 'x.x.x'\n" + "# a" + ".a" * 100 + "\n" + f"b = [{'1.5,' * 1000}]\n" + 'c = "' + "x." * 100 + '"\n',
    ),
    "TOML: a list of 45,000 numbers": ("toml", f"label_names = [{'-1.5,' * 45_000}]\n"),
    "TOML: escapes": ("toml", '"' + "\\u0041" * 170_000 + '" = 1'),
    "JSON: a long list": ("json", json.dumps({"label_names": ["a"] * 79_000})),
    "JSON: a long text": ("json", json.dumps({"output_dir": "x" * 1_000_000})),
    "YAML: a long list": ("yaml", "label_names: [" + "a," * 39_990 + "]"),
}


@pytest.mark.parametrize(("format", "text"), READ.values(), ids=READ)
def test_what_is_within_them_is_read_and_judged_in_time(format: str, text: str) -> None:
    begin = time.process_time()
    document = parse_document(text, format, "here")
    layer, found = document_layer(TrainingArguments, document)
    from_layers(TrainingArguments, [layer], found, quiet=True)
    assert time.process_time() - begin < 6


def judged(values: dict[str, object]) -> tuple[list[Diagnostic], float]:
    begin = time.process_time()
    layer, found = document_layer(TrainingArguments, parse_document(json.dumps(values), "json", "here"))
    verdict = from_layers(TrainingArguments, [layer], found, quiet=True)
    return verdict.diagnostics, time.process_time() - begin


def test_thousands_of_unknown_keys_are_told_in_a_screen() -> None:
    found, took = judged({f"learning_rat{number}": 1 for number in range(10_000)})
    assert took < 2 and len(found) == MOST_TOLD + 1 and {item.code for item in found} == {"SRC102"}
    assert found[0].remedy == "did you mean learning_rate?" and found[-1].message == "9,950 more names match no setting"


def test_as_many_as_are_told_need_no_summary() -> None:
    found, _ = judged({f"learning_rat{number}": 1 for number in range(MOST_TOLD)})
    assert len(found) == MOST_TOLD and all("more" not in item.message for item in found)


WRONG: dict[str, Callable[[], object]] = {
    "fsdp_config": lambda: {f"min_num_param{number}": 1 for number in range(5000)},
    "deepspeed": lambda: {"zero_optimization": {f"stag{number}": 1 for number in range(5000)}},
    "label_names": lambda: [1] * 40_000,
    "optim_args": lambda: ",".join(f"k{number}=1" for number in range(10_000)),
}


@pytest.mark.parametrize("name", WRONG)
def test_thousands_of_faults_of_one_setting_are_told_in_a_screen(name: str) -> None:
    found, took = judged({name: WRONG[name](), "seed": "x"})
    assert took < 2 and 2 <= len(found) <= MOST_TOLD + 3
    # What is wrong elsewhere is told all the same.
    assert any(item.fields == ("seed",) for item in found)
    if len(found) > MOST_TOLD:
        more = next(item for item in found if item.code == "VAL108")
        assert more.message == f"more is wrong with {name} than these 50 faults" and more.fields == (name,)


def test_a_name_of_megabytes_is_shown_in_short() -> None:
    found, took = judged({"k" * 1_000_000: 1})
    assert took < 2 and len(found[0].render()) < 3000 and len(found[0].fields[0]) == 200


def test_keys_that_stand_twice_behind_much_text_are_not_looked_for_again_and_again() -> None:
    text = DEEP_HEADER + "".join(f"k{number} = 1\n" for number in range(20_000)) + "k1 = 2\n" * 20
    begin = time.process_time()
    with pytest.raises(SourceError, match="SRC104"):
        parse_document(text, "toml", "here")
    assert time.process_time() - begin < 6
