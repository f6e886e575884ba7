"""PDF of 100 findings, the whole program, against the same pages with a table row per line of code and all of Pygments' spans.

    python benchmarks/pdf.py REPOSITORY [--findings 100] [--rounds 3]

The other side is WeasyPrint alone on a page that is ready: reading YAML, asking git and colouring are not measured.
Texts, styles and fonts are the same; only the blocks of code differ. Goal: at most 0.7x its CPU.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

import content
import measuring
import pikepdf
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

import findings_report.pdf.render
from findings_report.model.evidence import Run, Snippet
from findings_report.model.report import Report
from findings_report.rendering.document_parts import render
from findings_report.rendering.template_files import Template, builtin_templates
from findings_report.report import archive

ALONE = "import sys; from weasyprint import HTML; HTML(sys.argv[1]).write_pdf(sys.argv[2])"

BLOCK = re.compile(r'<pre class="code .*?</pre>', re.DOTALL)
STYLE = """
table.lines { width: 100%; margin: 0 0 0.9rem; background: var(--code); border-collapse: collapse; }
table.lines td { padding: 0; border: 0; font-family: var(--mono); font-size: 7.6pt; line-height: 1.45; tab-size: 4; }
table.lines td:first-child { width: 3rem; padding-right: 0.8rem; text-align: right; color: var(--quiet); }
table.lines td:last-child { white-space: pre-wrap; overflow-wrap: anywhere; }
"""


def page_with_tables(report: Report) -> str:
    """The page that the program prints, each block of code replaced by a table."""
    made = render(report, template=Template("standard", (builtin_templates(),)), format="pdf").content.decode()
    snippets = [snippet for finding in report.findings for snippet in finding.unplaced]
    blocks = BLOCK.findall(made)
    assert len(blocks) == len(snippets), (len(blocks), len(snippets))
    tables = iter(snippets)
    page = BLOCK.sub(lambda _: table(next(tables)), made)
    colours = HtmlFormatter().get_style_defs("table.lines")  # type: ignore[no-untyped-call]
    return page.replace("</style>", f"{STYLE}{colours}</style>", 1)


def table(snippet: Snippet) -> str:
    """A row for each line: its number, its text with a span for each token."""
    elision = "<tr><td></td><td>…</td></tr>"
    return f'<table class="lines">{elision.join(rows(run, snippet.language) for run in snippet.runs)}</table>'


def rows(run: Run, language: str) -> str:
    lines = [line.text for line in run.lines]
    shown = [escape(line) for line in lines]
    if language:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
        shown = highlight("\n".join(lines), lexer, HtmlFormatter(nowrap=True)).removesuffix("\n").split("\n")
    cells = zip(run.lines, shown, strict=True)
    return "".join(f"<tr><td>{line.number}</td><td>{text}</td></tr>" for line, text in cells)


def told(name: str, runs: list[measuring.Run], pdf: Path) -> None:
    """Prints one side."""
    with pikepdf.open(pdf) as opened:
        pages = len(opened.pages)
    size, cpu, peak = pdf.stat().st_size, measuring.median_cpu(runs), measuring.peak(runs)
    print(f"{name}: {pages} pages, {size / 1e3:.0f} kB, {cpu:.1f} s CPU, {peak / 1e6:.0f} MB peak")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("repository", type=Path, nargs="?", default=Path())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--findings", type=int, default=100)
    arguments = parser.parse_args()
    program = str(Path(sys.executable).parent / "findings-report")
    fonts = Path(findings_report.pdf.render.__file__).parent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content.write(arguments.repository, folder, arguments.findings, seed=1)
        made = subprocess.run([program, "build", name, "-f", "json", "-o", "-"], check=True, capture_output=True).stdout
        (folder / "page.html").write_text(page_with_tables(archive.from_json(made, shown="the report")))
        ours, tables = folder / "ours.pdf", folder / "tables.pdf"
        alone = ["env", f"FONTCONFIG_PATH={fonts}", "FONTCONFIG_FILE=fonts.conf"]
        alone += [sys.executable, "-c", ALONE, str(folder / "page.html"), str(tables)]
        mine, theirs = measuring.paired(
            lambda: measuring.run([program, "build", name, "--no-cache", "-f", "pdf", "-o", str(ours)]),
            lambda: measuring.run(alone),
            arguments.rounds,
        )
        told(f"{arguments.findings} findings", mine, ours)
        told("a table row per line, all spans, WeasyPrint alone", theirs, tables)
    print(f"ratio of CPU {measuring.median_cpu(mine) / measuring.median_cpu(theirs):.2f} (goal 0.7)")
    print(measuring.machine())


if __name__ == "__main__":
    main()
