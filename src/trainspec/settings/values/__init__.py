"""What single values may be: choices, types, kinds, and what text of a variable or flag means."""
