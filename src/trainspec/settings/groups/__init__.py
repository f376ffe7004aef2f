"""The settings by subject, a file a group: what one setting may be, nothing more."""
