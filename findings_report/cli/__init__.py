"""The terminal: arguments, output and exit codes.

In: the command line. Out: text on the terminal and an exit code. It asks `commands` for everything else, and must not know how
findings are read, checked or rendered.
"""

import sys

if sys.platform == "win32":  # before anything that Windows does not have is imported
    sys.stderr.write(
        "error: findings-report does not run on Windows itself\n"
        "  help: install it inside WSL: https://learn.microsoft.com/windows/wsl\n"
    )
    sys.exit(5)

from findings_report.cli.app import main

__all__ = ["main"]
