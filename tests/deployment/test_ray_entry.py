"""The entry for Ray: Python that says the settings, the workers and what each of them has; Ray itself runs it in
tests/training/search.
"""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest
from tests.deployment.reading import TOKEN
from tests.deployment.test_round_trip import ODD

from trainspec.deployment import NotDeployable
from trainspec.deployment.ray_entry import as_ray


def entry(document: dict[str, Any], **options: str) -> dict[str, Any]:
    """The constants of an entry and the arguments of each call in it, by the names that they have there."""
    found: dict[str, Any] = {}
    tree = ast.parse(as_ray(document, options=options))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant | ast.Dict):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            found[ast.unparse(target)] = ast.literal_eval(node.value)
        if isinstance(node, ast.Call):
            found[ast.unparse(node.func)] = {item.arg: item.value for item in node.keywords}
    return found


def literal(call: dict[str, Any], name: str) -> Any:
    return ast.literal_eval(call[name])


def test_each_process_is_a_worker_with_a_device() -> None:
    found = entry({"dataloader_num_workers": 2}, nproc="8", nodes="4", name="night-7", task="mine:task")
    scaling = found["ScalingConfig"]
    assert (literal(scaling, "num_workers"), literal(scaling, "use_gpu")) == (32, True)
    assert literal(scaling, "resources_per_worker") == {"CPU": 3, "GPU": 1}
    assert (found["TASK"], literal(found["RunConfig"], "name")) == ("mine:task", "night-7")
    assert literal(found["FailureConfig"], "max_failures") == 3


def test_without_gpus_none_is_asked_for() -> None:
    scaling = entry({"use_cpu": True}, nproc="2", max_restarts="0")["ScalingConfig"]
    assert (literal(scaling, "use_gpu"), literal(scaling, "resources_per_worker")) == (False, {"CPU": 1})


def test_one_worker_a_node_is_spread() -> None:
    assert literal(entry({}, nodes="4")["ScalingConfig"], "placement_strategy") == "SPREAD"
    assert literal(entry({}, nodes="4", nproc="2")["ScalingConfig"], "placement_strategy") == "PACK"


def test_the_process_group_that_ray_makes_is_that_of_the_settings() -> None:
    torch = entry({"ddp_backend": "gloo", "ddp_timeout": 60}, nproc="2")["TorchConfig"]
    assert (literal(torch, "backend"), literal(torch, "timeout_s")) == ("gloo", 60)
    torch = entry({}, nproc="2")["TorchConfig"]
    assert (literal(torch, "backend"), literal(torch, "timeout_s")) == (None, 1800)


@pytest.mark.parametrize("text", [*ODD, '"""', "\\", 'x\\"""', "{workers}", "\ud800"])
def test_odd_text_comes_back(text: str) -> None:
    document = {"run_name": text, "label_names": [text, ""], "task": {"note": f"{text}\n{text}"}}
    assert json.loads(entry(document, nproc="2")["SETTINGS"]) == document


def test_a_secret_is_the_name_of_a_file() -> None:
    document = {"seed": 1, "hub_token": TOKEN, "task": {"width": 2, "api_key": TOKEN}}
    assert TOKEN not in as_ray(document, options={"nproc": "2"})
    found = entry(document, nproc="2")
    assert json.loads(found["SETTINGS"]) == {"seed": 1, "task": {"width": 2}}
    assert set(found["SECRET_FILES"]) == {"TRAINSPEC_HUB_TOKEN_FILE", "TRAINSPEC_TASK__API_KEY_FILE"}


def test_a_note_never_ends_its_line() -> None:
    text = as_ray({"deepspeed": 'x"""\nimport os #.json'}, options={"nproc": "2"})
    imported = {name.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for name in node.names}
    assert imported == {"os"} and text.count("import os\n") == 1


def test_nonsense_is_refused() -> None:
    for options in ({"nodes": "0"}, {"nproc": "0"}, {"name": "a b"}, {"gpus": "2", "nproc": "4"}):
        with pytest.raises(NotDeployable):
            as_ray({}, options=options)
