"""Classes of users, as `--model tests.service.judging.mine:Narrow` names them."""

from pydantic import Field
from pydantic_settings import BaseSettings

from trainspec import TrainingArguments


class Narrow(TrainingArguments):
    """Settings with one more."""

    rank: int = Field(8, ge=1, description="How narrow.")


class Wide(TrainingArguments):
    """Settings with another."""

    width: float = 1.0


class App(BaseSettings):
    """An app with settings inside."""

    name: str = "x"
    train: TrainingArguments = TrainingArguments()
