"""Azure ML: its workspaces speak MLflow's protocol, through the address in MLFLOW_TRACKING_URI."""

from __future__ import annotations

import os

from trainspec.training.trackers.mlflow import MlflowTracker

SCHEME = "azureml://"


class AzureMLTracker(MlflowTracker):
    name = "azure_ml"


def why_not_azure() -> str | None:
    """Azure sets the address inside its jobs; elsewhere the workspace shows it."""
    if os.environ.get("MLFLOW_TRACKING_URI", "").startswith(SCHEME):
        return None
    return f"MLFLOW_TRACKING_URI does not name a workspace ({SCHEME}...)"
