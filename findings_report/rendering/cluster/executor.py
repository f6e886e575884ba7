"""What travels between this program and a worker: a job, and what became of it, as JSON and bytes. No path is sent.

Frames are those of `confine`: nothing runs when one is read.
"""

from __future__ import annotations

import contextlib
import json
import math
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from findings_report.model.rendered import Rendered
from findings_report.problems import FindingsReportError, Kind, Problem, exit_code
from findings_report.problems.safe_text import visible
from findings_report.rendering import cluster
from findings_report.rendering.job import Job, Made
from findings_report.rendering.local_executor import LOCAL
from findings_report.rendering.template_files import Template, TemplateFiles, path_of, read_template
from findings_report.report import archive
from findings_report.sandbox import frames
from findings_report.system.toolchain import describe_difference, worker_versions

# SELF


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

    def submit(self, job: Job) -> SentJob:
        """Sends the job. Raises FindingsReportError for a template that cannot be used, and when the cluster was lost."""
        return SentJob(job, self.cluster.submit(serve, pack(job)))


@dataclass(frozen=True)
class SentJob:
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


_PROBLEMS: Final = TypeAdapter(tuple[Problem, ...])


_DOCUMENT: Final = "document"


_CONTENT: Final = "content"


class WorkerBugError(RuntimeError):
    """What went wrong on a worker is nobody's fault but the program's; the text is the traceback there."""


def pack(job: Job) -> bytes:
    """The frame of a job. Raises FindingsReportError for a template that cannot be used."""
    template = read_template(job.template)
    blobs = {f"{_DOCUMENT}{number}": archive.to_json(document) for number, document in enumerate(job.documents)}
    for number, files in enumerate(template.layers):
        blobs |= {f"{number}/{name}": content for name, content in files.items()}
    message = {
        "made_by": worker_versions(),
        "format": job.format,
        "documents": len(job.documents),
        "is_alone": job.is_alone,
        "template": template.name,
        "layers": len(template.layers),
    }
    return frames.pack(message, blobs)


def serve(frame: bytes) -> bytes:
    """What a worker does: the frame of a job -> the frame of what became of it. Everything is told in it, nothing is raised.

    It is `{"seconds", "problems"}`, a list of problems for each file, with the blobs `content0` and so on; or `{"faults"}`,
    `{"bug"}`, or `{"stranger"}` where the worker would make other bytes and did not try.
    """
    try:
        request = frames.unpack(frame)
        if request.message["made_by"] != worker_versions():
            return frames.pack({"stranger": worker_versions()}, {})
        made = LOCAL.submit(_job(request.message, request.blobs)).result()
        message = {"seconds": made.seconds, "problems": [_dumped(file.problems) for file in made.files]}
        return frames.pack(message, {f"{_CONTENT}{number}": file.content for number, file in enumerate(made.files)})
    except FindingsReportError as error:
        return frames.pack({"faults": _dumped(error.problems)}, {})
    except Exception:
        return frames.pack({"bug": traceback.format_exc()}, {})


def read(answer: bytes, job: Job) -> Made:
    """What became of the job. Raises FindingsReportError where it was not made, WorkerBugError for a bug."""
    try:
        message, blobs = (frame := frames.unpack(answer)).message, frame.blobs
        if "bug" in message:
            raise WorkerBugError(f"on a worker:\n{message['bug']}")
        if "stranger" in message:
            raise FindingsReportError(stranger("a worker", describe_difference(message["stranger"])))
        if "faults" in message:
            faults = _loaded(message["faults"], job)
            if not exit_code(faults):
                raise ValueError("nothing was made, and nothing is said to be wrong")
            raise FindingsReportError(faults)
        contents = [blobs[f"{_CONTENT}{number}"] for number in range(len(job.documents))]
        told: Any = message["problems"]
        files = (Rendered(content, _loaded(each, job)) for content, each in zip(contents, told, strict=True))
        seconds = float(str(message["seconds"]))
        if not math.isfinite(seconds):
            raise ValueError("it took no time that can be told")
        return Made(tuple(files), seconds)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        fault = f"a worker answered with something that is no answer: {type(error).__name__}"
        raise FindingsReportError(Problem(Kind.NETWORK, fault, code="cluster-answer")) from None


def stranger(worker: str, difference: str | None) -> Problem:
    """What is said of a worker that would make other bytes."""
    fault = f"{worker} would make other files than this machine: {difference}"
    remedy = "install the same findings-report, and what it needs, there and here"
    return Problem(Kind.NETWORK, fault, remedy, code="cluster-stranger")


def _job(message: dict[str, Any], blobs: dict[str, bytes]) -> Job:
    layers: list[dict[str, bytes]] = [{} for _ in range(message["layers"])]
    for name, content in blobs.items():
        number, slash, key = name.partition("/")
        if slash:
            layers[int(number)][key] = content
    contents = (blobs[f"{_DOCUMENT}{number}"] for number in range(message["documents"]))
    documents = (archive.document_from_json(content, shown="the report that was sent") for content in contents)
    return Job(
        tuple(documents),
        message["format"],
        TemplateFiles(message["template"], tuple(layers)),
        is_alone=message["is_alone"],
        workers=1,  # whoever starts the workers says how many there are for how many cores
    )


def _dumped(problems: tuple[Problem, ...]) -> Any:
    return _PROBLEMS.dump_python(problems, mode="json")


def _loaded(problems: Any, job: Job) -> tuple[Problem, ...]:
    return tuple(_here(problem, job) for problem in _PROBLEMS.validate_python(problems))


def _here(problem: Problem, job: Job) -> Problem:
    """The problem with the path of the template's file where it names one."""
    if problem.place is None or not isinstance(job.template, Template):
        return problem
    path = path_of(job.template, problem.place.file)
    return problem if path is None else replace(problem, place=replace(problem.place, file=str(path)))
