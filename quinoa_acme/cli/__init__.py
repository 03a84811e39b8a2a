"""The command line: `quinoa train`, `evaluate`, `record`, `plot`, `sweep`.

`commands.py` finds a command by its name, and `command.py` defines what a
command is. Each command has a file, which imports slow modules only where it
uses them. The scripts of `experiments/` call the same files.
"""
