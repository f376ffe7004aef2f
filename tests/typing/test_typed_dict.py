"""The keywords and attributes that checkers see are generated, committed, and those of the settings themselves."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_type_hints

import trainspec
from trainspec import TrainingArguments
from trainspec.export.typed_dict import render, render_fields
from trainspec.settings.typed import TrainingArgumentsDict

SETTINGS = Path(trainspec.__file__).parent / "settings"


def test_the_keywords_are_as_generated() -> None:
    assert (SETTINGS / "typed.py").read_text() == render()


def test_the_attributes_are_as_generated() -> None:
    assert (SETTINGS / "arguments" / "fields.pyi").read_text() == render_fields()


def test_every_setting_is_a_keyword() -> None:
    assert set(get_type_hints(TrainingArgumentsDict)) == set(TrainingArguments.model_fields)
    assert not TrainingArgumentsDict.__required_keys__


def test_checkers_see_every_setting_in_both_classes() -> None:
    seen = {
        node.name: [item.target.id for item in node.body if isinstance(item, ast.AnnAssign)]  # type: ignore[union-attr]
        for node in ast.parse(render_fields()).body
        if isinstance(node, ast.ClassDef)
    }
    assert seen["Fields"] == seen["PluginFields"] == list(TrainingArguments.model_fields)


def test_the_types_are_there_for_people_who_install_the_package() -> None:
    assert (SETTINGS.parent / "py.typed").exists()
