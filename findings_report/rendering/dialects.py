"""The formats that templates are written in, and what each needs to print a value: its dialect."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from markupsafe import Markup

from findings_report.model.comparison import Words
from findings_report.model.drift import DiffLine
from findings_report.model.evidence import Snippet
from findings_report.model.report import Picture
from findings_report.prose import Prose
from findings_report.prose.inline_code import split_inline_code
from findings_report.rendering import html, markdown
from findings_report.rendering.figures import Part


class Dialect(Protocol):
    """How values are printed in a family of formats. The modules `html` and `markdown` implement it."""

    def escape(self, text: str) -> Markup:
        """Return a short text, none of whose characters is markup."""

    def code(self, text: str) -> Markup:
        """Return a short text as code within a line."""

    def isolate(self, shown: Markup, text: str) -> Markup:
        """Return `shown`, the markup of `text`, so that text from right to left in it leaves the order of what is around it."""

    def link(self, text: str | Markup, address: str | None) -> Markup:
        """Return `text` linked to a web address; only the text for any other address and for None."""

    def xref(self, target: str) -> Markup:
        """Return the address of another part of the document by its anchor."""

    def prose(self, parsed: Prose, part: Part, under: int) -> Markup:
        """Return the blocks of a text, with its headings below level `under`."""

    def inline(self, parsed: Prose, part: Part) -> Markup:
        """Return the content of one paragraph."""

    def code_block(self, snippet: Snippet, part: Part) -> Markup:
        """Return the lines of a snippet with numbers, marks and notes."""

    def differences(self, snippet: Snippet) -> Markup:
        """Return how an edited quote differs from the repository; empty when it does not."""

    def diff(self, lines: Sequence[DiffLine], language: str) -> Markup:
        """Return the diff of a cited range."""

    def wording(self, words: Sequence[Words]) -> Markup:
        """Return a changed text, word by word."""


@dataclass(frozen=True)
class TemplateFormat:
    """A format that templates are written in."""

    suffixes: tuple[str, ...]
    """Suffixes of its template files, `front.SUFFIX.j2`; the first that exists is used."""
    dialect: Dialect
    """How values are printed in it."""
    embeds_pictures: bool = True
    """False where pictures are files beside the text, addressed as `fr-asset:NAME`."""


FORMATS: Final = {
    "md": TemplateFormat(("md",), markdown),
    "html": TemplateFormat(("html",), html),
    # The confined process that lays out a PDF is given the pictures beside the page, and follows no other address.
    "pdf": TemplateFormat(("pdf.html", "html"), html, embeds_pictures=False),
}
"""Every format with templates. A new text format is one line here, its dialect, and its files in a template folder."""


def with_inline_code(text: str, dialect: Dialect) -> Markup:
    """Return a short text with what is in backticks as code; everything is escaped by the dialect."""
    runs = split_inline_code(text)
    return dialect.isolate(
        Markup("").join(dialect.code(run.text) if run.is_code else dialect.escape(run.text) for run in runs), text
    )


def data_address(picture: Picture) -> str:
    """Return an address that contains the bytes of a picture. Source: RFC 2397."""
    return f"data:{picture.media_type};base64,{base64.b64encode(picture.content).decode()}"
