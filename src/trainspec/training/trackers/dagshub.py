"""DagsHub: every repository is an MLflow server at https://dagshub.com/OWNER/NAME.mlflow."""

from __future__ import annotations

import os

from trainspec.training.trackers.mlflow import MlflowTracker

_TOKENS = ("DAGSHUB_USER_TOKEN", "DAGSHUB_TOKEN")


class DagsHubTracker(MlflowTracker):
    name = "dagshub"

    def prepare(self) -> None:
        """The token is both user name and password. Where MLflow has credentials of its own they stay."""
        token = next((os.environ[name] for name in _TOKENS if os.environ.get(name)), None)
        if token is not None and "MLFLOW_TRACKING_USERNAME" not in os.environ:
            os.environ["MLFLOW_TRACKING_USERNAME"] = os.environ["MLFLOW_TRACKING_PASSWORD"] = token


def why_not_dagshub() -> str | None:
    if os.environ.get("MLFLOW_TRACKING_URI", "").rstrip("/").endswith(".mlflow"):
        return None
    return "MLFLOW_TRACKING_URI does not name a repository (https://dagshub.com/OWNER/NAME.mlflow)"
