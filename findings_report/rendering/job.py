"""Jobs, executors, and the executor that renders on this machine.

A job is a value: documents, a format and a template. An executor takes jobs and gives futures. Which machine renders is decided
by the executor alone, so the code that plans a build and the code that publishes it do not differ for a cluster.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from findings_report.model.comparison import Document
    from findings_report.rendering.template_files import Template, TemplateFiles
    from findings_report.report.formats import Rendered
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
        from findings_report.rendering.formats import render, render_each

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
