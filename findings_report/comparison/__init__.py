"""Two reports in, a Comparison out: what changed in each finding, and whether each claim agrees with the code.

`read_side` reads what the user named as a side, `compare_sides` follows the code between two sides and compares them. Findings
are paired in `matching`. How a comparison looks is not known here: templates, formats and the terminal are above or beside.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from findings_report.comparison.sides import ReadSide, compare_sides, read_side, side_of_report

__all__ = ["ReadSide", "compare_sides", "read_side", "side_of_report"]


def __getattr__(name: str) -> Any:
    # Late: `sides` loads nearly everything that reads and resolves, and a completion or a help text needs none of it.
    if name in __all__:
        from findings_report.comparison import sides

        return getattr(sides, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
