"""This process as an executor: nothing is made before it is waited for, and one thing after the other."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from findings_report.rendering.job import Executor

if TYPE_CHECKING:
    from findings_report.rendering.job import Job, Made


@dataclass(frozen=True)
class Local:
    """Makes what it is given when it is asked for it, so that no two are held in memory."""

    room: int = 1
    """One at a time."""

    def share(self, count: int) -> int:
        """All of them, to be laid out by one set of processes."""
        return max(1, count)

    def submit(self, job: Job) -> Deferred:
        """Keeps the job in mind."""
        return Deferred(job)


@dataclass(frozen=True)
class Deferred:
    """A job that is done when it is waited for."""

    job: Job
    """What there is to do."""

    def result(self) -> Made:
        """Makes it. Raises FindingsReportError where it cannot be made."""
        from findings_report.model.report import Report
        from findings_report.rendering.formats import render, render_each
        from findings_report.rendering.job import Made

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
                entries=job.entries,
                workers=job.workers,
                progress=job.progress,
            )
        else:
            files = [
                render(
                    document,
                    job.format,
                    job.template,
                    system_fonts=job.system_fonts,
                    entries=job.entries,
                    workers=job.workers,
                )
                for document in job.documents
            ]
        return Made(tuple(files), time.perf_counter() - start)

    def cancel(self) -> None:
        """There is nothing to give up."""


# SELF


LOCAL: Final[Executor] = Local()
"""This process; each job when it is waited for."""
