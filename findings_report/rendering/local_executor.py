"""The executor that renders in this process, one job after the other."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from findings_report.rendering.job import Executor, RenderResult

if TYPE_CHECKING:
    from findings_report.rendering.job import Job


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
            assert len(reports) == len(job.documents)  # noqa: S101  # a comparison has no finding that stands alone
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
