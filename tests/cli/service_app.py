"""An app of pydantic-settings with settings of ours inside, as somebody's service has it."""

from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from trainspec import TrainingArguments


class Database(BaseModel):
    host: str = Field("localhost", description="Where the database is.")
    port: int = 5432


class Job(BaseModel):
    train: TrainingArguments


class App(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="APP_", env_nested_delimiter="__", env_file="app.env")

    port: int = Field(8000, description="Where the service listens.")
    database: Database = Database()
    train: TrainingArguments = Field(default_factory=TrainingArguments)
    job: Job | None = None
    jobs: list[TrainingArguments] = []


class Bare(BaseSettings):
    port: int = 8000
