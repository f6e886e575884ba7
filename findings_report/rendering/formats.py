"""A document in the formats that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import shown_path
from findings_report.rendering.executors import LOCAL, Executor, Job, made
from findings_report.report.check import Progress
from findings_report.report.output_files import Target

if TYPE_CHECKING:
    from findings_report.model.comparison import Document
    from findings_report.model.rendered import Rendered
    from findings_report.model.report import Report
    from findings_report.pdf.render import Printable
    from findings_report.renderers import Template, TemplateFiles
    from findings_report.system.cache import Entries


@dataclass(frozen=True)
class Written:
    """One file of a build."""

    path: Path | None
    """Where it was published; None for standard output."""
    content: bytes
    """The file."""
    seconds: float
    """How long rendering took; of findings alone, which are rendered at the same time, the share of each."""


Rendering = Callable[[], tuple[tuple[Written, ...], list[Problem]]]
"""Files on their way: waits for them; what is to be said of them comes along. Raises FindingsReportError."""


def rendered(
    document: Document, wanted: Sequence[Target], template: Template, progress: Progress, *, system_fonts: bool
) -> tuple[tuple[Written, ...], list[Problem]]:
    """The document in every format `wanted`, in their order, and what is to be said of them and of the template."""
    return begin_rendering(document, wanted, template, progress, system_fonts=system_fonts)()


def begin_rendering(
    document: Document,
    wanted: Sequence[Target],
    template: Template,
    progress: Progress,
    *,
    system_fonts: bool,
    cache: bool = False,
    executor: Executor = LOCAL,
) -> Rendering:
    """Gives the document in every format `wanted` to the executor. Otherwise as `rendered`."""
    entries, told = kept() if cache else (None, ())
    problems = [*own_files(template), *told]
    jobs = (Job((document,), target.format, template, system_fonts=system_fonts, entries=entries) for target in wanted)
    coming = made(executor, jobs)

    def finished() -> tuple[tuple[Written, ...], list[Problem]]:
        files: list[Written] = []
        for target in wanted:
            progress(f"rendering {target.format}")
            done = next(coming)
            (file,) = done.files
            problems.extend(file.problems)
            if target.format == "md" and document.engagement.images:
                fault = "one Markdown file has no place for pictures: their captions are printed in their stead"
                problems.append(Problem(Kind.OUTPUT, fault, level="note", code="md-pictures"))
            files.append(Written(target.path, file.content, done.seconds))
        if entries is not None:
            entries.trim()
        return tuple(files), problems

    return finished


def render(
    document: Document,
    name: str,
    template: Template | TemplateFiles,
    *,
    system_fonts: bool,
    entries: Entries | None = None,
    workers: int | None = None,
) -> Rendered:
    """The document in one format of `outputs.FORMATS`; CSV is of reports alone.

    `entries` keeps it for the next time, its parts as well; whole only where there is nothing to be said of it. At most
    `workers` processes lay out at once, one for each core when None.
    """
    from findings_report.model.rendered import Rendered
    from findings_report.model.report import Report
    from findings_report.renderers.kept import document_key
    from findings_report.report import archive

    if name == "json":
        return Rendered(archive.to_json(document))
    if name == "csv" and isinstance(document, Report):
        from findings_report.rendering import csv

        return csv.render(document)
    if entries is None or system_fonts:  # what fonts the machine has is in no key
        return _rendered(document, name, template, system_fonts=system_fonts, entries=entries, workers=workers)
    key = document_key(document, template, name)
    if (known := entries.get(key)) is not None:
        return Rendered(known)
    made = _rendered(document, name, template, system_fonts=system_fonts, entries=entries, workers=workers)
    if not made.problems:
        entries.put(key, made.content)
    return made


def _rendered(
    document: Document,
    name: str,
    template: Template | TemplateFiles,
    *,
    system_fonts: bool,
    entries: Entries | None,
    workers: int | None,
) -> Rendered:
    from findings_report.rendering.document_parts import render as render_text

    text = render_text(document, template=template, format=name, entries=entries)
    if name != "pdf":
        return text
    return _printed(document, text, system_fonts=system_fonts, entries=entries, workers=workers)


def render_each(
    reports: Sequence[Report],
    name: str,
    template: Template | TemplateFiles,
    *,
    system_fonts: bool,
    entries: Entries | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Rendered]:
    """The only finding of each report, by itself, in one format: md, html, pdf or json. `workers` as `render` has it.

    `progress` is told the index of the next one. Raises FindingsReportError with the problems of all that cannot be made.
    """
    from findings_report.model.rendered import Rendered
    from findings_report.rendering.document_parts import render_alone as render_text
    from findings_report.report import archive

    texts: list[Rendered] = []
    for index, report in enumerate(reports):
        progress(index)
        if name == "json":
            texts.append(Rendered(archive.to_json(report)))
        else:
            texts.append(render_text(report, template=template, format=name, entries=entries))
    if name != "pdf" or not texts:
        return texts
    from findings_report.pdf.render import render_many

    printables = [printable(report, text) for report, text in zip(reports, texts, strict=True)]
    printed = render_many(printables, system_fonts=system_fonts, entries=entries, workers=workers, progress=progress)
    return [Rendered(pdf.content, (*text.problems, *pdf.problems)) for text, pdf in zip(texts, printed, strict=True)]


def _printed(
    document: Document,
    text: Rendered,
    *,
    system_fonts: bool,
    entries: Entries | None,
    workers: int | None,
) -> Rendered:
    from findings_report.model.rendered import Rendered
    from findings_report.pdf.render import render_pdf

    page = printable(document, text)
    printed = render_pdf(
        page.html,
        images=page.images,
        carried=page.carried,
        system_fonts=system_fonts,
        entries=entries,
        workers=workers,
    )
    return Rendered(printed.content, (*text.problems, *printed.problems))


def printable(document: Document, text: Rendered) -> Printable:
    """What is printed of a document: its page, the pictures, and its JSON, which the PDF carries."""
    from findings_report.model.rendered import Carried
    from findings_report.pdf.render import Printable
    from findings_report.report import archive

    shown = [*document.engagement.images, *([document.engagement.logo] if document.engagement.logo else [])]
    pictures = {picture.name: (picture.media_type, picture.content) for picture in shown}
    carried = Carried(archive.carried_name(document), archive.to_json(document), document.engagement.date)
    return Printable(text.content.decode(), pictures, carried)


def kept() -> tuple[Entries | None, tuple[Problem, ...]]:
    """Where rendered parts and laid out pages are kept; None, and why, where there can be no such place."""
    from findings_report.system import cache

    try:
        return cache.Entries(cache.root() / "pages"), ()
    except FindingsReportError as error:
        return None, tuple(replace(problem, level="note", code="cache") for problem in error.problems)


def own_files(template: Template) -> list[Problem]:
    """Says which template files are the engagement's own, for they are code, and which are not read."""
    from findings_report.rendering.template_files import FALLBACK, overrides, strays, styled_lines

    tools = {path.name for name in (template.name, FALLBACK) for path in (template.folders[-1] / name).glob("*")}
    problems: list[Problem] = []
    for path, digest in overrides(template):
        known = path.name in tools
        fault = "this template file replaces the tool's own" if known else "none of the tool's template files has this name"
        remedy = None if known else "it is used only where a template of yours includes it"
        place = Place(shown_path(path))
        fault = f"{fault}, sha256 {digest[:16]}"
        problems.append(Problem(Kind.OUTPUT, fault, remedy, place=place, level="note", code="template-override"))
        fault = "a browser ignores this `style` attribute: the page's policy allows its style sheet only"
        remedy = "give the element a class, and the class a rule in your own screen.css and print.css"
        for line in styled_lines(path):
            place = Place(shown_path(path), line)
            problems.append(Problem(Kind.OUTPUT, fault, remedy, place=place, level="warning", code="template-style"))
    for path, remedy in strays(template):
        place = Place(shown_path(path))
        problems.append(Problem(Kind.OUTPUT, "is not read", remedy, place=place, level="warning", code="template-stray"))
    return problems
