"""The command line: `quinoa train`, `evaluate`, `record`, `plot`, `sweep`.

`commands.py` finds a command by its name, `command.py` says what one is, and
each has a file, which imports what takes seconds only where it is used. The
scripts of `experiments/` call the same files.
"""
