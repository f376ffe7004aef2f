"""One run of training: its parts and who owns them, how they are built, and the loop that goes through the data."""
