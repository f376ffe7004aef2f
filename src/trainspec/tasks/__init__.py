"""Tasks: what to train. Nothing here imports torch before a task is called."""

from trainspec.tasks.protocol import Task, TaskError, TaskParts, settings_model, takes_settings
from trainspec.tasks.registry import TASKS, resolve_task

__all__ = ["TASKS", "Task", "TaskError", "TaskParts", "resolve_task", "settings_model", "takes_settings"]
