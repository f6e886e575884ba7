"""The executor that renders on a cluster: jobs and answers travel as frames of JSON and bytes. No path of this machine is sent.

Frames are those of `sandbox.frames`: reading one runs no code, so a worker cannot run code here through its answer.
"""

from __future__ import annotations

import contextlib
import json
import math
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from findings_report.model.comparison import Document
from findings_report.model.report import Report, ReportedAttachment, ReportedDocument, ReportedFont
from findings_report.problems import FindingsReportError, Kind, Problem, exit_code
from findings_report.problems.safe_text import visible
from findings_report.rendering import cluster
from findings_report.rendering.cluster.client import KilledError, StrandedError, Task, killed
from findings_report.rendering.job import LOCAL, Job, RenderResult
from findings_report.rendering.template_files import Template, TemplateFiles, path_of, read_template
from findings_report.report import archive
from findings_report.report.formats import Rendered
from findings_report.sandbox import frames
from findings_report.system.toolchain import describe_difference, worker_versions


@contextlib.contextmanager
def open_cluster(name: str) -> Iterator[ClusterExecutor]:
    """Connect to `dask://HOST:PORT` or `tls://HOST:PORT`, and leave out the workers that do not give the bytes of this machine.

    Raises FindingsReportError as `cluster.parse` and `cluster.join` do.
    """
    with cluster.join(cluster.parse(name)) as connected:
        executor = ClusterExecutor(connected)
        executor.leave_out_incompatible()
        yield executor


@dataclass
class ClusterExecutor:
    """Sends jobs to the workers of a cluster, and renders here when all of them are of another version."""

    cluster: cluster.Cluster
    """The connected cluster."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Why a worker is sent nothing, by its address."""
    alike: set[str] = field(default_factory=set)
    """Addresses of workers that give the bytes of this machine."""
    untold: list[Problem] = field(default_factory=list)
    """Warnings of workers that were left out; the next result takes them along."""
    pending: list[ClusterJob] = field(default_factory=list)
    """Jobs that were submitted, and whose result was not taken."""

    @property
    def _threads(self) -> int:
        """The threads of the workers that are sent jobs; at least one, which is this machine when there is no other."""
        return max(1, sum(count for worker, count in self.cluster.threads.items() if worker not in self.left_out))

    @property
    def max_pending(self) -> int:
        """Two jobs for each thread of the workers, so that no thread waits for this machine."""
        return 2 * self._threads

    def batch_size(self, count: int) -> int:
        """Return the size that gives each thread about four jobs of single findings.

        Each job starts a process that lays out, so larger is cheaper; with fewer jobs threads would idle at the end.
        """
        return -(-max(1, count) // (4 * self._threads))

    def submit(self, job: Job) -> ClusterJob:
        """Send the job. Raise FindingsReportError for a template that cannot be used, or if the cluster is lost."""
        submitted = ClusterJob(self, job, self.send(job))
        self.pending.append(submitted)
        return submitted

    def send(self, job: Job) -> Task | None:
        """Send the job to the workers that give the bytes of this machine; return None if there are others only."""
        self.leave_out_incompatible()
        if not (present := self.cluster.workers()):
            # Not sent to a worker that is gone: a job that loses its workers is counted.
            self.cluster.wait_for_worker()
            self.leave_out_incompatible()
            present = self.cluster.workers()
        allowed = present & self.alike
        if not allowed and present & self.left_out.keys():
            return None
        # By address: one without this program dies of a task that it cannot read, so one that joins later is asked first.
        return self.cluster.submit(serve, pack(job), allowed or self.alike or None)

    def leave_out_incompatible(self) -> bool:
        """Ask each worker that was not asked yet what it has, and return True if one is left out from now on.

        A worker that is gone meanwhile does not count. Raises FindingsReportError (NETWORK) if the cluster is lost.
        """
        differing: dict[str, str] = {}
        unknown = self.cluster.workers() - self.left_out.keys() - self.alike
        for worker, answer in (self.cluster.everyone(report_versions, unknown) if unknown else {}).items():
            if isinstance(answer, bytes):
                difference = describe_difference(_read(answer))
            elif isinstance(answer, OSError):
                continue
            else:
                difference = f"it cannot load findings-report ({visible(str(answer))})"
            if difference is None:
                self.alike.add(worker)
            else:
                differing[worker] = difference
        if not differing:
            return False
        # Kept for the whole run: a worker is warned of once, however many jobs there are.
        self.left_out |= differing
        is_last = not self.cluster.workers() - self.left_out.keys()
        self.untold.append(incompatible_workers(differing, is_last=is_last))
        return True

    def wait_for_others(self, job: ClusterJob) -> None:
        """Wait until all other jobs are finished or given up. Raise FindingsReportError (NETWORK) if the cluster is lost."""
        for other in self.pending:
            if other is not job and other.task is not None:
                with contextlib.suppress(StrandedError):  # it does not run either
                    other.task.wait()

    def take_warnings(self) -> tuple[Problem, ...]:
        """Return the warnings that no result has taken along yet."""
        warnings = tuple(self.untold)
        self.untold.clear()
        return warnings


_MOST_STRANDED: Final = 3
"""How often a job may lose all workers that it was sent to; dask has the same number for the workers that die of a task."""


@dataclass(eq=False)
class ClusterJob:
    """The future of a job on a cluster."""

    executor: ClusterExecutor
    """Who has submitted it."""
    job: Job
    """The job."""
    task: Task | None
    """The task of the scheduler; None if it is rendered on this machine."""
    is_only: bool = False
    """True if it was sent while the cluster had no other job of this run."""
    lost: int = 0
    """The workers that it was given to and that are gone, counted again when it is the only one."""

    def result(self) -> RenderResult:
        """Wait for the answer. Raise FindingsReportError if the job cannot be rendered or the cluster is lost."""
        try:
            return self._wait()
        finally:
            self.executor.pending.remove(self)

    def _wait(self) -> RenderResult:
        while self.task is not None:
            try:
                result = read(self.task.result(), self.job)
            except StrandedError:
                # A submitted task names workers that are gone: those that came meanwhile are asked and take over.
                self._send_again(1, _MOST_STRANDED)
            except KilledError as error:
                self._send_again(error.workers, 0)
            except FindingsReportError as error:
                # A worker may have come back with another version. Each turn leaves one out: there is an end.
                if not {problem.code for problem in error.problems} & {"cluster-stranger", "cluster-failed"}:
                    raise
                self.executor.alike.clear()
                if not self.executor.leave_out_incompatible():
                    raise
                self.task = self.executor.send(self.job)
            else:
                return replace(result, problems=self.executor.take_warnings())
        # The same bytes, on this machine: a report that is late is better than none.
        result = LOCAL.submit(self.job).result()
        return replace(result, problems=self.executor.take_warnings())

    def _send_again(self, lost: int, most: int) -> None:
        """Send the job again after it has lost workers, and when these are more than `most`, as the only one.

        Raises FindingsReportError (OUTPUT) if it was the only one before: then nothing else can be why the workers died.
        """
        assert self.task is not None  # noqa: S101  # it has lost workers
        self.task.cancel()
        self.lost += lost
        is_given_up = self.lost > most
        if is_given_up and self.is_only:
            raise killed(self.lost)
        if is_given_up:
            self.executor.wait_for_others(self)
        self.task = self.executor.send(self.job)
        if is_given_up:
            # It is not rendered here when no worker is left that could: it may be what kills.
            if self.task is None:
                raise killed(self.lost)
            self.is_only, self.lost = True, 0

    def cancel(self) -> None:
        """Drop the job. A job that already runs is finished."""
        if self in self.executor.pending:
            self.executor.pending.remove(self)
        if self.task is not None:
            self.task.cancel()


def report_versions() -> bytes:
    """Return the versions of everything that shapes a file on this worker, as JSON. Runs on the worker."""
    return json.dumps(worker_versions()).encode()


def _read(answer: bytes) -> object:
    """Return the JSON of a worker's answer; None if it is not JSON."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(answer)
    return None


_PROBLEMS: Final = TypeAdapter(tuple[Problem, ...])
_DOCUMENT: Final = "document"
_CONTENT: Final = "content"
_FILE: Final = "file:"
_MOST_NAMED: Final = 3
"""Workers that a warning names."""


class WorkerBugError(RuntimeError):
    """A bug of this program that showed on a worker; the text is the traceback there."""


def pack(job: Job) -> bytes:
    """Return a job as a frame. Raises FindingsReportError for a template that cannot be used."""
    template = read_template(job.template)
    blobs = {f"{_DOCUMENT}{number}": archive.to_json(document) for number, document in enumerate(job.documents)}
    # Not in the JSON: fonts, and attachments, which a PDF embeds. Each once, however many documents have it.
    blobs |= {f"{_FILE}{file.sha256}": file.content for document in job.documents for file in _files_of(document)}
    for number, files in enumerate(template.layers):
        blobs |= {f"{number}/{name}": content for name, content in files.items()}
    message = {
        # Compared again on the worker: one of another version may join after the first check.
        "made_by": worker_versions(),
        "format": job.format,
        "documents": len(job.documents),
        "is_alone": job.is_alone,
        "template": template.name,
        "layers": len(template.layers),
    }
    return frames.pack(message, blobs)


def serve(frame: bytes) -> bytes:
    """Render a packed job and return the packed answer. Runs on a worker, and raises nothing: dask would pickle an exception.

    The answer is `{"seconds", "problems"}`, a list of problems for each file, with the blobs `content0` and so on; or
    `{"faults"}`, `{"bug"}`, or `{"incompatible"}` if the worker would give other bytes.
    """
    try:
        request = frames.unpack(frame)
        if request.message["made_by"] != worker_versions():
            return frames.pack({"incompatible": worker_versions()}, {})
        result = LOCAL.submit(_job(request.message, request.blobs)).result()
        message = {"seconds": result.seconds, "problems": [_dump(file.problems) for file in result.files]}
        return frames.pack(message, {f"{_CONTENT}{number}": file.content for number, file in enumerate(result.files)})
    except FindingsReportError as error:
        return frames.pack({"faults": _dump(error.problems)}, {})
    except Exception:
        return frames.pack({"bug": traceback.format_exc()}, {})


def read(answer: bytes, job: Job) -> RenderResult:
    """Return the files of an answer to `job`. Raise FindingsReportError if the job failed, WorkerBugError for a bug."""
    try:
        message, blobs = (frame := frames.unpack(answer)).message, frame.blobs
        if "bug" in message:
            raise WorkerBugError(f"on a worker:\n{message['bug']}")
        if "incompatible" in message:
            difference = describe_difference(message["incompatible"]) or "it says so"
            raise FindingsReportError(replace(incompatible_workers({"": difference}, is_last=False), level="error"))
        if "faults" in message:
            faults = _load(message["faults"], job)
            # Problems without an error would end the run with exit code 0.
            if not exit_code(faults):
                raise ValueError("nothing was made, and nothing is said to be wrong")
            raise FindingsReportError(faults)
        contents = [blobs[f"{_CONTENT}{number}"] for number in range(len(job.documents))]
        problems: Any = message["problems"]
        files = (Rendered(content, _load(listed, job)) for content, listed in zip(contents, problems, strict=True))
        seconds = float(str(message["seconds"]))
        # Python's JSON has NaN and Infinity, which the summary cannot print.
        if not math.isfinite(seconds):
            raise ValueError("its time is not a finite number")
        return RenderResult(tuple(files), seconds)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        fault = f"a worker answered with something that is no answer: {type(error).__name__}"
        raise FindingsReportError(Problem(Kind.NETWORK, fault, code="cluster-answer")) from None


def incompatible_workers(differing: Mapping[str, str], *, is_last: bool) -> Problem:
    """Return the warning of workers, by address, that would give other bytes, with what differs."""
    named = [
        f"{f'the worker {worker}' if worker else 'a worker'} would make other files than this machine: {why}"
        for worker, why in sorted(differing.items())
    ]
    more = f", and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    effect = "nothing is left to send to, so this machine renders" if is_last else "it is left out"
    fault = f"{'; '.join(named[:_MOST_NAMED])}{more}; {effect if len(named) == 1 or is_last else 'they are left out'}"
    remedy = "install the same findings-report, and what it needs, there and here"
    return Problem(Kind.NETWORK, fault, remedy, level="warning", code="cluster-stranger")


def _job(message: dict[str, Any], blobs: dict[str, bytes]) -> Job:
    layers: list[dict[str, bytes]] = [{} for _ in range(message["layers"])]
    for name, content in blobs.items():
        # The name of a file may contain slashes; the number of its layer is before the first.
        number, slash, key = name.partition("/")
        if slash:
            layers[int(number)][key] = content
    contents = (blobs[f"{_DOCUMENT}{number}"] for number in range(message["documents"]))
    read = (archive.document_from_json(content, shown="the report that was sent") for content in contents)
    documents = (_with_files(document, blobs) for document in read)
    return Job(
        tuple(documents),
        message["format"],
        TemplateFiles(message["template"], tuple(layers)),
        is_alone=message["is_alone"],
        workers=1,  # whoever starts the workers says how many there are for how many cores
    )


def _files_of(document: Document) -> tuple[ReportedFont | ReportedAttachment | ReportedDocument, ...]:
    word = (document.engagement.docx_template,) if document.engagement.docx_template is not None else ()
    return (*document.engagement.fonts, *word, *(document.attachments if isinstance(document, Report) else ()))


def _with_files(document: Document, blobs: Mapping[str, bytes]) -> Document:
    """Return the document with the bytes of its fonts and attachments."""
    contents = {file.sha256: blobs[f"{_FILE}{file.sha256}"] for file in _files_of(document)}
    fonts = tuple(font.model_copy(update={"content": contents[font.sha256]}) for font in document.engagement.fonts)
    engagement: dict[str, object] = {"fonts": fonts}
    if (word := document.engagement.docx_template) is not None:
        engagement["docx_template"] = word.model_copy(update={"content": contents[word.sha256]})
    changed: dict[str, object] = {"engagement": document.engagement.model_copy(update=engagement)}
    if isinstance(document, Report):
        changed["attachments"] = tuple(
            file.model_copy(update={"content": contents[file.sha256]}) for file in document.attachments
        )
    return document.model_copy(update=changed)


def _dump(problems: tuple[Problem, ...]) -> Any:
    return _PROBLEMS.dump_python(problems, mode="json")


def _load(problems: Any, job: Job) -> tuple[Problem, ...]:
    return tuple(_localise(problem, job) for problem in _PROBLEMS.validate_python(problems))


def _localise(problem: Problem, job: Job) -> Problem:
    """Return the problem with the path of the template's file on this machine, if its place is in the template."""
    if problem.place is None or not isinstance(job.template, Template):
        return problem
    path = path_of(job.template, problem.place.file)
    return problem if path is None else replace(problem, place=replace(problem.place, file=str(path)))
