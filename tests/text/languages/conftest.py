"""Commands are run here as the tests of commands run them."""

from tests.cli.conftest import run

__all__ = ["run"]
