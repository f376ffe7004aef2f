"""Settings: types, sources, rules and what follows from them. Imports pydantic, never torch."""
