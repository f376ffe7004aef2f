"""The training core; everything here needs torch."""
