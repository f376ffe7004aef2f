"""The small job of tests/training, for the tests of one setting each."""

from tests.training.conftest import arguments, determinism_is_put_back, make_trainer, one_thread

__all__ = ["arguments", "determinism_is_put_back", "make_trainer", "one_thread"]
