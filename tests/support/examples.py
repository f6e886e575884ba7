"""How many examples a property test draws."""

from __future__ import annotations

import os


def examples(count: int) -> int:
    """`count`, which CI can afford, or in `make properties` so many times as many."""
    return count * int(os.environ.get("FINDINGS_REPORT_EXAMPLES", "1"))
