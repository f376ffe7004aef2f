"""Settings and rules for other programs: JSON Schema, references, declarations. Imports no torch."""
