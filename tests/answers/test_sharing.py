"""What goes into a link: the document as it stands, and no secret of it, wherever it hides."""

import pytest
from tests.answers.conftest import CANARY, OLD_SECRETS, SECRETS, UNKNOWN

from trainspec.answers.faults import NoAnswer
from trainspec.answers.sharing import shareable
from trainspec.settings.diagnostics import SourceError
from trainspec.settings.sources.files import parse_documents

TOKEN = "hf_abcdefghijklmnopqrstuvwx"
PLAIN = "# a run\noutput_dir: runs/a   # here\n\nfsdp_config:\n  min_num_params: 5\n"


@pytest.mark.parametrize(
    "format, text",
    [
        ("yaml", PLAIN),
        ("yaml", "{}\n"),
        ("yaml", ""),
        ("json", '{\n  "seed": 7\n}\n'),
        ("toml", "# a run\nseed = 7\n[fsdp_config]\nmin_num_params = 5\n"),
        ("env", "# a run\nTRAINSPEC_SEED=7\n\nTRAINSPEC_FSDP_CONFIG='{\"min_num_params\": 5}'\n"),
    ],
)
def test_what_has_no_secret_stays_as_it_stands(format: str, text: str) -> None:
    made = shareable(text, format, "run")
    assert (made.text, made.left_out, made.lines_left_out) == (text, (), 0)


HIDING = {
    "every secret": ("yaml", PLAIN + SECRETS),
    "old names": ("yaml", PLAIN + OLD_SECRETS),
    "names of nobody": ("yaml", PLAIN + UNKNOWN),
    "a block": ("yaml", f"hub_token: |\n  {CANARY}\n  {CANARY}\n" + PLAIN),
    "the task's": ("yaml", PLAIN + f"task:\n  api_key: {CANARY}\n  rows: 5\n"),
    "a variable of nobody": ("env", f"TRAINSPEC_OUTPUT_DIR=runs/a\nTRAINSPEC_HUB_TOKN={CANARY}\n"),
    "a key that cannot be told": ("yaml", PLAIN + f'"hub_token\\0": {CANARY}\n'),
    "flow": ("yaml", f"{{output_dir: runs/a, hub_token: {CANARY}, fsdp_config: {{min_num_params: 5}}}}\n"),
    "a comment": ("yaml", PLAIN + f"# password: {CANARY}\n"),
    "a comment behind it": ("yaml", PLAIN + f"seed: 7  # token={CANARY}\n"),
    "two documents": ("yaml", PLAIN + f"---\nhub_token: {CANARY}\nseed: 7\n"),
    "a URL": ("yaml", PLAIN + f"resume_from_checkpoint: s3://me:{CANARY}@host/a\n"),
    "JSON": ("json", f'{{"output_dir": "runs/a", "hub_token": "{CANARY}"}}'),
    "JSON by lines": ("json", f'{{\n  "output_dir": "runs/a",\n  "hub_token": "{CANARY}"\n}}'),
    "TOML": ("toml", f'output_dir = "runs/a"\nhub_token = """\n{CANARY}\n{CANARY}"""\n'),
    "a variable": ("env", f"TRAINSPEC_OUTPUT_DIR=runs/a\nTRAINSPEC_HUB_TOKEN='{CANARY}\n{CANARY}'\n"),
    "a variable's key": ("env", f"TRAINSPEC_OUTPUT_DIR=runs/a\nTRAINSPEC_X__API_KEY={CANARY}\n"),
    "in a variable": ("env", f'TRAINSPEC_OUTPUT_DIR=runs/a\nTRAINSPEC_HUB_KWARGS=\'{{"token": "{CANARY}"}}\'\n'),
    "another's variable": ("env", f"TRAINSPEC_OUTPUT_DIR=runs/a\nDATABASE={CANARY}\n"),
}


@pytest.mark.parametrize("format, text", HIDING.values(), ids=HIDING)
def test_no_secret_is_shared(format: str, text: str) -> None:
    made = shareable(text, format, "run")
    assert CANARY in text and CANARY not in str(made.to_dict())
    assert made.left_out or made.lines_left_out
    assert "runs/a" in made.text
    if format != "env":
        assert next(parse_documents(made.text, format, "run")).values["output_dir"] == "runs/a"


def test_tokens_are_known_by_their_shape() -> None:
    made = shareable(f"run_name: {TOKEN}\nseed: 7\n# {TOKEN}\n", "yaml", "run")
    assert (made.text, made.left_out, made.lines_left_out) == ("seed: 7\n", ("run_name",), 1)


@pytest.mark.parametrize(
    "key", ["https://user:canary9f8e@host/x", "password=canary9f8e", "hf_abcdefghijklmnopqrstuvwxyz01234567"]
)
def test_the_name_of_what_is_left_out_is_no_secret_either(key: str) -> None:
    found = shareable(f'"{key}": 1\nlr_scheduler_kwargs: {{"{key}": a}}\n', "yaml", "run")
    assert len(found.left_out) > 0 and not any(one in str(found) for one in ("canary9f8e", "abcdefghijkl"))


def test_numbers_under_a_slip_of_the_pen_are_no_secrets() -> None:
    text = "lerning_rate: 3\nseed: 7\n"
    assert shareable(text, "yaml", "run").text == text


def test_what_is_around_a_secret_stays() -> None:
    made = shareable(f"# before\nseed: 7\nhub_token: {CANARY}\noutput_dir: runs/a  # after\n", "yaml", "run")
    assert made.text == "# before\nseed: 7\noutput_dir: runs/a  # after\n" and made.left_out == ("hub_token",)


def test_a_secret_that_stands_elsewhere_too_is_not_shared() -> None:
    with pytest.raises(NoAnswer) as why:
        shareable(f"hub_token: {CANARY}\nrun_name: with-{CANARY}\n", "yaml", "run")
    assert why.value.diagnostics[0].code == "SVC132" and CANARY not in str(why.value.diagnostics)


def test_what_cannot_be_read_is_not_shared() -> None:
    with pytest.raises(SourceError):
        shareable(f"hub_token: [{CANARY}\n", "yaml", "run")
