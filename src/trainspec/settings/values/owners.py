"""The owner of a repository, said without its name: push_to_hub_organization of other years."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo


class OwnerAlone(str):
    """The owner of a repository whose name is that of output_dir, which another source may give."""

    __slots__ = ()


def name_repository(values: dict[str, Any], fields: Mapping[str, FieldInfo]) -> None:
    """Give a repository of which only the owner was said the name of output_dir, once all sources are known."""
    owner = values.get("hub_model_id")
    if type(owner) is not OwnerAlone:
        return
    from trainspec.settings.views.derived import repository_name

    usual = fields["output_dir"].default if "output_dir" in fields else ""
    folder = values.get("output_dir", usual)
    # A folder that is no text is a fault of its own, of which nothing more follows.
    values["hub_model_id"] = f"{owner}/{repository_name(folder)}" if isinstance(folder, str) else f"{owner}/-"
