"""TODO."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from findings_report.model.comparison import Document
    from findings_report.model.rendered import Rendered
    from findings_report.rendering.template_files import Template, TemplateFiles
    from findings_report.system.cache import FileCache


@dataclass(frozen=True)
class Job:
    """Files to be made in one format."""

    documents: tuple[Document, ...]
    """What is rendered: one, or with `is_alone` reports of one finding."""
    format: str
    """A name in `report.formats.FORMATS`."""
    template: Template | TemplateFiles
    """How it looks."""
    is_alone: bool = False
    """True for the only finding of each report without anything around it."""
    system_fonts: bool = False
    """--system-fonts."""
    entries: FileCache | None = None
    """Where this machine keeps what was rendered; nothing of it is sent."""
    workers: int | None = None
    """Processes that lay out at once, at most; None for one for each core."""
    progress: Callable[[int], None] = lambda _: None
    """Is told the index of the document that is being made, where that is here."""


@dataclass(frozen=True)
class Made:
    """What became of a job."""

    files: tuple[Rendered, ...]
    """Of each document the file, and what is to be said of it."""
    seconds: float
    """How long it took where they were made."""


class Pending(Protocol):
    """A job that was given away; the two calls are those of `concurrent.futures.Future`."""

    def result(self) -> Made:
        """Waits for it. Raises FindingsReportError where it cannot be made."""

    def cancel(self) -> object:
        """Says that nobody wants it any more. What is being made is made to its end."""


class Executor(Protocol):
    """Makes what it is given."""

    @property
    def room(self) -> int:
        """How many jobs, at least 1, it is worth giving it before the first is waited for."""

    def share(self, count: int) -> int:
        """How many findings alone of so many, at least 1, it likes to be given in one job."""

    def submit(self, job: Job) -> Pending:
        """Gives it a job. Raises FindingsReportError where it takes none."""


def made(executor: Executor, jobs: Iterable[Job]) -> Iterator[Made]:
    """What becomes of the jobs, in their order. The first are given away at once, each further one when one is done.

    The iterator raises as `Pending.result` does; what it was not asked for is given up when it ends.
    """
    waiting = iter(jobs)
    return _made(executor, waiting, deque(executor.submit(job) for job in islice(waiting, executor.room)))


def _made(executor: Executor, waiting: Iterator[Job], given: deque[Pending]) -> Iterator[Made]:
    try:
        while given:
            done = given.popleft().result()
            given.extend(executor.submit(job) for job in islice(waiting, 1))
            yield done
    finally:
        for pending in given:
            pending.cancel()
