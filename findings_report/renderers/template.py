"""Report -> text in any format that has templates: finding the files, running them, joining the parts.

Jinja lives here and nowhere else. Templates are the tool's own and the user's: trusted, yet run in the sandbox on frozen values
whose fields alone can be read. What a text looks like in a format is the dialect's business (html, markdown).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final, Literal
from urllib.parse import quote

from jinja2 import Template as JinjaTemplate
from markupsafe import Markup

from findings_report.model.document import Picture, Report, ReportedFinding, ReportedSection
from findings_report.model.finding import Place
from findings_report.renderers import Rendered, Template
from findings_report.renderers.environment import Dialect, environment, told
from findings_report.renderers.folders import Folders, refused
from findings_report.renderers.part import Figure, Part, number_figures

PartKind = Literal["front", "section", "finding", "appendix"]

_MOST_EMBEDDED: Final = 200_000_000  # bytes; a place of 14 characters can hold a picture of 10 MB

# Authored text cannot hold this: its `<` is escaped.
_XREF = re.compile(r'<a href="xref:([^"]*)"')


@dataclass(frozen=True)
class RenderedPart:
    """One part, rendered alone. Links to other parts are symbolic: `xref:ID`."""

    kind: PartKind
    """What it is."""
    key: str
    """Its anchor: a finding's id, a section's key; the kind's name for the two others."""
    text: str
    """The text."""


@dataclass(frozen=True)
class _Format:
    """How one format is made."""

    suffixes: tuple[str, ...]
    """Of the template files, `front.SUFFIX.j2`; the first that exists is taken."""
    dialect: str
    """Module that knows how texts look in it."""
    is_linked: bool = True
    """True where pictures are part of the text; False where they are given beside it, as `fr-asset:NAME`."""


FORMATS: Final = {
    "md": _Format(("md",), "markdown"),
    "html": _Format(("html",), "html"),
    "pdf": _Format(("pdf.html", "html"), "html", is_linked=False),
}
"""Every format that templates are written in. A new text format is one line here and its files in a template folder."""


def render(report: Report, *, template: Template, format: str) -> Rendered:  # noqa: A002
    """The whole document in `format`, a key of FORMATS; for pdf the HTML of its pages, pictures as `fr-asset:NAME`.

    Raises FindingsReportError (OUTPUT) for a format without templates and for a template's own fault, with file and line.
    """
    book = Book(report, template=template, format=format)
    buffer = BytesIO()
    for chunk in book.document():
        buffer.write(chunk.encode())
    return Rendered(buffer.getvalue())


class Book:
    """A report's templates, compiled once, and its parts."""

    def __init__(self, report: Report, *, template: Template, format: str) -> None:  # noqa: A002
        if format not in FORMATS:
            raise refused(f"there are no templates for {format!r}", f"templates make {', '.join(FORMATS)}")
        self._format = FORMATS[format]
        self._report = report
        self._embedded = 0
        self._folders = Folders(template)
        self._dialect = Dialect.of(self._format.dialect)
        self._environment = environment(self._dialect, self._folders, report.engagement)

    def parts(self) -> Iterator[RenderedPart]:
        """Every part in the order of the pages, each rendered when it is asked for."""
        yield RenderedPart("front", "front", self.front())
        for section in self._sections(Place.BEFORE):
            yield RenderedPart("section", section.key, self.section(section))
        for finding in self._report.findings:
            yield RenderedPart("finding", finding.id, self.finding(finding))
        for section in self._sections(Place.AFTER):
            yield RenderedPart("section", section.key, self.section(section))
        yield RenderedPart("appendix", "appendix", self.appendix())

    def front(self) -> str:
        """Everything before the first section; sees the report."""
        return self._run("front", self._part(), report=self._report)

    def appendix(self) -> str:
        """Everything after the last section; sees the report."""
        return self._run("appendix", self._part(), report=self._report)

    def section(self, section: ReportedSection) -> str:
        """One section; sees itself and the engagement."""
        return self._run("section", self._part(), section=section)

    def finding(self, finding: ReportedFinding) -> str:
        """One finding; sees itself and the engagement."""
        part = self._part()
        number_figures(part, finding)
        return self._run("finding", part, finding=finding)

    def document(self) -> Iterator[str]:
        """The parts joined by `document.*.j2`, piece by piece; links between them point to each other."""
        pieces = self._template("document").generate(
            part=self._part(),
            report=self._report,
            engagement=self._report.engagement,
            front=(Markup(self.front()) for _ in range(1)),  # noqa: S704
            before=(Markup(self.section(section)) for section in self._sections(Place.BEFORE)),  # noqa: S704
            findings=(Markup(self.finding(finding)) for finding in self._report.findings),  # noqa: S704
            after=(Markup(self.section(section)) for section in self._sections(Place.AFTER)),  # noqa: S704
            appendix=(Markup(self.appendix()) for _ in range(1)),  # noqa: S704
        )
        return self._joined(told(pieces, self._folders))

    def _joined(self, pieces: Iterable[str]) -> Iterator[str]:
        is_html = self._format.dialect == "html"
        # str: of a Markup the result would be escaped once more.
        return (_XREF.sub(r'<a href="#\1"', str(piece)) if is_html else piece for piece in pieces)

    def _sections(self, place: Place) -> Iterator[ReportedSection]:
        return (section for section in self._report.sections if section.place is place)

    def _part(self) -> Part:
        return Part(self._report.engagement, self._address, self._draw)

    def _address(self, picture: Picture) -> str:
        if not self._format.is_linked:
            return f"fr-asset:{quote(picture.name)}"
        self._embedded += len(picture.content)
        if self._embedded > _MOST_EMBEDDED:
            fault = f"pictures are placed so often that the file would hold more than {_MOST_EMBEDDED // 10**6} MB of them"
            raise refused(fault, "place each once and refer to it, or make them smaller")
        return self._dialect.embedded(picture)

    def _draw(self, part: Part, figure: Figure, caption: Markup | None) -> Markup:
        if part.is_drawing:  # a caption or a note places a figure: it is named, else it could hold itself
            return self._dialect.escape(f"[Figure {figure.number}]")
        first = figure.number not in part.printed
        part.printed.add(figure.number)
        part.is_drawing = True
        drawn = self._run("figure", part, figure=figure, caption=caption, is_first=first)
        part.is_drawing = False
        return Markup(drawn.strip("\n"))  # noqa: S704

    def _run(self, name: str, part: Part, **seen: Any) -> str:
        pieces = self._template(name).generate(part=part, engagement=self._report.engagement, **seen)
        return "".join(told(pieces, self._folders))

    def _template(self, name: str) -> JinjaTemplate:
        wanted = self._folders.choose([f"{name}.{suffix}.j2" for suffix in self._format.suffixes])
        return next(told((self._environment.get_template(each) for each in (wanted,)), self._folders))
