"""Numbers as people read them: the digits that count, thousands apart, no exponent where none is needed."""

from __future__ import annotations

import math
from typing import Any


def readable(value: Any) -> str:
    """1,234 and 12,463 for counts and rates, 0.6667 and 5e-05 for what is small; anything else as it prints."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return str(value)
    # Beyond this many digits nobody reads them.
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"
