"""Launch scripts: which commands a shell script, batch file or notebook would run, with which words, and none is run."""
