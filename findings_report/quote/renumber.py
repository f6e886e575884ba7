"""The line numbers inside a quote, moved with the code: every other character stays. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from findings_report.model.evidence import Region
from findings_report.quote.reading import STYLES, claims

Step = Callable[[int], int | None]
"""The new number of a line; None when it is not known."""


def renumbered(quote: str, claimed: Sequence[Region], cited: Sequence[Region], step: Step) -> str | None:
    """`quote` with each of its line numbers stepped; as it is when it has none. None when that cannot be done.

    `claimed` is what checking the quote gave, `cited` the location's `lines`. Only a reading that claims what was checked
    counts: in `404: "Not Found"` the number may be code.
    """
    style = next((style for style in STYLES if claims(quote, style) == tuple(claimed)), None) if claimed else None
    if style is None:
        return quote if tuple(claimed) == tuple(cited) else None
    lines = [_stepped(line, style, step) for line in quote.split("\n")]
    return None if any(line is None for line in lines) else "\n".join(line or "" for line in lines)


def _stepped(line: str, style: re.Pattern[str], step: Step) -> str | None:
    """The line with its number stepped, if it has one; None when the new one is not known."""
    head = style.match(line)
    if head is None:
        return line
    number = step(int(head["number"]))
    return None if number is None else f"{line[: head.start('number')]}{number}{line[head.end('number') :]}"
