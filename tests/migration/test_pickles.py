"""`training_args.bin` is read as data: the settings in it are found, and whatever else a pickle asks for is refused."""

import collections
import dataclasses
import datetime
import io
import os
import pickle
import sys
import types
import zipfile
from enum import Enum
from pathlib import Path, PosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec.migration.pickles import Refused, read_training_args

_Arguments = type("TrainingArguments", (), {"__module__": "transformers.training_args"})
_Interval = Enum("IntervalStrategy", {"STEPS": "steps"}, type=str, module="transformers.trainer_utils")
_Other = type("PartialState", (), {"__module__": "accelerate.state"})


@pytest.fixture
def content(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`content(seed=7, ...)`: the pickle of an object that looks like transformers' TrainingArguments."""
    for cls in (_Arguments, _Interval, _Other):
        fake = types.ModuleType(cls.__module__)
        setattr(fake, cls.__name__, cls)
        monkeypatch.setitem(sys.modules, cls.__module__, fake)
        parent = cls.__module__.partition(".")[0]
        monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))

    def make(protocol: int = 2, **state: Any) -> bytes:
        arguments = _Arguments()
        arguments.__dict__.update({"output_dir": "out", "_n_gpu": 1, "distributed_state": _Other(), **state})
        return pickle.dumps(arguments, protocol)

    return make


def archived(content: bytes) -> bytes:
    """As torch.save writes it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", "3\n")
    return stream.getvalue()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("wrap", [bytes, archived])
def test_the_settings_are_found(content: Any, protocol: int, wrap: Any) -> None:
    state = {"evaluation_strategy": _Interval.STEPS, "seed": 7, "report_to": ["wandb"], "no_cuda": True, "bf16": False}
    found = read_training_args(wrap(content(protocol, **state)), "a.bin")
    assert found.values == {
        "output_dir": "out",
        "eval_strategy": "steps",
        "seed": 7,
        "report_to": ["wandb"],
        "use_cpu": True,
    }
    assert (found.others, found.left) == (["distributed_state"], [])


def test_small_values_of_other_packages(content: Any) -> None:
    state = {
        "logging_dir": PosixPath("runs/a"),
        "ddp_timeout_delta": datetime.timedelta(seconds=3),
        "lr_scheduler_kwargs": collections.OrderedDict(num_cycles=2),
        "lr_scheduler_type": "cosine_with_restarts",
        "label_names": ("a", "b"),
    }
    found = read_training_args(content(4, **state), "a.bin")
    assert found.values["logging_dir"] == "runs/a"
    assert found.values["lr_scheduler_kwargs"] == {"num_cycles": 2}
    assert found.values["label_names"] == ["a", "b"]


def test_secrets_are_named_and_not_kept(content: Any) -> None:
    found = read_training_args(content(hub_token="hf_x"), "a.bin")
    assert (found.values, found.secrets) == ({"output_dir": "out"}, ["hub_token"])


class _Evil:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.made = (function, arguments)

    def __reduce__(self) -> Any:
        return self.made


EVIL = {
    "a shell": _Evil(os.system, "touch RAN"),
    "an evaluation": _Evil(eval, "open('RAN', 'w')"),
    "a file": _Evil(open, "RAN", "w"),
    "an import": _Evil(__import__, "antigravity"),
}


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
def test_nothing_is_run(
    content: Any, evil: Any, protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for hostile in (pickle.dumps(evil, protocol), content(protocol, seed=evil), archived(content(protocol, seed=evil))):
        with pytest.raises(Refused, match="which settings have no use for"):
            read_training_args(hostile, "a.bin")
    assert not os.listdir(tmp_path)


def test_getattr_reaches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one function that enums are pickled with: here it is a word, and its result cannot be called."""
    monkeypatch.chdir(tmp_path)
    hostile = b"cbuiltins\ngetattr\n(ctransformers\nos\nS'system'\ntR(S'touch RAN'\ntR."
    with pytest.raises(Refused):
        read_training_args(hostile, "a.bin")
    assert not os.listdir(tmp_path)


BAD: dict[str, bytes] = {
    "empty": b"",
    "text": b"hello",
    "another object": pickle.dumps({"a": 1}),
    "a number": pickle.dumps(3),
    "a broken archive": b"PK\x03\x04garbage",
    "an archive of something else": archived(pickle.dumps(3)),
    "an extension": b"\x80\x02\x82\x01.",
    "a persistent id": b"\x80\x02X\x01\x00\x00\x00aQ.",
    "a huge memo": b"\x80\x02Kar\xff\xff\xff\x7f.",
    "a huge buffer": b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x0f.",
    "a huge text": b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x0f.",
    "an endless list": b"]q\x00h\x00a.",
    "a state of nothing": b"K\x01}b.",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_is_no_such_file_is_refused(text: bytes) -> None:
    with pytest.raises(Refused):
        read_training_args(text, "a.bin")


def test_values_that_stand_for_many_are_refused(content: Any) -> None:
    many: Any = ["x"]
    for _ in range(30):
        many = [many, many]
    with pytest.raises(Refused, match="nests too deep"):
        read_training_args(content(label_names=many), "a.bin")


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(text: bytes) -> None:
    for start in (b"", b"\x80\x04", b"PK\x03\x04", b"\x80\x02ctransformers\nA\n)\x81"):
        try:
            read_training_args(start + text, "a.bin")
        except Refused:
            continue


@dataclasses.dataclass
class Subclassed:
    """Stands for a class of somebody's script."""

    output_dir: str = "out"
    seed: int = 7
    model_max_length: int = 512
    hub_token: Any = None


OWNERS = ["__main__", "llava.train.train", "llamafactory.hparams.training_args", "my_script"]


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("module", OWNERS)
def test_a_class_of_anybody_is_read_as_data_and_named(
    module: str, protocol: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # By hand, since such a class can be found nowhere here: the name in the pickle is replaced.
    content = pickle.dumps(Subclassed(), protocol)
    old, name = __name__.encode(), module.encode()
    if protocol == 4:
        content = content.replace(b"\x8c" + bytes([len(old)]) + old, b"\x8c" + bytes([len(name)]) + name)
        content = content[:2] + content[11:]  # without the frame, whose length would no longer be right
    else:
        content = content.replace(b"c" + old + b"\n", b"c" + name + b"\n")
    found = read_training_args(content, "a.bin")
    assert (found.values, found.others) == ({"output_dir": "out", "seed": 7}, ["model_max_length"])
    assert (found.made_by, found.secrets) == (f"{module}.Subclassed", [])
    path = tmp_path / "training_args.bin"
    path.write_bytes(content)
    from trainspec.cli import main

    assert main(["migrate", str(path)]) == 0
    said = capsys.readouterr()
    assert f"settings of the class {module}.Subclassed" in said.err and "seed: 7" in said.out
    assert "secrets" not in said.err


def test_a_secret_is_named_only_where_one_was_set(content: Any) -> None:
    assert read_training_args(content(hub_token=None), "a.bin").secrets == []
    assert read_training_args(content(hub_token=""), "a.bin").secrets == []
    assert read_training_args(content(hub_token="hf_x"), "a.bin").secrets == ["hub_token"]


@pytest.mark.parametrize("module", ["os", "subprocess", "builtins", "__builtin__", "importlib", "sys", "shutil"])
def test_names_of_python_itself_stay_refused(module: str) -> None:
    with pytest.raises(Refused, match="which settings have no use for"):
        read_training_args(f"c{module}\nsystem\n(S'touch RAN'\ntR.".encode(), "a.bin")
