"""The formats of files and of text in variables: values with the place of each, within bounds."""
