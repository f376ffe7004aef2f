"""What preflight and a run find: messages and remedies, with the values that they name."""
