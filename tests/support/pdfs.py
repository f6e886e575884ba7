"""PDFs as tests need them: blank, with embedded data, and rendered from a sample report."""

from __future__ import annotations

import io
from datetime import date

import pikepdf
import samples
from pikepdf import Pdf

from findings_report import commands
from findings_report.model.rendered import EmbeddedFile
from findings_report.pdf.archival import archival
from findings_report.rendering.template_files import Template, builtin_templates


def saved(pdf: Pdf) -> bytes:
    buffer = io.BytesIO()
    pdf.save(buffer, static_id=True)
    return buffer.getvalue()


def blank() -> bytes:
    pdf = pikepdf.new()
    pdf.add_blank_page()
    return saved(pdf)


def carrying(content: bytes, name: str = "report.json", day: date | None = date(2026, 11, 20)) -> bytes:
    return archival(blank(), EmbeddedFile(name, content, day))


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
