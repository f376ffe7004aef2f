"""How fast something went, under the names that people's plots expect."""

from __future__ import annotations


def speed_metrics(seconds: float, *, samples: int = 0, steps: int = 0, tokens: int = 0) -> dict[str, float]:
    """`runtime` in seconds, samples and steps per second, and tokens per second where some were counted."""
    counts = {"samples": samples, "steps": steps, **({"tokens": tokens} if tokens else {})}
    rates = {f"{name}_per_second": round(count / seconds, 3) for name, count in counts.items()}
    return {"runtime": round(seconds, 4), **rates}
