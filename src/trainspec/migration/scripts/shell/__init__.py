"""Shell scripts, from the syntax tree of a maintained parser."""
