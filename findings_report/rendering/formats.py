"""A document in the formats that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from findings_report.report.formats import FORMATS, Rendered

if TYPE_CHECKING:
    from findings_report.model.comparison import Document
    from findings_report.model.report import Report
    from findings_report.pdf.page import PdfPage
    from findings_report.rendering.template_files import Template, TemplateFiles
    from findings_report.system.cache import FileCache


def render(
    document: Document,
    name: str,
    template: Template | TemplateFiles,
    *,
    system_fonts: bool,
    entries: FileCache | None = None,
    workers: int | None = None,
) -> Rendered:
    """Return the document in one format of `report.formats.FORMATS`.

    `entries` caches the parts, and the whole document if it has no problems. At most
    `workers` processes lay out at once, one for each core when None.
    """
    from findings_report.model.report import Report
    from findings_report.rendering.template_files import read_template
    from findings_report.rendering.template_runner import document_key

    row = FORMATS.get(name)
    if row is not None and row.renderer is not None and (row.takes_comparisons or isinstance(document, Report)):
        return row.load_renderer()(document)
    # Read once: key and text must come from the same files, also while somebody edits them.
    template = read_template(template)
    if entries is None or system_fonts:  # no key contains the fonts of the machine
        return _render(document, name, template, system_fonts=system_fonts, entries=entries, workers=workers)
    key = document_key(document, template, name)
    if (known := entries.get(key)) is not None:
        return Rendered(known)
    rendered = _render(document, name, template, system_fonts=system_fonts, entries=entries, workers=workers)
    # With problems it is rendered each time, because they have to be reported each time.
    if not rendered.problems:
        entries.put(key, rendered.content)
    return rendered


def render_json(document: Document) -> Rendered:
    """Return the document as its JSON."""
    from findings_report.report import archive

    return Rendered(archive.to_json(document))


def _render(
    document: Document,
    name: str,
    template: Template | TemplateFiles,
    *,
    system_fonts: bool,
    entries: FileCache | None,
    workers: int | None,
) -> Rendered:
    from findings_report.rendering.document_parts import render as render_text

    text = render_text(document, template=template, format=name, entries=entries)
    if name != "pdf":
        return text
    from findings_report.pdf.render import open_renderer

    with open_renderer(cache=entries, workers=workers, system_fonts=system_fonts) as renderer:
        content, problems = renderer.render(pdf_page(document, text))
    return Rendered(content, (*text.problems, *problems))


def render_each(
    reports: Sequence[Report],
    name: str,
    template: Template | TemplateFiles,
    *,
    system_fonts: bool,
    entries: FileCache | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Rendered]:
    """Return the only finding of each report in one format that takes single findings. `workers` as in `render`.

    `progress` receives the index of the next report. Raises FindingsReportError with the problems of all that cannot be made.
    """
    from findings_report.rendering.document_parts import render_alone as render_text
    from findings_report.rendering.template_files import read_template

    row = FORMATS[name]
    if row.renderer is None:
        template = read_template(template)  # once for all reports
    texts: list[Rendered] = []
    for index, report in enumerate(reports):
        progress(index)
        if row.renderer is not None:
            texts.append(row.load_renderer()(report))
        else:
            texts.append(render_text(report, template=template, format=name, entries=entries))
    if name != "pdf" or not texts:
        return texts
    from findings_report.pdf.render import open_renderer

    pages = [pdf_page(report, text) for report, text in zip(reports, texts, strict=True)]
    with open_renderer(cache=entries, workers=workers, system_fonts=system_fonts) as renderer:
        printed = renderer.render_many(pages, progress)
    return [Rendered(pdf, (*text.problems, *problems)) for text, (pdf, problems) in zip(texts, printed, strict=True)]


def pdf_page(document: Document, text: Rendered) -> PdfPage:
    """Return the page of a document with its pictures, and with the JSON that the PDF embeds."""
    from findings_report.pdf.page import EmbeddedFile, PdfPage
    from findings_report.report import archive

    shown = [*document.engagement.images, *([document.engagement.logo] if document.engagement.logo else [])]
    pictures = {picture.name: (picture.media_type, picture.content) for picture in shown}
    # Dated with the report: two builds of the same findings must give the same bytes.
    data = EmbeddedFile(archive.carried_name(document), archive.to_json(document), document.engagement.date)
    return PdfPage(text.content.decode(), pictures, data)
