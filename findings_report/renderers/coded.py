"""A short text with code in it, in the looks of a dialect."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from findings_report.prose.inline_code import pieces


def coded(text: str, *, escape: Callable[[str], Markup], literal: Callable[[str], Markup]) -> Markup:
    """`text`, what stands in backticks as code, the rest as the text it is; both go through the dialect's escaping."""
    return Markup("").join(literal(piece.text) if piece.is_code else escape(piece.text) for piece in pieces(text))
