"""PDFs as tests need them: blank, with embedded data, and rendered from a sample report."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

import pikepdf
import samples
from pikepdf import Pdf

from findings_report import commands
from findings_report.pdf.archival import to_archival
from findings_report.pdf.page import EmbeddedFile, PdfPage
from findings_report.pdf.render import open_renderer
from findings_report.rendering.template_files import Template, builtin_templates
from findings_report.report.formats import Rendered


def saved(pdf: Pdf) -> bytes:
    buffer = io.BytesIO()
    pdf.save(buffer, static_id=True)
    return buffer.getvalue()


def blank() -> bytes:
    pdf = pikepdf.new()
    pdf.add_blank_page()
    return saved(pdf)


def carrying(content: bytes, name: str = "report.json", day: date | None = date(2026, 11, 20)) -> bytes:
    return to_archival(blank(), EmbeddedFile(name, content, day))


def printed(template: str = "standard") -> bytes:
    report = samples.report()
    return commands.render(report, "pdf", Template(template, (builtin_templates(),)), system_fonts=False).content


def bare(**information: str) -> bytes:
    pdf = pikepdf.new()
    pdf.add_blank_page()
    for name, value in information.items():
        pdf.docinfo[f"/{name}"] = value
    buffer = io.BytesIO()
    pdf.save(buffer)
    return buffer.getvalue()


def render_pdf(
    html: str,
    *,
    pictures: Mapping[str, tuple[str, bytes]] = MappingProxyType({}),
    embedded_file: EmbeddedFile | None = None,
    **options: Any,
) -> Rendered:
    """The PDF of one page by a renderer of its own; `options` are those of `open_renderer`."""
    with open_renderer(**options) as renderer:
        return Rendered(*renderer.render(PdfPage(html, pictures, embedded_file)))


def render_stamp(html: str) -> bytes:
    with open_renderer(workers=1) as renderer:
        return renderer.render_stamp(html)
