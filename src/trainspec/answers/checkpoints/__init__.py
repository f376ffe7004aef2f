"""What people ask of checkpoints: how two differ, which may go, and the weights alone for other programs. No torch."""
