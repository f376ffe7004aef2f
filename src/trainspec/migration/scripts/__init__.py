"""Launch scripts: which commands a shell script, batch file or notebook would run, and their words; none is run."""
