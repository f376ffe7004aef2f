"""Machines by name (such as h100x8), and what does not fit one of them."""
