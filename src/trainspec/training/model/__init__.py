"""What settings do to a model, and what a model says of itself."""
