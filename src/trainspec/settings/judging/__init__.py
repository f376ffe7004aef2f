"""From what sources say to settings, or to everything that is wrong with it."""
