"""A rendering plan: which jobs give which files; the executor that runs them, this process or the workers of a cluster, both
with the same bytes; and the files, once the jobs are done.

Nothing is rendered or written here. The plan has every problem that is known before a job starts. A cluster is sent values
only; reading findings, git and publishing stay on this machine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import display_path
from findings_report.problems.suggestions import did_you_mean
from findings_report.rendering.html_pages import split_html
from findings_report.rendering.job import LOCAL, Executor, Job, RenderResult
from findings_report.report.check import Progress
from findings_report.report.formats import FORMATS
from findings_report.report.output_files import Target

if TYPE_CHECKING:
    from findings_report.model.comparison import Document
    from findings_report.model.report import ReportedAttachment
    from findings_report.rendering.template_files import Template
    from findings_report.system.cache import FileCache

EXECUTORS: Final = ("local", "dask://HOST:PORT", "tls://HOST:PORT")
"""Values of `--executor`."""


@dataclass(frozen=True)
class Written:
    """One file of a build."""

    path: Path | None
    """Where it was published; None for standard output."""
    content: bytes
    """The file."""
    seconds: float
    """How long rendering took; of findings alone, which are rendered at the same time, the share of each."""


@dataclass(frozen=True)
class RenderPlan:
    """The jobs of a build, and the file of each of their documents."""

    jobs: tuple[Job, ...]
    """To be run in this order."""
    targets: tuple[tuple[Target, ...], ...]
    """For each job, the file of each of its documents."""
    order: tuple[Target, ...]
    """All files, in the order in which they are reported."""
    problems: tuple[Problem, ...]
    """Problems that are known before rendering: own template files, a missing system library, a cache that cannot be used."""
    cache: FileCache | None
    """The cache of the jobs."""


def plan_rendering(
    wanted: Sequence[tuple[Document, Target]],
    template: Template,
    executor: Executor,
    progress: Progress,
    *,
    is_alone: bool = False,
    system_fonts: bool = False,
    cache_of: Path | None = None,
) -> RenderPlan:
    """Return the jobs that render each document into its target.

    With `is_alone` the documents are reports of one finding, and a job takes as many of one format as the executor prefers.
    `cache_of` is the engagement's folder, to use its page cache.
    Raises FindingsReportError (OUTPUT) if PDF is the only format and its system libraries are missing.
    """
    if executor is not LOCAL and any(document.engagement.system_fonts for document, _ in wanted):
        fault = "`system_fonts` in engagement.yaml means the fonts of this machine, and workers have their own"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "remove it, or leave out --executor", code="executor"))
    # Here, for all commands: each page is a job, for a cluster as well.
    if not is_alone:
        wanted = split_html(wanted)
    wanted = [(_with_attachments(document, target), target) for document, target in wanted]
    refuse_missing_extras([target.format for _, target in wanted])
    renderable_targets, left_out = renderable([target for _, target in wanted], executor)
    cache, unusable = open_cache(cache_of) if cache_of is not None else (None, ())
    jobs: list[Job] = []
    targets: list[tuple[Target, ...]] = []
    for format_ in dict.fromkeys(target.format for target in renderable_targets):
        of_format = [(document, target) for document, target in wanted if target.format == format_]
        # A whole report is a job of its own: its parts are rendered in one process.
        size = executor.batch_size(len(of_format)) if is_alone else 1
        for start in range(0, len(of_format), size):
            batch = of_format[start : start + size]
            documents = tuple(document for document, _ in batch)
            jobs.append(Job(documents, format_, template, is_alone, system_fonts=system_fonts, cache=cache, progress=progress))
            targets.append(tuple(target for _, target in batch))
    problems = (*left_out, *own_files(template), *unusable)
    return RenderPlan(tuple(jobs), tuple(targets), tuple(renderable_targets), problems, cache)


def collect_files(plan: RenderPlan, results: Iterable[RenderResult]) -> tuple[tuple[Written, ...], list[Problem]]:
    """Wait for the results of the plan's jobs, and return the files in order, with all problems of the plan and of the files.

    Raises FindingsReportError if a job cannot be rendered.
    """
    files: dict[Target, Written] = {}
    problems = list(plan.problems)
    for job, targets, result in zip(plan.jobs, plan.targets, results, strict=True):
        problems += result.problems
        for document, target, file in zip(job.documents, targets, result.files, strict=True):
            problems += file.problems
            if job.format == "md" and not job.is_alone and document.engagement.images and not document.engagement.pictures_in:
                fault = "one Markdown file has no place for pictures: their captions are printed instead"
                remedy = "name a folder, as in `-o out/`, and they are written beside the report"
                problems.append(Problem(Kind.OUTPUT, fault, remedy, level="note", code="md-pictures"))
            files[target] = Written(target.path, file.content, result.seconds / len(targets))
    # Once per build: trimming looks at every file of the cache.
    if plan.cache is not None:
        plan.cache.trim()
    return tuple(files[target] for target in plan.order), problems


def list_attachments(plan: RenderPlan) -> dict[Path, bytes]:
    """Return the copies of a report's attachments: for `report.html` and `report.md` in the folder `report-attachments`."""
    return {
        _attachment_folder(target.path) / attachment.name: attachment.content
        for job, targets in zip(plan.jobs, plan.targets, strict=True)
        for document, target in zip(job.documents, targets, strict=True)
        if target.format in ("html", "md") and target.path is not None
        for attachment in _attachments_of(document)
        if _is_held(attachment)
    }


def list_pictures(plan: RenderPlan, files: Iterable[Written] | None = None) -> dict[Path, bytes]:
    """Return the pictures beside Markdown files: those that a file of `files` places, or all that one may place."""
    contents = {file.path: file.content for file in files} if files is not None else None
    return {
        target.path.parent / document.engagement.picture_path(picture): picture.content
        for job, targets in zip(plan.jobs, plan.targets, strict=True)
        for document, target in zip(job.documents, targets, strict=True)
        if job.format == "md" and document.engagement.pictures_in and target.path is not None
        for picture in document.engagement.images
        if contents is None or f"]({quote(document.engagement.picture_path(picture))})".encode() in contents[target.path]
    }


def find_unattached(plan: RenderPlan) -> list[Problem]:
    """Return the warning that no file of the plan carries the report's attachments, and that they are not copied either."""
    every = [_attachments_of(document) for job in plan.jobs for document in job.documents]
    count = max((sum(map(_is_held, attachments)) for attachments in every), default=0)
    if not count or any(job.format == "pdf" for job in plan.jobs) or list_attachments(plan):
        return []
    formats = " and ".join(dict.fromkeys(job.format for job in plan.jobs))
    is_piped = any(target.path is None for targets in plan.targets for target in targets)
    why = "standard output is one file" if is_piped else f"{formats} cannot hold files"
    what = "attachment is" if count == 1 else f"{count} attachments are"
    remedy = "build a PDF, which embeds them, or HTML or Markdown into a folder, where they are copied"
    return [Problem(Kind.OUTPUT, f"the {what} not written: {why}", remedy, level="warning", code="attachments-left-out")]


def find_strange_attachments(plan: RenderPlan) -> list[Problem]:
    """Return a warning for each folder of attachments that also has files which are not of this report: another edition's.

    They are not removed, as somebody may have put them there, and not named, as their names may be for others.
    """
    attached = list_attachments(plan)
    folders = {
        _attachment_folder(target.path)
        for targets in plan.targets
        for target in targets
        if target.format in ("html", "md") and target.path is not None
    }
    problems = []
    for folder in sorted(folders):
        with contextlib.suppress(OSError):  # no such folder
            if count := sum(path not in attached for path in folder.iterdir()):
                fault = f"{count} {'file is' if count == 1 else 'files are'} in this folder that the report does not list"
                remedy = "remove them before you send the folder, or build into a new one"
                place = Place(display_path(folder))
                problems.append(Problem(Kind.OUTPUT, fault, remedy, place=place, level="warning", code="attachments-strange"))
    return problems


def _attachment_folder(report: Path) -> Path:
    return report.parent / f"{report.stem}-attachments"


def _with_attachments(document: Document, target: Target) -> Document:
    """Return a document that names the folder of its attachments, where its file has one beside it."""
    is_copied = target.format in ("html", "md") and target.path is not None and any(map(_is_held, _attachments_of(document)))
    if target.path is None or not is_copied:
        return document
    return document.model_copy(update={"attachments_in": _attachment_folder(target.path).name})


def _is_held(attachment: ReportedAttachment) -> bool:
    # A report that was read from its JSON lists attachments without their bytes.
    return len(attachment.content) == attachment.size


def _attachments_of(document: Document) -> tuple[ReportedAttachment, ...]:
    from findings_report.model.report import Report

    return document.attachments if isinstance(document, Report) else ()


def open_cache(engagement: Path) -> tuple[FileCache | None, tuple[Problem, ...]]:
    """Return the cache of an engagement's parts and pages; None, and a note that says why, if there can be none."""
    from findings_report.system import cache

    try:
        return cache.page_cache(engagement), ()
    except FindingsReportError as error:
        return None, tuple(replace(problem, level="note", code="cache") for problem in error.problems)


def own_files(template: Template) -> list[Problem]:
    """Return notes about the engagement's own template files, which are code, and warnings about files that are not read."""
    from findings_report.rendering.filters import renamed_filters
    from findings_report.rendering.template_files import FALLBACK, overrides, strays, styled_lines

    tools = {path.name for name in (template.name, FALLBACK) for path in (template.folders[-1] / name).glob("*")}
    problems: list[Problem] = []
    for path, digest in overrides(template):
        known = path.name in tools
        fault = "this template file replaces the tool's own" if known else "none of the tool's template files has this name"
        remedy = None if known else "it is used only where a template of yours includes it"
        place = Place(display_path(path))
        # The digest shows which version of the file shaped this report.
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


def refuse_missing_extras(formats: Iterable[str]) -> None:
    """Raise FindingsReportError (USAGE) for a format whose extra is not installed."""
    from findings_report.system.toolchain import install_extra

    if missing := [FORMATS[name] for name in dict.fromkeys(formats) if not FORMATS[name].is_installed]:
        names = [row.name for row in missing]
        extras = [row.extra for row in missing if row.extra is not None]
        needed = (
            f"the extra `{extras[0]}`" if len(extras) == 1 else f"the extras {' and '.join(f'`{extra}`' for extra in extras)}"
        )
        fault = f"-f {' -f '.join(names)} needs {needed}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, install_extra(*extras), code="no-format-extra"))


def renderable(wanted: Sequence[Target], executor: Executor) -> tuple[list[Target], tuple[Problem, ...]]:
    """Return the targets that this machine has the system libraries for, and the error that names those left out.

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


def open_executor(name: str, *, system_fonts: bool) -> AbstractContextManager[Executor]:
    """Return the executor that `--executor` names.

    Raises FindingsReportError: USAGE for an unknown name, NETWORK for a cluster that cannot be reached, has workers of another
    version, or would be sent findings unencrypted.
    """
    if name == "local":
        return nullcontext(LOCAL)
    scheme, colon, _ = name.partition("://")
    if not colon or scheme not in ("dask", "tls"):
        fault = f"--executor {name!r} is not one of {', '.join(EXECUTORS)}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(name, ("local",)), code="executor"))
    if system_fonts:
        fault = "--system-fonts means the fonts of this machine, and workers have their own"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "leave it out, or --executor", code="executor"))
    # Imported here: the local executor works without the extra `cluster`.
    from findings_report.rendering.cluster.executor import open_cluster

    return open_cluster(name)
