"""The train command's work: a task through its phases, and what the terminal shows of it."""
