"""The help texts of the command line."""
