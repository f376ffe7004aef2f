"""What preflight compares settings with, and how it says what it found."""
