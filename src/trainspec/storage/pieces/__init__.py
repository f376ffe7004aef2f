"""Files that are written piece by piece, and never held whole."""
