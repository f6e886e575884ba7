"""TODO."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import display_path
from findings_report.rendering.job import Executor, Job, made
from findings_report.rendering.local_executor import LOCAL
from findings_report.report.check import Progress
from findings_report.report.output_files import Target

if TYPE_CHECKING:
    from findings_report.model.comparison import Document
    from findings_report.rendering.template_files import Template
    from findings_report.system.cache import FileCache


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
    wanted, left_out = renderable(wanted, executor)
    entries, told = kept() if cache else (None, ())
    problems = [*left_out, *own_files(template), *told]
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


def kept() -> tuple[FileCache | None, tuple[Problem, ...]]:
    """Where rendered parts and laid out pages are kept; None, and why, where there can be no such place."""
    from findings_report.system import cache

    try:
        return cache.FileCache(cache.root() / "pages"), ()
    except FindingsReportError as error:
        return None, tuple(replace(problem, level="note", code="cache") for problem in error.problems)


def own_files(template: Template) -> list[Problem]:
    """Says which template files are the engagement's own, for they are code, and which are not read."""
    from findings_report.rendering.filters import renamed_filters
    from findings_report.rendering.template_files import FALLBACK, overrides, strays, styled_lines

    tools = {path.name for name in (template.name, FALLBACK) for path in (template.folders[-1] / name).glob("*")}
    problems: list[Problem] = []
    for path, digest in overrides(template):
        known = path.name in tools
        fault = "this template file replaces the tool's own" if known else "none of the tool's template files has this name"
        remedy = None if known else "it is used only where a template of yours includes it"
        place = Place(display_path(path))
        fault = f"{fault}, sha256 {digest[:16]}"
        problems.append(Problem(Kind.OUTPUT, fault, remedy, place=place, level="note", code="template-override"))
        fault = "a browser ignores this `style` attribute: the page's policy allows its style sheet only"
        remedy = "give the element a class, and the class a rule in your own screen.css and print.css"
        for line in styled_lines(path):
            place = Place(display_path(path), line)
            problems.append(Problem(Kind.OUTPUT, fault, remedy, place=place, level="warning", code="template-style"))
        for line, old, new in renamed_filters(path):
            place = Place(display_path(path), line)
            fault, remedy = f"the filter `{old}` was renamed", f"write `{new}`"
            problems.append(Problem(Kind.OUTPUT, fault, remedy, place=place, level="note", code="template-filter"))
    for path, remedy in strays(template):
        place = Place(display_path(path))
        problems.append(Problem(Kind.OUTPUT, "is not read", remedy, place=place, level="warning", code="template-stray"))
    return problems


def renderable(wanted: Sequence[Target], executor: Executor) -> tuple[list[Target], tuple[Problem, ...]]:
    """The targets that this machine has the system libraries for, and the error that says which are left out and why.

    Raises that error when no target remains. The workers of a cluster have libraries of their own.
    """
    others = [target for target in wanted if target.format != "pdf"]
    if len(others) == len(wanted) or executor is not LOCAL:
        return list(wanted), ()
    from findings_report.system.toolchain import INSTALL, required_libraries_missing

    if not (missing := required_libraries_missing()):
        return list(wanted), ()
    left_out = "the PDF was left out" if others else "no PDF can be rendered"
    fault = f"{left_out}: system libraries are missing ({', '.join(missing)})"
    problem = Problem(Kind.OUTPUT, fault, INSTALL, code="pdf-pango")
    if not others:
        raise FindingsReportError(problem)
    return others, (problem,)
