"""Settings of the digits task."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, lt=1)]


class DigitsSettings(BaseModel):
    """What to classify the digits with."""

    model_config = ConfigDict(extra="forbid")

    model: Literal["mlp", "cnn"] = Field("mlp", description="Network: a perceptron, or two convolutions.")
    width: int = Field(128, ge=1, le=4096, description="Hidden units (mlp) or channels (cnn).", examples=[128])
    depth: int = Field(2, ge=1, le=16, description="Hidden layers of the perceptron.", examples=[2])
    dropout: float = Field(0.1, ge=0, lt=1, description="Share of activations dropped while training.")
    eval_fraction: Share = Field(0.15, description="Share of the images that evaluation uses.")
    test_fraction: Share = Field(0.15, description="Share of the images held out for predictions.")
    split_seed: int = Field(0, ge=0, le=2**32 - 1, description="Which images go where; apart from the run's seed.")
