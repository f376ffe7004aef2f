"""Settings as people and programs look at them: derived values, dumps, provenance, help."""
