"""What is said of settings: descriptions, choices, keys of mappings, titles."""
