"""What is known before a library is imported."""

LENGTH = 12
"""Tokens of every row that is written anew."""
