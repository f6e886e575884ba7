"""Jobs, executors, the executor that renders on this machine, and a document in the formats that were asked for.

A job is a value: documents, a format and a template. An executor takes jobs and gives futures. Which machine renders is decided
by the executor alone, so the code that plans a build and the code that publishes it do not differ for a cluster.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

from findings_report.report.formats import FORMATS, Rendered

if TYPE_CHECKING:
    from findings_report.model.comparison import Document
    from findings_report.model.report import Report
    from findings_report.pdf.page import PdfPage
    from findings_report.problems import Problem
    from findings_report.rendering.template_files import Template, TemplateFiles
    from findings_report.system.cache import FileCache


@dataclass(frozen=True)
class Job:
    """Documents to be rendered in one format."""

    documents: tuple[Document, ...]
    """One document; with `is_alone` reports of one finding each."""
    format: str
    """A name in `report.formats.FORMATS`."""
    template: Template | TemplateFiles
    """The template."""
    is_alone: bool = False
    """True if only the finding of each report is rendered, without the front and the appendix."""
    system_fonts: bool = False
    """--system-fonts."""
    cache: FileCache | None = None
    """The cache of rendered parts and pages on this machine; never sent to a worker."""
    workers: int | None = None
    """The largest number of processes that lay out at once; None for one per core."""
    progress: Callable[[str], None] = lambda _: None
    """Called with a few words before a document is rendered on this machine."""

    def label(self, index: int) -> str:
        """Return what is done for the document `index`, counted from 0, as in `rendering NTR-001 as pdf`."""
        document = self.documents[index]
        name = f"{document.findings[0].id} as " if self.is_alone else ""
        return f"rendering {name}{self.format}"


@dataclass(frozen=True)
class RenderResult:
    """The files of a job."""

    files: tuple[Rendered, ...]
    """One for each document, with its problems."""
    seconds: float
    """The time that rendering took on the machine that did it."""
    problems: tuple[Problem, ...] = ()
    """Warnings of the executor that are of no file: a worker was left out."""


class JobFuture(Protocol):
    """A submitted job: the part of `concurrent.futures.Future` that is needed here."""

    def result(self) -> RenderResult:
        """Wait for the job and return its files. Raise FindingsReportError if it cannot be rendered."""

    def cancel(self) -> object:
        """Drop the job. A job that already runs is finished."""


class Executor(Protocol):
    """Renders jobs."""

    @property
    def max_pending(self) -> int:
        """The number of jobs, at least 1, to submit before the first result is awaited."""

    def batch_size(self, count: int) -> int:
        """Return how many of `count` single findings, at least 1, to put into one job."""

    def submit(self, job: Job) -> JobFuture:
        """Submit a job. Raise FindingsReportError if the job or the executor cannot be used."""


def run_jobs(jobs: Iterable[Job], executor: Executor) -> Iterator[RenderResult]:
    """Submit the first jobs at once, and return the results in the order of the jobs.

    Each result that is taken submits one more job. The iterator raises as `JobFuture.result` does; when it ends early, the jobs
    that are still pending are cancelled.
    """
    waiting = iter(jobs)
    # Submitted here and not in the generator: a cluster must be busy before anybody asks for the first result.
    pending = deque((job, executor.submit(job)) for job in islice(waiting, executor.max_pending))
    return _results(pending, waiting, executor)


def _results(pending: deque[tuple[Job, JobFuture]], waiting: Iterator[Job], executor: Executor) -> Iterator[RenderResult]:
    try:
        while pending:
            job, future = pending.popleft()
            job.progress(job.label(0))
            result = future.result()
            # Submitted before the result is handed out: workers go on while the caller uses it.
            pending.extend((following, executor.submit(following)) for following in islice(waiting, 1))
            yield result
    finally:
        for _, future in pending:
            future.cancel()


@dataclass(frozen=True)
class LocalExecutor:
    """Renders a job when its result is asked for, so that two jobs are never in memory at once."""

    max_pending: int = 1
    """One: nothing runs in the background that a second job could keep busy."""

    def batch_size(self, count: int) -> int:
        """Return `count`: one job lays out all findings with one pool of processes."""
        return max(1, count)

    def submit(self, job: Job) -> DeferredJob:
        """Return a future that renders the job in `result()`."""
        return DeferredJob(job)


@dataclass(frozen=True)
class DeferredJob:
    """The future of a job in this process."""

    job: Job
    """The job."""

    def result(self) -> RenderResult:
        """Render the job. Raise FindingsReportError if it cannot be rendered."""
        from findings_report.model.report import Report

        job = self.job
        start = time.perf_counter()
        if job.is_alone:
            reports = [document for document in job.documents if isinstance(document, Report)]
            assert len(reports) == len(job.documents)  # noqa: S101  # `build --each` renders reports only
            files = render_each(
                reports,
                job.format,
                job.template,
                system_fonts=job.system_fonts,
                entries=job.cache,
                workers=job.workers,
                progress=lambda index: job.progress(job.label(index)),
            )
        else:
            files = [
                render(
                    document,
                    job.format,
                    job.template,
                    system_fonts=job.system_fonts,
                    entries=job.cache,
                    workers=job.workers,
                )
                for document in job.documents
            ]
        return RenderResult(tuple(files), time.perf_counter() - start)

    def cancel(self) -> None:
        """Do nothing: the job has not started."""


LOCAL: Final[Executor] = LocalExecutor()
"""The executor of `--executor local`."""


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
    from findings_report.rendering.jinja_environment import document_key
    from findings_report.rendering.template_files import read_template

    row = FORMATS.get(name)
    if row is not None and row.renderer is not None and (row.takes_comparisons or isinstance(document, Report)):
        return row.load_renderer()(document)
    # Read once: key and text must come from the same files, also while somebody edits them.
    template = read_template(template)
    system_fonts = system_fonts or document.engagement.system_fonts
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

    fonts = document.engagement.fonts
    with open_renderer(cache=entries, workers=workers, fonts=fonts, system_fonts=system_fonts) as renderer:
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

    system_fonts = system_fonts or reports[0].engagement.system_fonts
    pages = [pdf_page(report, text) for report, text in zip(reports, texts, strict=True)]
    fonts = reports[0].engagement.fonts
    with open_renderer(cache=entries, workers=workers, fonts=fonts, system_fonts=system_fonts) as renderer:
        printed = renderer.render_many(pages, progress)
    return [Rendered(pdf, (*text.problems, *problems)) for text, (pdf, problems) in zip(texts, printed, strict=True)]


def pdf_page(document: Document, text: Rendered) -> PdfPage:
    """Return the page of a document with its pictures, and with the JSON that the PDF embeds."""
    from findings_report.model.report import Report
    from findings_report.pdf.page import EmbeddedAttachment, EmbeddedFile, PdfPage
    from findings_report.report import archive

    shown = [*document.engagement.images, *([document.engagement.logo] if document.engagement.logo else [])]
    pictures = {picture.name: (picture.media_type, picture.content) for picture in shown}
    # Dated with the report: two builds of the same findings must give the same bytes.
    attachments = tuple(
        EmbeddedAttachment(file.name, file.content, file.media_type, file.title)
        for file in (document.attachments if isinstance(document, Report) else ())
        if len(file.content) == file.size  # a report read from its JSON has none
    )
    data = EmbeddedFile(archive.carried_name(document), archive.to_json(document), document.engagement.date, attachments)
    return PdfPage(text.content.decode(), pictures, data)
