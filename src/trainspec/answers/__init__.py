"""Facts that commands and services tell: pure functions of what they are given, each with a result that is plain JSON.

Nothing here prints, reads this process's environment or command line, or knows of exit codes and styles. What is wrong
with a document is among the diagnostics of the result; what cannot be answered at all raises NoAnswer with its own.
"""
