"""transformers' own TrainingArguments as settings: what they mean holds, what was said is told, the rest is kept."""

import pickle
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import ValidationError

from trainspec import TrainingArguments
from trainspec.settings.arguments.of_transformers import converted

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

Theirs = transformers.TrainingArguments
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated and will be removed in v6")


@dataclass
class SFTConfig(Theirs):
    """As trl declares it: other defaults, fields of its own, and values made in __post_init__."""

    learning_rate: float = 2e-5
    logging_steps: float = 10
    gradient_checkpointing: bool | None = True
    bf16: bool | None = None
    max_length: int | None = 1024
    packing: bool = False

    def __post_init__(self) -> None:
        self.bf16 = not self.fp16 if self.bf16 is None else self.bf16
        super().__post_init__()


@dataclass
class Demanding(Theirs):
    """A class that cannot be made from output_dir alone."""

    judge: str = "none"

    def __post_init__(self) -> None:
        if self.judge == "none":
            raise ValueError("judge is required")
        super().__post_init__()


def silently(args: Any) -> TrainingArguments:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return converted(args)


# What holds under transformers 5 where nothing is said; a report_to of none and no Space are its own defaults.
UNSAID: dict[str, Any] = {"report_to": [], "trackio_space_id": None}


def test_what_was_not_said_is_not_told() -> None:
    assert silently(Theirs("out")).to_dict() == {"output_dir": "out", **UNSAID}


SAID: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "numbers": ({"learning_rate": 1e-3, "seed": 3, "max_steps": 20}, {}),
    "enums": ({"eval_strategy": "epoch", "save_strategy": "epoch", "lr_scheduler_type": "cosine"}, {}),
    "derived interval": ({"eval_strategy": "steps", "logging_steps": 7}, {}),
    "derived metric": ({"load_best_model_at_end": True, "eval_strategy": "epoch", "save_strategy": "epoch"}, {}),
    "derived compilation": ({"torch_compile_backend": "eager"}, {}),
    "derived pinning": ({"use_cpu": True}, {}),
    "lists": ({"report_to": ["tensorboard"], "label_names": ["labels"], "debug": "underflow_overflow"}, {}),
    "a mapping filled up": ({"accelerator_config": {"split_batches": True}}, {}),
    "a share of warmup": ({"warmup_steps": 0.1}, {"warmup_ratio": 0.1, "warmup_steps": 0}),
    "a new name": ({"activation_checkpointing": True}, {"gradient_checkpointing": True}),
    "an old name": ({"gradient_checkpointing": True}, {}),
}


@pytest.mark.parametrize(("said", "ours"), SAID.values(), ids=SAID)
def test_what_was_said_is_said(said: dict[str, Any], ours: dict[str, Any]) -> None:
    expected = {**UNSAID, "output_dir": "out", **(ours or said)}
    if isinstance(expected.get("debug"), str):
        expected["debug"] = [expected["debug"]]
    assert silently(Theirs("out", **said)).to_dict() == expected


def test_what_follows_reads_as_it_does_there() -> None:
    theirs = Theirs("out", eval_strategy="steps", logging_steps=7, load_best_model_at_end=True, save_steps=7)
    ours = silently(theirs)
    for name in ("eval_steps", "do_eval", "metric_for_best_model", "greater_is_better", "save_steps"):
        assert getattr(ours, name) == getattr(theirs, name), name


def test_a_token_comes_along_and_is_never_shown() -> None:
    ours = converted(Theirs("out", hub_token="hf_abcdefghijklmnop"))
    assert ours.hub_token is not None and "hf_abc" not in str(ours.to_dict()) + repr(ours)
    assert b"hf_abc" not in pickle.dumps(ours)


def test_the_defaults_of_a_subclass_hold_and_are_not_told() -> None:
    ours = silently(SFTConfig("out", use_cpu=True, max_length=77))
    said = {"learning_rate": 2e-5, "logging_steps": 10, "gradient_checkpointing": True, "bf16": True, "use_cpu": True}
    assert {name: getattr(ours, name) for name in said} == said
    assert ours.accelerator_config is None and ours.fsdp_config is None


def test_its_own_fields_stay_readable_and_go_along() -> None:
    ours: Any = silently(SFTConfig("out", use_cpu=True, max_length=77))
    assert (ours.max_length, ours.packing) == (77, False)
    ours.max_length = 5
    changed = ours.replace(seed=9, packing=True)
    assert (changed.seed, changed.max_length, changed.packing) == (9, 5, True)
    assert pickle.loads(pickle.dumps(changed)).max_length == 5
    with pytest.raises(AttributeError, match="did you mean learning_rate"):
        ours.learning_rte = 1


def test_a_class_that_cannot_be_made_again_is_read_all_the_same() -> None:
    ours: Any = silently(Demanding("out", judge="me", learning_rate=1e-3, use_cpu=True))
    assert (ours.learning_rate, ours.judge, ours.fsdp_config, ours.accelerator_config) == (1e-3, "me", None, None)


def test_what_was_said_to_no_effect_is_told() -> None:
    theirs = SFTConfig("out", use_cpu=True, save_strategy="no", save_total_limit=3)
    with pytest.warns(UserWarning, match=r"save_total_limit = 3 +SFTConfig") as told:
        converted(theirs)
    assert [str(one.message).split("]")[0] for one in told] == ["warning[CKP302"]


def test_what_is_wrong_here_is_refused_with_all_that_is_wrong() -> None:
    with pytest.raises(ValidationError) as caught:
        converted(Theirs("out", max_grad_norm=-1.0, weight_decay=-1.0))
    assert {line["loc"] for line in caught.value.errors()} == {("max_grad_norm",), ("weight_decay",)}
    assert "TrainingArguments (constructor)" in str(caught.value)


def test_a_field_that_is_newer_than_we_know_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = Theirs("out")
    newest = SFTConfig.__dataclass_fields__["packing"]
    monkeypatch.setitem(Theirs.__dataclass_fields__, "packing", newest)
    monkeypatch.setitem(Theirs.__annotations__, "packing", bool)
    monkeypatch.setattr(Theirs, "packing", False, raising=False)
    theirs.packing = True
    with pytest.warns(UserWarning, match="packing of transformers' TrainingArguments is no setting here"):
        converted(theirs)


NO_ARGUMENTS: dict[str, tuple[Any, str]] = {
    "a mapping": ({"output_dir": "out"}, r"TrainingArguments\(\*\*args\)"),
    "a path": ("out", "not str"),
    "a dataclass": (SFTConfig.__dataclass_fields__, "not dict|not mappingproxy"),
}


@pytest.mark.parametrize(("args", "why"), NO_ARGUMENTS.values(), ids=NO_ARGUMENTS)
def test_anything_else_is_named(args: Any, why: str) -> None:
    with pytest.raises(TypeError, match=why):
        converted(args)


@pytest.mark.parametrize("make", [Theirs, transformers.Seq2SeqTrainingArguments])
def test_every_class_of_theirs_is_taken(make: Callable[..., Any]) -> None:
    assert silently(make("out", learning_rate=1e-3)).learning_rate == 1e-3


def test_ours_in_their_trainer_says_which_import_is_wrong() -> None:
    with pytest.raises(TypeError, match="this Trainer is transformers', and these TrainingArguments are trainspec's"):
        transformers.Trainer(torch.nn.Linear(1, 1), TrainingArguments("out"))
    assert TrainingArguments("out").accelerator_config is None
