"""Handwritten digits: 1,797 images of 8 x 8 that come with scikit-learn."""

from trainspec.tasks.digits.settings import DigitsSettings
from trainspec.tasks.digits.task import digits

__all__ = ["DigitsSettings", "digits"]
