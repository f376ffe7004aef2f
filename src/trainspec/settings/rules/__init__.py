"""Rules: what several settings may be together."""
