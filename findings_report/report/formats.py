"""The table of formats. To add an export format, write one file in `rendering` and add one row to FORMATS.

Imports nothing of the package at run time: the command line lists the formats in its help, which loads no model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from findings_report.problems import Problem


@dataclass(frozen=True)
class Rendered:
    """What a renderer returns: one file, and what the user should know about it."""

    content: bytes
    """The file."""
    problems: tuple[Problem, ...] = ()
    """Warnings; errors are raised."""


@dataclass(frozen=True)
class ReportFormat:
    """A row of FORMATS."""

    name: str
    """The word after -f, and the suffix of the file unless `ending` is another one."""
    renderer: str | None = None
    """`module:function` that takes a document and returns `Rendered`; None for the formats of templates.

    A path and not the function, because this folder is below `rendering`, and because `--help` must not load renderers.
    """
    takes_comparisons: bool = True
    """True if `diff` can make it."""
    takes_single_findings: bool = True
    """True if `build --each` can make it."""
    extra: str | None = None
    """The extra that has to be installed for it."""
    package: str = ""
    """The name by which the package of that extra is imported."""
    ending: str = ""
    """What the names of its files end with, without the first dot; empty for the name of the format."""
    purpose: str = ""
    """For whom it is, a phrase: the table in docs/commands.md is written from it."""

    @property
    def suffix(self) -> str:
        """What the names of its files end with, without the first dot."""
        return self.ending or self.name

    @property
    def is_installed(self) -> bool:
        """True if nothing is missing that the renderer imports."""
        return not self.package or find_spec(self.package) is not None

    def load_renderer(self) -> Callable[[Any], Rendered]:
        """Import the function that `renderer` names. Raises ValueError for a format of templates."""
        if self.renderer is None:
            raise ValueError(f"{self.name} is rendered by templates")
        module, _, function = self.renderer.partition(":")
        renderer: Callable[[Any], Rendered] = getattr(import_module(module), function)
        return renderer


FORMATS: Final = {
    row.name: row
    for row in (
        # Without a renderer: their content comes from templates, which an engagement can replace.
        ReportFormat("md", purpose="wikis, repositories, editors"),
        ReportFormat("html", purpose="screens: one file with search, filters and pictures"),
        ReportFormat("pdf", purpose="paper and delivery: tagged, signed, with the data embedded"),
        ReportFormat("json", "findings_report.rendering.job:render_json", purpose="programs, `diff`, and rendering again"),
        # A table of findings: a comparison has two sides, and a single finding is no table.
        ReportFormat(
            "csv",
            "findings_report.rendering.csv:render",
            takes_comparisons=False,
            takes_single_findings=False,
            purpose="spreadsheets: one row for each finding",
        ),
        ReportFormat(
            "docx",
            "findings_report.rendering.docx:render",
            takes_comparisons=False,
            takes_single_findings=False,
            extra="docx",
            package="docx",
            purpose="Word: comments and the firm's own form",
        ),
        ReportFormat(
            "xlsx",
            "findings_report.rendering.xlsx:render",
            takes_comparisons=False,
            takes_single_findings=False,
            extra="xlsx",
            package="xlsxwriter",
            purpose="Excel: findings, locations and the remediation plan",
        ),
        ReportFormat("sarif", "findings_report.rendering.sarif:render", purpose="code scanning and editors"),
        # Findings of a whole report: programs that take them track one set, and close what is missing from it.
        ReportFormat(
            "defectdojo",
            "findings_report.rendering.exchange:render_defectdojo",
            ending="defectdojo.json",
            takes_comparisons=False,
            takes_single_findings=False,
            purpose='DefectDojo: "Generic Findings Import"',
        ),
        ReportFormat(
            "gitlab-sast",
            "findings_report.rendering.exchange:render_gitlab",
            ending="gitlab-sast.json",
            takes_comparisons=False,
            takes_single_findings=False,
            purpose="GitLab: the artifact `reports: sast`",
        ),
        ReportFormat(
            "csaf",
            "findings_report.rendering.csaf:render",
            takes_comparisons=False,
            takes_single_findings=False,
            ending="csaf.json",
            purpose="advisories: a CSAF 2.0 VEX document of products",
        ),
    )
}
"""All formats by name, in the order of the documentation."""

COMPARISON_FORMATS: Final = tuple(name for name, row in FORMATS.items() if row.takes_comparisons)
"""The formats of `diff`."""

SINGLE_FINDING_FORMATS: Final = tuple(name for name, row in FORMATS.items() if row.takes_single_findings)
"""The formats of `build --each`."""


def list_formats(names: tuple[str, ...] = tuple(FORMATS)) -> str:
    """Return the names for a help text, as in `md, html or pdf`."""
    return f"{', '.join(names[:-1])} or {names[-1]}"
