"""Checkpoints of transformers, seen as ours: found, translated part by part, resumed, imported.

`finding` and `checkpoint` import no torch; the rest does.
"""
