"""Settings of the language model task."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(gt=0, lt=0.5)]


class LanguageModelSettings(BaseModel):
    """What to read, and how large a transformer reads it."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = Field(
        None,
        description="Text file, local or any fsspec URL; unset: the language reference that Python ships.",
        examples=["s3://bucket/novel.txt"],
    )
    context: int = Field(64, ge=2, le=8192, description="Characters the model sees at once.", examples=[64])
    width: int = Field(128, ge=1, le=8192, description="Size of the hidden state.", examples=[128])
    depth: int = Field(2, ge=1, le=96, description="Transformer blocks.", examples=[2])
    heads: int = Field(4, ge=1, le=128, description="Attention heads; width is a multiple of it.", examples=[4])
    dropout: float = Field(0.1, ge=0, lt=1, description="Share of activations dropped while training.")
    eval_fraction: Share = Field(0.05, description="Share of the text that evaluation uses.")
    test_fraction: Share = Field(0.05, description="Share of the text held out for predictions.")

    @model_validator(mode="after")
    def _heads_divide_width(self) -> LanguageModelSettings:
        if self.width % self.heads:
            raise ValueError(f"width ({self.width}) is not a multiple of heads ({self.heads})")
        return self
