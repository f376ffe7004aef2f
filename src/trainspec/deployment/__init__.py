"""A file of settings as what an orchestrator runs: a Kubernetes Job, a compose service. Never with a secret's value."""


class NotDeployable(ValueError):
    """The settings, or an option of the export, cannot become what an orchestrator runs; the message says why."""
