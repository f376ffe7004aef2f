"""A file of settings as what an orchestrator runs: a Kubernetes Job, a compose service, an sbatch script, an entry for
Ray. Never with a secret's value.
"""


class NotDeployable(ValueError):
    """The settings, or an option of the export, cannot become what an orchestrator runs; the message says why.

    `code` is that of the diagnostic to tell it by, `remedy` what to write instead.
    """

    def __init__(self, message: str, code: str = "CLI111", remedy: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.remedy = remedy
