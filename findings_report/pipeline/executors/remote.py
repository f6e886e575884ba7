"""The workers of a cluster as an executor: values are sent, and files come back; the same bytes as are made here."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from findings_report.problems import FindingsReportError
from findings_report.problems.safe_text import visible
from findings_report.rendering import cluster
from findings_report.rendering.cluster.executor import pack, read, serve, stranger
from findings_report.rendering.executors import Job, Made
from findings_report.system.toolchain import describe_difference, worker_versions


@contextlib.contextmanager
def joined(name: str) -> Iterator[Remote]:
    """The cluster at `dask://HOST:PORT` or `tls://HOST:PORT`, all of whose workers make the same bytes as this machine.

    Raises FindingsReportError as `cluster.parse` and `cluster.joined` do, and NETWORK where a worker would make others.
    """
    with cluster.joined(cluster.parse(name)) as found:
        _refuse_strangers(found)
        yield Remote(found)


@dataclass(frozen=True)
class Remote:
    """Gives jobs away."""

    cluster: cluster.Cluster
    """To whom."""

    @property
    def room(self) -> int:
        """A job for each of its hands, and one to take up next."""
        return 2 * self.cluster.threads

    def share(self, count: int) -> int:
        """Some, as each job starts a process to lay them out, and yet something for everybody until the end."""
        return -(-max(1, count) // (4 * self.cluster.threads))

    def submit(self, job: Job) -> Sent:
        """Sends the job. Raises FindingsReportError for a template that cannot be used, and when the cluster was lost."""
        return Sent(job, self.cluster.submit(serve, pack(job)))


@dataclass(frozen=True)
class Sent:
    """A job that was sent."""

    job: Job
    """What there is to do."""
    task: cluster.Task
    """What became of it."""

    def result(self) -> Made:
        """Waits for it. Raises FindingsReportError where it cannot be made, or the cluster was lost."""
        return read(self.task.result(), self.job)

    def cancel(self) -> None:
        """What is being made is made to its end."""
        self.task.cancel()


def answer_made_by() -> bytes:
    """What this worker makes files with, as JSON."""
    return json.dumps(worker_versions()).encode()


def _read(answer: bytes) -> object:
    """What a worker said in JSON; None for what is none."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(answer)
    return None


def _refuse_strangers(found: cluster.Cluster) -> None:
    """Raises FindingsReportError for each worker that would make other files; one that is gone by now is none."""
    problems = []
    for worker, answer in found.everyone(answer_made_by).items():
        if isinstance(answer, bytes):
            differs = describe_difference(_read(answer))
        elif isinstance(answer, OSError):
            continue
        else:
            differs = f"it cannot load findings-report ({visible(str(answer))})"
        if differs is not None:
            problems.append(stranger(f"the worker {worker}", differs))
    if problems:
        raise FindingsReportError(problems)
