"""The result of parsing a text: its blocks, what it refers to, and what cannot be printed as meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from markdown_it.token import Token

from findings_report.problems import Level

UseKind = Literal["placed", "location", "finding", "image"]


class Fault(NamedTuple):
    """A part of a text that cannot be printed as it was meant."""

    line_offset: int
    """Line of the text, 0-based."""
    fault: str
    """What is wrong, as in `Problem.fault`."""
    remedy: str
    """What to write instead."""
    code: str
    """Stable short name."""

    @property
    def level(self) -> Level:
        """Return "error" where the whole text can only be printed without its layout, else "warning"."""
        return "error" if self.code in ("prose-nesting", "prose-size") else "warning"


class Use(NamedTuple):
    """One mention of something outside the text."""

    kind: UseKind
    """placed: a location's snippet is printed here; location, finding: referred to; image: a picture is printed here."""
    name: str
    """Name or id; for a picture its name or its file's path."""
    line_offset: int
    """Line of the text, 0-based."""


@dataclass(frozen=True)
class References:
    """What a text refers to, in order."""

    uses: tuple[Use, ...] = ()
    """Every mention."""

    def _names(self, kind: UseKind) -> tuple[str, ...]:
        return tuple(dict.fromkeys(use.name for use in self.uses if use.kind == kind))

    @property
    def placed(self) -> tuple[str, ...]:
        """Names of the locations whose snippets the text places itself."""
        return self._names("placed")

    @property
    def locations(self) -> tuple[str, ...]:
        """Names of the locations it refers to without placing them."""
        return self._names("location")

    @property
    def findings(self) -> tuple[str, ...]:
        """Ids of the findings it refers to."""
        return self._names("finding")

    @property
    def images(self) -> tuple[str, ...]:
        """Pictures it places, by name or by file."""
        return self._names("image")


@dataclass(frozen=True)
class Prose:
    """A text, parsed under the policy.

    Tokens are markdown-it's, with one type of our own: `figure`, a block of its own, whose meta holds `kind` (placed or
    image), `name`, `alt` (inline tokens) and `text` (alt without its marks). Links to findings and locations keep their
    symbolic address.
    """

    tokens: tuple[Token, ...]
    """Blocks in order; not to be changed."""
    faults: tuple[Fault, ...]
    """By line."""
    references: References
    """What it refers to."""
