"""What judging found, in the forms that other programs read: one file a form, imported when it is chosen."""
