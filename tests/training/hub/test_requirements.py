"""What pushing lacks is found before the run starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch
from tests.training.hub.server import TOKEN, Hub
from torch import nn

from trainspec import TrainingArguments
from trainspec.training.findings.facts import Job, Machine
from trainspec.training.hub import find_hub_needs
from trainspec.training.hub import hub_needs as module

MACHINE = Machine(device=torch.device("cpu"), world_size=1, bf16=True, tf32=False)


def codes(**settings: Any) -> list[str]:
    args = TrainingArguments(output_dir="out", use_cpu=True, **{"push_to_hub": True, **settings})
    return [found.code for found in find_hub_needs(args, MACHINE, Job(nn.Linear(1, 1), None, None, None))]


def test_with_a_token_nothing_is_missing(hub: Hub) -> None:
    assert codes(hub_token=TOKEN) == []


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
def test_a_token_of_the_environment_will_do(name: str, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert codes() == ["RUN181"]
    monkeypatch.setenv(name, TOKEN)
    assert codes() == []


def test_a_token_of_a_login_will_do(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "login").write_text(TOKEN)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "login"))
    assert codes() == []


def test_without_pushing_nothing_is_needed(hub: Hub) -> None:
    assert codes(push_to_hub=False) == []


def test_a_missing_client_is_named_with_its_command(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert codes() == ["RUN180"]


def test_offline_mode_is_found(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert codes(hub_token=TOKEN) == ["RUN182"]
    assert codes() == ["RUN181", "RUN182"]
    assert hub.requests == []
