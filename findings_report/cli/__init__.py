"""The terminal: arguments, output and exit codes.

In: the command line. Out: text on the terminal and an exit code. It asks `commands` for everything else, and must not know how
findings are read, checked or rendered.
"""

from findings_report.cli.app import main

__all__ = ["main"]
