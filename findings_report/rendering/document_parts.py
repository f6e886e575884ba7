"""Document -> text in any format that has templates: its parts, in the order of the pages.

Jinja lives in `environment`, `folders` and `pages`, and nowhere else. Templates are the tool's own and the user's: trusted, yet
run in the sandbox on frozen values whose fields alone can be read. What a text looks like in a format is the dialect's business
(html, markdown).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Literal

from markupsafe import Markup

from findings_report.model.comparison import ComparedFinding, Comparison, Document
from findings_report.model.engagement import Place
from findings_report.model.rendered import Rendered
from findings_report.model.report import Report, ReportedFinding, ReportedSection
from findings_report.pdf.segments import gathered
from findings_report.rendering.figures import number_figures
from findings_report.rendering.template_files import Template, TemplateFiles
from findings_report.rendering.template_runner import FORMATS, Pages, marked
from findings_report.system.cache import FileCache

__all__ = ["FORMATS", "Book", "Contrast", "RenderedPart", "render", "render_alone"]

PartKind = Literal["front", "section", "finding", "appendix"]


@dataclass(frozen=True)
class RenderedPart:
    """One part, rendered alone. Links to other parts are symbolic: `xref:ID`."""

    kind: PartKind
    """What it is."""
    key: str
    """Its anchor: a finding's id, a section's key; the kind's name for the two others."""
    text: str
    """The text."""


def render(
    document: Document,
    *,
    template: Template | TemplateFiles,
    format: str,  # noqa: A002
    entries: FileCache | None = None,
) -> Rendered:
    """The whole document in `format`, a key of FORMATS; for pdf the HTML of its pages, pictures as `fr-asset:NAME`.

    `entries` keeps its parts for the next time. Raises FindingsReportError (OUTPUT) for a format without templates and for a
    template's own fault, with file and line.
    """
    pages = Pages(document.engagement, template=template, format=format, entries=entries)
    book = Book(document, pages) if isinstance(document, Report) else Contrast(document, pages)
    buffer = BytesIO()
    for chunk in book.document():
        buffer.write(chunk.encode())
    return Rendered(buffer.getvalue())


def render_alone(
    report: Report,
    *,
    template: Template | TemplateFiles,
    format: str,  # noqa: A002
    entries: FileCache | None = None,
) -> Rendered:
    """A report's only finding without anything around it but whose it is, by `alone.*.j2`. Otherwise as `render`."""
    pages = Pages(report.engagement, template=template, format=format, is_alone=True, entries=entries)
    (finding,) = report.findings
    pieces = pages.joined("alone", report=report, finding=finding, findings=marked([Book(report, pages).finding(finding)]))
    return Rendered("".join(pieces).encode())


class Book:
    """A report's parts."""

    def __init__(self, report: Report, pages: Pages) -> None:
        self._report = report
        self._pages = pages

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
        return self._pages.once("front", report=self._report)

    def appendix(self) -> str:
        """Everything after the last section; sees the report."""
        return self._pages.once("appendix", report=self._report)

    def section(self, section: ReportedSection) -> str:
        """One section; sees itself and the engagement."""
        return self._pages.once("section", section=section)

    def finding(self, finding: ReportedFinding) -> str:
        """One finding; sees itself and the engagement."""
        return self._pages.once("finding", lambda part: number_figures(part, finding), finding=finding)

    def document(self) -> Iterator[str]:
        """The parts joined by `document.*.j2`, piece by piece."""
        return self._pages.joined(
            "document",
            report=self._report,
            front=marked(self.front() for _ in range(1)),
            before=marked(self.section(section) for section in self._sections(Place.BEFORE)),
            findings=marked(self.finding(finding) for finding in self._report.findings),
            sheets=self._sheets(),
            after=marked(self.section(section) for section in self._sections(Place.AFTER)),
            appendix=marked(self.appendix() for _ in range(1)),
        )

    def _sheets(self) -> Iterator[Iterator[Markup]]:
        return _sheets((finding.id, self.finding(finding)) for finding in self._report.findings)

    def _sections(self, place: Place) -> Iterator[ReportedSection]:
        return (section for section in self._report.sections if section.place is place)


class Contrast:
    """A comparison's parts."""

    def __init__(self, comparison: Comparison, pages: Pages) -> None:
        self._comparison = comparison
        self._pages = pages

    def front(self) -> str:
        """Everything before the first finding; sees the comparison."""
        return self._pages.once("diff-front", comparison=self._comparison)

    def finding(self, compared: ComparedFinding) -> str:
        """One finding on both sides; sees itself and the engagement. Its figures are the baseline's, where it has one."""
        numbered = compared.baseline or compared.shown
        return self._pages.once("diff-finding", lambda part: number_figures(part, numbered), compared=compared)

    def appendix(self) -> str:
        """What could not be compared, and what made it; sees the comparison."""
        return self._pages.once("diff-appendix", comparison=self._comparison)

    def document(self) -> Iterator[str]:
        """The parts joined by `diff.*.j2`, piece by piece."""
        return self._pages.joined(
            "diff",
            comparison=self._comparison,
            front=marked(self.front() for _ in range(1)),
            findings=marked(self.finding(compared) for compared in self._comparison.findings),
            sheets=_sheets((compared.id, self.finding(compared)) for compared in self._comparison.findings),
            appendix=marked(self.appendix() for _ in range(1)),
        )


def _sheets(findings: Iterable[tuple[str, str]]) -> Iterator[Iterator[Markup]]:
    """Rendered findings, each with its id, for paper: every group begins on a page of its own, every finding is marked.

    What is blank is left out: a comparison says no more of some findings than its table does.
    """
    printed = [(id, text) for id, text in findings if text.strip()]
    parts = iter(printed)
    for count in gathered([id for id, _ in printed]):
        yield marked(f"<!--part {id}-->\n{text}" for id, text in islice(parts, count))
