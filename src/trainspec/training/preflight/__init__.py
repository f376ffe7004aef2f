"""What keeps valid settings from working here, told before anything is written."""
