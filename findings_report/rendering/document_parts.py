"""A document as text in a format with templates: its parts, in the order of the pages, joined.

Each part is rendered without sight of the others, so that it can be cached and sent separately. How a value looks in a format
is the business of the dialects (`html`, `markdown`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Final, Literal

from markupsafe import Markup

from findings_report.model.comparison import ComparedFinding, Comparison, Document
from findings_report.model.engagement import SectionPlace
from findings_report.model.report import Report, ReportedFinding, ReportedSection, ReportPages
from findings_report.pdf.page import segment_sizes
from findings_report.rendering.figures import number_figures, number_tables
from findings_report.rendering.html_pages import find_anchors
from findings_report.rendering.jinja_environment import TemplateRunner, mark_safe
from findings_report.rendering.template_files import Template, TemplateFiles
from findings_report.rendering.web_fonts import embed_fonts
from findings_report.report.formats import Rendered
from findings_report.system.cache import FileCache

# Addresses of lines and headings make a report of 1,000 findings a tenth larger, and such a one is as small as it can be.
_MOST_ADDRESSED: Final = 300
_CLASS: Final = re.compile(rb'(<[a-z]+ class=)"([a-z0-9]+)"')
_END_TAGS: Final = re.compile(rb"</(?:td|th|tr|tbody|li|dt|dd)>")
# A line break beside one of these is a node for the browser, and nothing to the reader. None of them is in `pre`.
_BLOCK: Final = rb"</?(?:article|section|header|div|p|figure|figcaption|ul|ol|li|dl|dt|dd|table|thead|tbody|tr|td|th|h[2-6])\b"
_BREAKS: Final = re.compile(rb"(?<!\n)\n++(?=%b)|(%b[^<>]*+>)\n++" % (_BLOCK, _BLOCK))

PartKind = Literal["front", "section", "finding", "appendix"]


@dataclass(frozen=True)
class RenderedPart:
    """One part. Links to other parts are symbolic: `xref:ID`."""

    kind: PartKind
    """Where it belongs."""
    key: str
    """Its anchor: a finding's id, a section's key; the kind's name for the two others."""
    text: str
    """What its template printed."""


def render(
    document: Document,
    *,
    template: Template | TemplateFiles,
    format: str,  # noqa: A002
    entries: FileCache | None = None,
) -> Rendered:
    """Return the whole document in `format`, a key of FORMATS; for pdf the HTML of its pages, pictures as `fr-asset:NAME`.

    `entries` is the cache of its parts. Raises FindingsReportError (OUTPUT) for a format without templates, and with file and
    line for an error of a template.
    """
    is_long = len(document.findings) > _MOST_ADDRESSED
    runner = TemplateRunner(
        document.engagement,
        template=template,
        format=format,
        has_addresses=not is_long,
        entries=entries,
    )
    parts = ReportParts(document, runner) if isinstance(document, Report) else ComparisonParts(document, runner)
    # Encoded piece by piece: the text of a long report is not held a second time as bytes.
    buffer = BytesIO()
    for chunk in parts.document():
        buffer.write(chunk.encode())
    if format != "html":
        return Rendered(buffer.getvalue())
    engagement = document.engagement
    page, problems = embed_fonts(buffer.getvalue(), entries, engagement.fonts, engagement.language)
    return Rendered(_compact(page) if is_long else page, problems)


def _compact(page: bytes) -> bytes:
    """Return a page without the quotation marks, end tags and line breaks that HTML lets be left out; text has no `<`."""
    # Source: HTML, 13.1.2.4 Optional tags.
    return _CLASS.sub(rb"\1\2", _END_TAGS.sub(b"", _BREAKS.sub(rb"\1", page)))


def render_alone(
    report: Report,
    *,
    template: Template | TemplateFiles,
    format: str,  # noqa: A002
    entries: FileCache | None = None,
) -> Rendered:
    """Return a single-finding report by `alone.*.j2`: the only finding of `report`, and whose it is. Otherwise as `render`."""
    runner = TemplateRunner(report.engagement, template=template, format=format, is_alone=True, entries=entries)
    (finding,) = report.findings
    text = ReportParts(report, runner).finding(finding)
    pieces = runner.join_parts("alone", report=report, finding=finding, findings=mark_safe([text]))
    return Rendered("".join(pieces).encode())


class ReportParts:
    """The parts of a report."""

    def __init__(self, report: Report, runner: TemplateRunner) -> None:
        self._report = report
        self._runner = runner
        self._front = ""

    def parts(self) -> Iterator[RenderedPart]:
        """Yield every part in the order of the pages, each rendered when it is asked for."""
        yield RenderedPart("front", "front", self.front())
        for section in self._sections(SectionPlace.BEFORE):
            yield RenderedPart("section", section.key, self.section(section))
        for finding in self._report.findings:
            yield RenderedPart("finding", finding.id, self.finding(finding))
        for section in self._sections(SectionPlace.AFTER):
            yield RenderedPart("section", section.key, self.section(section))
        yield RenderedPart("appendix", "appendix", self.appendix())

    def front(self) -> str:
        """Return everything before the first section; sees the report."""
        summary = self._report.summary
        return self._runner.render_part(
            "front", lambda part: number_tables(part, [summary] if summary else ()), report=self._report
        )

    def appendix(self) -> str:
        """Return everything after the last section; sees the report."""
        return self._runner.render_part("appendix", report=self._report)

    def section(self, section: ReportedSection) -> str:
        """Return one section; sees itself and the engagement."""
        return self._runner.render_part(
            "section", lambda part: number_tables(part, [section.text], first=section.first_table), section=section
        )

    def finding(self, finding: ReportedFinding) -> str:
        """Return one finding; sees itself and the engagement."""
        return self._runner.render_part("finding", lambda part: number_figures(part, finding), finding=finding)

    def document(self) -> Iterator[str]:
        """Yield the document in pieces: the parts joined by `document.*.j2`, those of one page by `page-document.*.j2`."""
        pages = self._report.pages
        # A page has a template of its own: that of a document may be the engagement's, and has parts that a page does not have.
        if pages is not None and pages.page is not None:
            return self._page(pages)
        front = self._remember_front()
        findings = (self.finding(finding) for finding in self._report.findings)
        return self._runner.join_parts(
            "document",
            pages=pages,
            report=self._report,
            # Iterators of one element: rendered only if the template prints them.
            front=mark_safe(front),
            before=mark_safe(self.section(section) for section in self._sections(SectionPlace.BEFORE)),
            findings=mark_safe(findings if pages is None else (self._list_pages() for _ in range(1))),
            # Iterators: a template takes either `findings` or `sheets`, and only what it takes is rendered.
            sheets=self._sheets(),
            after=mark_safe(self.section(section) for section in self._sections(SectionPlace.AFTER)),
            appendix=mark_safe(self.appendix() for _ in range(1)),
        )

    def _remember_front(self) -> Iterator[str]:
        self._front = self.front()
        yield self._front

    def _list_pages(self) -> str:
        """Return what the index has in the place of the findings: the pages, and an address for each finding without a row."""
        # Old links lead to the index: each finding has an address there, its own one if the engagement's template has none.
        anchors = find_anchors(self._front)
        missing = frozenset(finding.id for finding in self._report.findings if finding.id not in anchors)
        return self._runner.run("pages", self._runner.new_part(), report=self._report, missing=missing)

    def _page(self, pages: ReportPages) -> Iterator[str]:
        report = self._report
        return self._runner.join_parts(
            "page-document",
            pages=pages,
            report=report,
            front=mark_safe(self._runner.render_part("page-front", report=report) for _ in range(1)),
            findings=mark_safe(self.finding(finding) for finding in report.findings),
            appendix=mark_safe(self._runner.render_part("page-appendix", report=report) for _ in range(1)),
        )

    def _sheets(self) -> Iterator[Iterator[Markup]]:
        return _sheets((finding.id, self.finding(finding)) for finding in self._report.findings)

    def _sections(self, place: SectionPlace) -> Iterator[ReportedSection]:
        return (section for section in self._report.sections if section.place is place)


class ComparisonParts:
    """The parts of a comparison."""

    def __init__(self, comparison: Comparison, runner: TemplateRunner) -> None:
        self._comparison = comparison
        self._runner = runner

    def front(self) -> str:
        """Return everything before the first finding; sees the comparison."""
        return self._runner.render_part("diff-front", comparison=self._comparison)

    def finding(self, compared: ComparedFinding) -> str:
        """Return one finding on both sides; sees itself and the engagement."""
        # The baseline is what was reported: its figures keep the numbers that the client has in hand.
        numbered = compared.baseline or compared.latest
        return self._runner.render_part("diff-finding", lambda part: number_figures(part, numbered), compared=compared)

    def appendix(self) -> str:
        """Return everything after the last finding; sees the comparison."""
        return self._runner.render_part("diff-appendix", comparison=self._comparison)

    def document(self) -> Iterator[str]:
        """Yield the document in pieces: the parts joined by `diff.*.j2`."""
        return self._runner.join_parts(
            "diff",
            comparison=self._comparison,
            front=mark_safe(self.front() for _ in range(1)),
            findings=mark_safe(self.finding(compared) for compared in self._comparison.findings),
            sheets=_sheets((compared.id, self.finding(compared)) for compared in self._comparison.findings),
            appendix=mark_safe(self.appendix() for _ in range(1)),
        )


def _sheets(findings: Iterable[tuple[str, str]]) -> Iterator[Iterator[Markup]]:
    """Yield rendered findings, given with their ids, in groups for paper: each group starts a page, each finding is marked.

    Blank findings are left out: in a comparison the table says everything about some of them.
    """
    # The size of a group depends on all ids, so everything is rendered before the first group.
    printed = [(id, text) for id, text in findings if text.strip()]
    parts = iter(printed)
    for count in segment_sizes([id for id, _ in printed]):
        yield mark_safe(f"<!--part {id}-->\n{text}" for id, text in islice(parts, count))
