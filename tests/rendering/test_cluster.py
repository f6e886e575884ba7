"""Rendering on the workers of a cluster: a real scheduler and real workers on loopback, some of them killed, some refused."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import samples

import findings_report
from findings_report import commands
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.rendering import cluster
from findings_report.rendering.cluster import executor as wired
from findings_report.rendering.job import LOCAL, Job, RenderResult, run_jobs
from findings_report.rendering.run import open_executor, plan_rendering
from findings_report.rendering.template_files import Template, builtin_templates
from findings_report.report.formats import FORMATS
from findings_report.report.output_files import Target
from findings_report.sandbox import frames
from findings_report.system.toolchain import OWN_FILES, describe_difference, install_extra, worker_versions

BIN = Path(sys.executable).parent
EVERY = tuple(name for name in FORMATS if name != "csaf")  # the demo has no products
PROGRAM = str(BIN / "findings-report")
DASK = str(BIN / "dask")
OWN = builtin_templates()

needs_dask = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="dask.distributed is not installed")


def real(test: object) -> object:
    """Marks a test that needs a cluster."""
    return needs_dask(pytest.mark.slow(test))


# --- what travels, without a cluster


def job(template: str = "standard", *roots: Path, format: str = "html", **changed: object) -> Job:  # noqa: A002
    return Job((samples.report(),), format, Template(template, (*roots, OWN)), **changed)  # type: ignore[arg-type]


def test_fonts_of_this_machine_are_refused_where_workers_have_others() -> None:
    report = samples.report(engagement=samples.engagement(system_fonts=True))
    workers = wired.ClusterExecutor(None)  # type: ignore[arg-type]  # refused before the cluster is asked

    with pytest.raises(FindingsReportError, match="workers have their own") as error:
        plan_rendering([(report, Target("html", None))], Template("standard", (OWN,)), workers, lambda _: None)

    assert error.value.problems[0].kind is Kind.USAGE


@pytest.mark.parametrize("template", ["standard", "review"])
@pytest.mark.parametrize("format", ["md", "html", "json", "csv"])
def test_a_worker_makes_the_same_bytes(template: str, format: str) -> None:  # noqa: A002
    asked = job(template, format=format)

    answered = wired.read(wired.serve(wired.pack(asked)), asked)

    assert answered.files == LOCAL.submit(asked).result().files


def test_findings_alone_are_made_the_same() -> None:
    ids = ("NTR-001", "NTR-009")
    one = Job(tuple(samples.report(samples.finding(id)) for id in ids), "html", Template("standard", (OWN,)), is_alone=True)

    answered = wired.read(wired.serve(wired.pack(one)), one)

    assert answered.files == LOCAL.submit(one).result().files


def test_an_engagements_own_template_travels_by_content_and_no_path_does(tmp_path: Path) -> None:
    own = tmp_path / "secret-client" / "templates"
    (own / "acme" / "parts").mkdir(parents=True)
    (own / "acme" / "section.html.j2").write_bytes(b"OWN\r\n{% include 'parts/title.html.j2' %}")
    (own / "acme" / "parts" / "title.html.j2").write_text("<p>{{ section.title }}</p>")
    (own / "standard").mkdir()
    (own / "standard" / "finding.html.j2").write_text("<p>MINE {{ finding.id }}</p>")
    asked = job("acme", own)

    frame = wired.pack(asked)
    answered = wired.read(wired.serve(frame), asked)

    assert b"secret-client" not in frame
    assert str(OWN).encode() not in frame
    assert answered.files == LOCAL.submit(asked).result().files
    assert b"<p>Method</p>" in answered.files[0].content
    assert b"<p>MINE NTR-001</p>" in answered.files[0].content


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("ok\n\n{{ finding.titel }}", 3, "did you mean 'title'?"),
        ("ok\n{% if %}", 2, "not valid"),
        ("ok\n{% include 'absent.html.j2' %}", 2, "absent.html.j2"),
        ("ok\n{{ stylesheet('/etc/passwd') }}", 2, "/etc/passwd"),
    ],
)
def test_a_templates_fault_on_a_worker_is_told_with_the_file_of_this_machine(
    tmp_path: Path, source: str, line: int, said: str
) -> None:
    (tmp_path / "standard").mkdir()
    (tmp_path / "standard" / "finding.html.j2").write_text(source)
    asked = job("standard", tmp_path)

    with pytest.raises(FindingsReportError) as there:
        wired.read(wired.serve(wired.pack(asked)), asked)
    with pytest.raises(FindingsReportError) as here:
        LOCAL.submit(asked).result()

    assert there.value.problems == here.value.problems
    (problem,) = there.value.problems
    assert problem.place is not None
    assert (problem.place.file, problem.place.line) == (str(tmp_path / "standard" / "finding.html.j2"), line)
    assert said in problem.fault


def test_a_link_out_of_the_template_folder_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "own" / "standard").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "own" / "standard" / "section.html.j2").symlink_to(tmp_path / "secret")

    with pytest.raises(FindingsReportError, match="leads out"):
        wired.pack(job("standard", tmp_path / "own"))


@pytest.mark.parametrize("name", ["findings-report", "Pango", "Python", OWN_FILES])
def test_a_worker_that_would_make_other_bytes_does_not_try(name: str) -> None:
    asked = job()
    frame = frames.unpack(wired.pack(asked))
    theirs = {**worker_versions(), name: "another"}

    answer = wired.serve(frames.pack({**frame.message, "made_by": theirs}, frame.blobs))

    assert frames.unpack(answer).message == {"incompatible": worker_versions()}
    assert describe_difference(worker_versions()) is None
    assert name in (describe_difference(theirs) or "")
    with pytest.raises(FindingsReportError, match="would make other files"):
        wired.read(frames.pack({"incompatible": theirs}, {}), asked)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"x" * 40,
        frames.pack({}, {}),
        frames.pack({"seconds": 1, "problems": [[{}]]}, {"content0": b""}),
        frames.pack({"seconds": 1, "problems": 5}, {"content0": b""}),
        frames.pack({"seconds": "nan", "problems": [[]]}, {"content0": b""}),
        frames.pack({"seconds": 1, "problems": [[]]}, {"content1": b""}),
        frames.pack({"faults": []}, {}),  # it would end with code 0, and nothing made
        frames.pack({"faults": wired._dump((Problem(Kind.OUTPUT, "all is well", level="note", code="pdf-warning"),))}, {}),
    ],
)
def test_an_answer_that_is_none_is_told(answer: bytes) -> None:
    with pytest.raises(FindingsReportError, match="no answer") as caught:
        wired.read(answer, job())

    assert caught.value.problems[0].kind is Kind.NETWORK


def test_a_bug_on_a_worker_is_shown_with_its_traceback() -> None:
    asked = job(format="csv")
    frame = frames.unpack(wired.pack(asked))

    answer = wired.serve(frames.pack({**frame.message, "layers": "none"}, frame.blobs))

    with pytest.raises(wired.WorkerBugError, match="Traceback"):
        wired.read(answer, asked)


@dataclass(frozen=True)
class Saying:
    """A cluster whose one worker gives this answer, whatever it is asked."""

    answer: object
    threads: Mapping[str, int] = field(default_factory=lambda: {"tcp://127.0.0.1:9": 1})

    def everyone(self, call: Callable[[], bytes], workers: Sequence[str]) -> Mapping[str, object]:  # noqa: ARG002
        return dict.fromkeys(workers, self.answer)

    def workers(self) -> frozenset[str]:
        return frozenset(self.threads)


@pytest.mark.parametrize("answer", [b"", b"\xff", b"[" * 100_000, b"[]", b"7", "text", RuntimeError("\x1b[31m")])
def test_a_worker_that_cannot_say_what_it_has_is_left_out_and_the_job_done_here(answer: object) -> None:
    asked = job(format="csv")
    executor = wired.ClusterExecutor(Saying(answer))  # type: ignore[arg-type]
    executor.leave_out_incompatible()

    results = [executor.submit(asked).result() for _ in range(2)]

    assert [result.files for result in results] == 2 * [LOCAL.submit(asked).result().files]
    assert [len(result.problems) for result in results] == [1, 0]
    (warning,) = results[0].problems
    assert (warning.level, warning.code) == ("warning", "cluster-stranger")
    assert "the worker tcp://127.0.0.1:9 would make other files" in warning.fault
    assert "this machine renders" in warning.fault
    assert "\x1b" not in warning.fault
    assert executor.max_pending == 2


def test_an_executor_is_given_what_it_has_room_for_and_gives_up_what_is_not_wanted() -> None:
    @dataclass
    class Slow:
        max_pending: int = 2
        given: list[str] = field(default_factory=list)
        cancelled: list[str] = field(default_factory=list)

        def batch_size(self, count: int) -> int:
            return count

        def submit(self, job: Job) -> Slow.Waiting:
            self.given.append(job.format)
            return Slow.Waiting(self, job)

        @dataclass
        class Waiting:
            slow: Slow
            job: Job

            def result(self) -> RenderResult:
                return LOCAL.submit(self.job).result()

            def cancel(self) -> None:
                self.slow.cancelled.append(self.job.format)

    slow = Slow()
    coming = run_jobs((job(format=each) for each in ("md", "json", "csv", "html")), slow)

    assert slow.given == ["md", "json"]
    next(coming)
    assert slow.given == ["md", "json", "csv"]
    coming.close()  # type: ignore[attr-defined]
    assert (slow.given, slow.cancelled) == (["md", "json", "csv"], ["json", "csv"])


def test_dask_is_loaded_only_where_it_was_asked_for(tmp_path: Path) -> None:
    program = (
        "import sys; from findings_report import cli\n"
        "sys.argv = ['findings-report', *sys.argv[1:]]\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print({'dask', 'distributed'} & sys.modules.keys())\n"
    )
    command = [sys.executable, "-c", program, "build", str(commands.demo(tmp_path / "demo")), "-f", "html"]

    for executor in ((), ("--executor", "local")):
        done = subprocess.run([*command, *executor], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "set()"


# --- where a cluster may be


@pytest.mark.parametrize(
    ("text", "dask"),
    [
        ("dask://127.0.0.1:8786", "tcp://127.0.0.1:8786"),
        ("dask://127.8.9.1:1", "tcp://127.8.9.1:1"),
        ("dask://localhost:8786", "tcp://localhost:8786"),
        ("dask://[::1]:8786", "tcp://[::1]:8786"),
        ("tls://cluster.example.org:8786", "tls://cluster.example.org:8786"),
        ("tls://[2001:db8::1]:8786", "tls://[2001:db8::1]:8786"),
    ],
)
def test_addresses_are_read(text: str, dask: str) -> None:
    address = cluster.parse(text)

    assert (str(address), address.dask) == (text, dask)


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "cluster.example.org", "0.0.0.0", "[::]", "localhost.example.org", "128.0.0.1", "[2001:db8::1]"],  # noqa: S104
)
def test_nothing_leaves_this_machine_in_the_clear(host: str) -> None:
    with pytest.raises(FindingsReportError, match="in the clear") as caught:
        cluster.parse(f"dask://{host}:8786")

    (problem,) = caught.value.problems
    assert problem.kind is Kind.USAGE
    assert f"tls://{host}:8786" in (problem.remedy or "")


@pytest.mark.parametrize(
    "text",
    ["dask://localhost", "tls://", "tls://h:0", "tls://h:99999", "tls://h:x", "tls://u:p@h:1", "tls://h:1/x", "tls://h:1?x", "tls://[::1:1"],
)  # fmt: skip
def test_an_address_without_a_place_is_refused(text: str) -> None:
    with pytest.raises(FindingsReportError, match="does not say where") as caught:
        cluster.parse(text)

    assert caught.value.problems[0].kind is Kind.USAGE


@pytest.mark.parametrize(("name", "said"), [("locl", "is not one of local"), ("tcp://127.0.0.1:1", "is not one of local")])
def test_an_executor_that_there_is_not_is_refused(name: str, said: str) -> None:
    with pytest.raises(FindingsReportError, match=said) as caught:
        open_executor(name, system_fonts=False)

    assert caught.value.problems[0].kind is Kind.USAGE


def test_fonts_of_this_machine_are_not_those_of_a_cluster() -> None:
    with pytest.raises(FindingsReportError, match="workers have their own"):
        open_executor("tls://h:1", system_fonts=True)


def test_without_dask_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with (
        pytest.raises(FindingsReportError) as caught,
        open_executor("dask://127.0.0.1:1", system_fonts=False),
    ):
        pass

    assert caught.value.problems[0].remedy == install_extra("cluster")


# --- a real cluster


@dataclass
class Programs:
    """A scheduler and its workers."""

    folder: Path
    environment: Mapping[str, str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    address: str = ""

    def scheduler(self, *options: str) -> subprocess.Popen[bytes]:
        """Starts it, and waits until it listens."""
        file = self.folder / "scheduler.json"
        given = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file), *options]
        process = self.start("scheduler", given)
        self.wait(lambda: file.exists() and file.read_text().endswith("}"))
        self.address = json.loads(file.read_text())["address"]
        return process

    def worker(self, *options: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Starts one with one thread, and waits until the scheduler knows it."""
        name = f"worker-{len(self.running)}"
        given = ["worker", self.address, "--nthreads", "1", "--no-dashboard", "--local-directory", str(self.folder / name)]
        nanny = [] if "--nanny" in options else ["--no-nanny"]
        process = self.start(name, [*given, *nanny, *options], environment)
        self.wait(lambda: b"Registered to" in (self.folder / f"{name}.log").read_bytes())
        return process

    def start(self, name: str, options: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            surroundings = {**self.environment, **(environment or {})}
            process = subprocess.Popen(
                [DASK, *options], stdout=log, stderr=log, cwd=self.folder, env=surroundings, start_new_session=True
            )
        self.running.append(process)
        return process

    def dismiss(self, worker: subprocess.Popen[bytes]) -> None:
        """Kills a worker, and waits until the scheduler knows that it is gone."""
        log, gone = self.folder / "scheduler.log", b"Remove worker"
        before = log.read_bytes().count(gone)
        kill(worker)
        self.running.remove(worker)
        self.wait(lambda: log.read_bytes().count(gone) > before)

    def wait(self, condition: object, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not condition():  # type: ignore[operator]
            assert time.monotonic() < deadline, {log.name: log.read_text()[-3000:] for log in self.folder.glob("*.log")}
            assert all(process.poll() is None for process in self.running[-1:]), self.running
            time.sleep(0.05)

    @property
    def executor(self) -> str:
        """As --executor takes it."""
        return self.address.replace("tcp://", "dask://")


def kill(process: subprocess.Popen[bytes]) -> None:
    """At once, and whatever it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def surroundings(tmp_path: Path, **more: str) -> dict[str, str]:
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": os.environ["PATH"]}
    return home | {"DASK_CONFIG": str(tmp_path / "no-config")} | more


@contextlib.contextmanager
def programs(folder: Path, **environment: str) -> Iterator[Programs]:
    folder.mkdir(exist_ok=True)
    found = Programs(folder, surroundings(folder, **environment))
    try:
        yield found
    finally:
        for process in reversed(found.running):
            kill(process)


def build(
    folders: Sequence[Path], out: Path, *options: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [PROGRAM, "build", *map(str, folders), "-o", f"{out}/", *options]
    known = surroundings(out.parent) if environment is None else dict(environment)
    return subprocess.run(command, capture_output=True, text=True, check=False, env=known, cwd=out.parent, timeout=600)


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def in_formats(*formats: str) -> list[str]:
    return [word for each in formats for word in ("-f", each)]


def demos(folder: Path, count: int) -> list[Path]:
    """Engagements that are the same but for their names."""
    first = commands.demo(folder / "engagement-0")
    return [first, *(Path(shutil.copytree(first, folder / f"engagement-{number}")) for number in range(1, count))]


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    """A scheduler and two workers, for tests that leave them as they are."""
    with programs(tmp_path_factory.mktemp("crew") / "cluster") as there:
        there.scheduler()
        there.worker()
        there.worker()
        yield there


@real
def test_a_cluster_makes_the_same_bytes_and_says_nothing_of_its_own(crew: Programs, tmp_path: Path) -> None:
    folder = commands.demo(tmp_path / "demo")
    (folder / "templates" / "standard").mkdir(parents=True)
    (folder / "templates" / "standard" / "section.md.j2").write_text("OWN {{ section.title }}\n")

    far = build([folder], tmp_path / "far", *in_formats(*EVERY), "--executor", crew.executor)
    far_each = build([folder], tmp_path / "far-each", "--each", "--executor", crew.executor)
    near = build([folder], tmp_path / "near", *in_formats(*EVERY))
    near_each = build([folder], tmp_path / "near-each", "--each")

    assert (far.returncode, far.stderr) == (0, near.stderr)
    assert (far_each.returncode, far_each.stderr) == (0, near_each.stderr)
    assert digests(tmp_path / "far") == digests(tmp_path / "near")
    assert len(digests(tmp_path / "far")) == len(EVERY)
    assert digests(tmp_path / "far-each") == digests(tmp_path / "near-each")
    assert len(digests(tmp_path / "far-each")) == 4


def begun(folders: Sequence[Path], out: Path, executor: str) -> subprocess.Popen[str]:
    """A build that is under way: some of it is published, more is not. It will say in JSON what became of it."""
    command = [PROGRAM, "build", *map(str, folders), *in_formats("html", "pdf"), "-o", f"{out}/", "--executor", executor]
    command += ["--output-format", "json"]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=surroundings(out.parent), cwd=out.parent
    )
    published(1, out, running)
    return running


def published(count: int, out: Path, running: subprocess.Popen[str]) -> None:
    """Waits until so many engagements are."""
    deadline = time.monotonic() + 300
    while len(list(out.glob("*/report.pdf"))) < count:
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


@real
def test_workers_are_killed_midway_and_nothing_is_lost(tmp_path: Path) -> None:
    """First one of two, then the other, too: what is left to do is done by the one that is left, then by one that comes."""
    folders = demos(tmp_path / "engagements", 5)
    out = tmp_path / "out"

    with programs(tmp_path / "cluster") as there:
        there.scheduler()
        workers = [there.worker(), there.worker()]
        running = begun(folders, out, there.executor)
        for number, worker in enumerate(workers, start=1):
            published(number, out, running)
            kill(worker)
        assert running.poll() is None
        assert len(list(out.glob("*/report.pdf"))) < len(folders)
        there.worker()
        said, told = running.communicate(timeout=600)

    assert (running.returncode, told) == (0, "")
    became = {each["name"]: each["built"] is not None for each in json.loads(said)["engagements"]}
    assert became == dict.fromkeys((folder.name for folder in folders), True)
    found = digests(out)
    assert len(found) == 2 * len(folders)
    assert build(folders[:1], tmp_path / "near", *in_formats("html", "pdf")).returncode == 0
    assert set(found.values()) == set(digests(tmp_path / "near").values())


@real
def test_a_scheduler_that_is_lost_is_told_of_what_was_not_built(tmp_path: Path) -> None:
    folders = demos(tmp_path / "engagements", 5)
    out = tmp_path / "out"

    with programs(tmp_path / "cluster") as there:
        scheduler = there.scheduler()
        there.worker()
        running = begun(folders, out, there.executor)
        kill(scheduler)
        said, told = running.communicate(timeout=600)

    assert (running.returncode, told) == (int(Kind.NETWORK), "")
    became = json.loads(said)["engagements"]
    assert [each["name"] for each in became] == [folder.name for folder in folders]
    missing = [each for each in became if each["built"] is None]
    assert {each["name"] for each in missing} == {folder.name for folder in folders if not (out / folder.name).exists()}
    assert missing
    faults = {problem["fault"] for each in missing for problem in each["problems"]}
    assert faults == {f"the scheduler at {there.executor} was lost"}
    whole = [set(digests(out / each["name"]).values()) for each in became if each["built"] is not None]
    assert all(len(files) == 2 and files == whole[0] for files in whole)


@real
def test_what_was_done_before_the_scheduler_was_lost_is_not_blamed_on_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with programs(tmp_path / "cluster") as there:
        scheduler = there.scheduler()
        there.worker()
        monkeypatch.setenv("DASK_CONFIG", str(tmp_path / "no-config"))
        with cluster.join(cluster.parse(there.executor)) as joined:
            task = joined.submit(bytes, b"frame")
            deadline = time.monotonic() + 120
            while not task.future.done():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            os.kill(scheduler.pid, signal.SIGSTOP)  # it is asked for the result, and does not answer
            threading.Timer(1.0, kill, (scheduler,)).start()
            with pytest.raises(FindingsReportError) as caught:
                task.result()

    assert [problem.code for problem in caught.value.problems] == ["cluster-lost"]


@real
def test_what_kills_its_workers_is_told_and_the_others_are_built(tmp_path: Path) -> None:
    folders = demos(tmp_path / "engagements", 3)
    (folders[0] / "templates" / "standard").mkdir(parents=True)
    held = "{% set ns.all = ns.all + [(loop.index ~ 'xxxx') * 1000000] %}"
    greedy = "{% set ns = namespace(all=[]) %}{% for _ in range(200) %}" + held + "{% endfor %}"
    greedy += "{% for _ in range(4000) %}{% for _ in range(90000) %}{% endfor %}{% endfor %}"
    (folders[0] / "templates" / "standard" / "section.html.j2").write_text(greedy)

    # One worker, and it may not die twice of anything: whoever waits there while it dies is blamed as well at first.
    with programs(tmp_path / "cluster", DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as there:
        there.scheduler()
        there.worker("--nanny", "--memory-limit", "500MB")
        done = build(folders, tmp_path / "out", "-f", "html", "--executor", there.executor)

    assert done.returncode == int(Kind.OUTPUT)
    assert "engagement-0:\n" in done.stderr
    assert "a worker was given it alone, and died" in done.stderr
    assert "Traceback" not in done.stderr
    assert [line.endswith("nothing") for line in done.stdout.splitlines()[2:]] == [True, False, False]


@real
def test_what_only_waited_on_a_worker_that_died_is_tried_alone_before_it_is_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own" / "standard").mkdir(parents=True)
    loop = "{% for _ in range(90000) %}"
    (tmp_path / "own" / "standard" / "section.html.j2").write_text(loop * 3 + "{% endfor %}" * 3)
    monkeypatch.setenv("DASK_CONFIG", str(tmp_path / "no-config"))
    asked = [job(format=name) for name in ("html", "md")]

    with programs(tmp_path / "cluster", DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as there:
        there.scheduler()
        first = there.worker()
        with wired.open_cluster(there.executor) as executor:

            def has(count: int) -> bool:
                """Whether the worker runs the endless one, and has so many tasks in all."""
                keys = [key for keys in executor.cluster.client.processing().values() for key in keys]
                return len(keys) == count and any(key.startswith("_call_with") for key in keys)

            endless = executor.submit(job("standard", tmp_path / "own"))
            there.wait(lambda: has(1))
            waiting = [executor.submit(each) for each in asked]
            there.wait(lambda: has(3))
            there.dismiss(first)
            for submitted in (endless, *waiting):
                assert submitted.task is not None
                with pytest.raises(cluster.client.KilledError):
                    submitted.task.result()
            second = there.worker()
            results = [submitted.result() for submitted in waiting]

            def kill_again() -> None:
                there.wait(lambda: has(1))
                kill(second)

            threading.Thread(target=kill_again).start()
            with pytest.raises(FindingsReportError) as caught:
                endless.result()

    assert [result.files for result in results] == [LOCAL.submit(each).result().files for each in asked]
    (problem,) = caught.value.problems
    assert (problem.kind, problem.code) == (Kind.OUTPUT, "cluster-killed")
    assert problem.fault == "a worker was given it alone, and died"


@real
@pytest.mark.parametrize("change", ["version", "code", "absent"])
def test_a_worker_that_is_not_of_this_program_is_left_out(change: str, crew: Programs, tmp_path: Path) -> None:
    folder = commands.demo(tmp_path / "demo")
    package = Path(findings_report.__file__).parent
    other = Path(shutil.copytree(package, tmp_path / "other" / "findings_report", ignore=shutil.ignore_patterns("__pycache__")))
    if not (other / "templates").exists():
        shutil.copytree(OWN, tmp_path / "other" / "templates")
    first = other / "__init__.py"
    said = {
        "version": f"it has findings-report 0.0.1, and this machine {findings_report.__version__}",
        "code": "findings-report's own files are not the same",
        "absent": "it cannot load findings-report (ModuleNotFoundError",
    }[change]
    if change == "version":
        first.write_text(first.read_text().replace(findings_report.__version__, "0.0.1"))
    elif change == "code":
        (other / "rendering" / "html.py").write_text((other / "rendering" / "html.py").read_text() + "\n# other\n")
    else:
        first.write_text("raise ModuleNotFoundError(\"No module named 'findings_report'\")\n")

    stranger = crew.worker(environment={"PYTHONPATH": str(tmp_path / "other")})
    done = build([folder], tmp_path / "out", *in_formats("html", "json"), "--executor", crew.executor)
    crew.dismiss(stranger)
    near = build([folder], tmp_path / "near", *in_formats("html", "json"))

    assert done.returncode == 0, done.stderr
    assert done.stderr.count("would make other files than this machine: " + said) == 1
    assert digests(tmp_path / "out") == digests(tmp_path / "near")
    assert near.returncode == 0


@real
def test_when_only_workers_of_another_version_remain_this_machine_goes_on(tmp_path: Path) -> None:
    """The one that could do it is killed midway, and one that cannot comes in its place."""
    folders = demos(tmp_path / "engagements", 4)
    out = tmp_path / "out"
    (tmp_path / "other" / "findings_report").mkdir(parents=True)
    (tmp_path / "other" / "findings_report" / "__init__.py").write_text("raise ImportError('not this one')\n")

    with programs(tmp_path / "cluster") as there:
        there.scheduler()
        friend = there.worker()
        running = begun(folders, out, there.executor)
        kill(friend)
        there.running.remove(friend)
        there.worker(environment={"PYTHONPATH": str(tmp_path / "other")})
        said, told = running.communicate(timeout=600)

    assert (running.returncode, told) == (0, ""), said
    engagements = json.loads(said)["engagements"]
    assert [each["built"] is not None for each in engagements] == [True] * 4
    left_out = [problem for each in engagements for problem in each["problems"] if problem["code"] == "cluster-stranger"]
    assert [problem["level"] for problem in left_out] == ["warning"]
    assert "so this machine renders" in left_out[0]["fault"]
    whole = [set(digests(out / folder.name).values()) for folder in folders]
    assert all(len(files) == 2 and files == whole[0] for files in whole)


@real
def test_nobody_is_sent_anything_in_the_clear_and_nobody_is_said_so(tmp_path: Path) -> None:
    folder = commands.demo(tmp_path / "demo")
    nowhere = build([folder], tmp_path / "out", "-f", "html", "--executor", "dask://127.0.0.1:9")

    with programs(tmp_path / "cluster") as there:
        there.scheduler()
        idle = build([folder], tmp_path / "out", "-f", "html", "--executor", there.executor)
        there.worker("--listen-address", "tcp://127.0.0.1:0", "--contact-address", "tcp://192.0.2.7:12345")
        far = build([folder], tmp_path / "out", "-f", "html", "--executor", there.executor)

    assert [done.returncode for done in (nowhere, idle, far)] == [int(Kind.NETWORK)] * 3
    assert nowhere.stderr.startswith("error: the scheduler at dask://127.0.0.1:9 cannot be reached")
    assert idle.stderr.startswith(f"error: the scheduler at {there.executor} has no worker [cluster-no-worker]\n")
    assert "has the worker tcp://192.0.2.7:12345: findings would be sent in the clear" in far.stderr
    assert not (tmp_path / "out").exists()


@real
def test_a_worker_that_comes_later_from_elsewhere_is_sent_nothing_in_the_clear(tmp_path: Path) -> None:
    with programs(tmp_path / "cluster") as there:
        there.scheduler()
        near = there.worker()
        with cluster.join(cluster.parse(there.executor)) as found:
            there.worker("--listen-address", "tcp://127.0.0.1:0", "--contact-address", "tcp://192.0.2.7:12345")
            tasks = [found.submit(bytes.upper, b"%d x" % number) for number in range(30)]

            assert [task.result() for task in tasks] == [b"%d X" % number for number in range(30)]
            held = found.client.has_what()
            kill(near)

    assert sorted(len(keys) for keys in held.values()) == [0, 60]  # each result, and its first piece
    assert held["tcp://192.0.2.7:12345"] == ()


@real
def test_a_long_report_travels_in_pieces_both_ways(crew: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    """No task and no result is larger than a piece, however long the report is; the scheduler holds each task in memory."""
    monkeypatch.setenv("DASK_CONFIG", str(crew.folder / "no-config"))
    frame = os.urandom(3 * cluster.client.LARGEST_PIECE + 7)
    sent: list[int] = []

    with cluster.join(cluster.parse(crew.executor)) as joined:
        submit = joined.client.submit

        def measured(call: Callable[..., object], *values: object, **options: object) -> object:
            sent.append(sum(len(value) for value in values if isinstance(value, bytes)))
            return submit(call, *values, **options)

        monkeypatch.setattr(joined.client, "submit", measured)
        task = joined.submit(bytes.swapcase, frame)
        result = task.result()
        fetched = joined.client.run(lambda dask_worker: [len(data) for data in dask_worker.data.values()])

    assert result == frame.swapcase()
    assert len(sent) == 4 + 1 + 1 + 3
    assert max(sent) == cluster.client.LARGEST_PIECE
    lengths = [length for lengths in fetched.values() for length in lengths]
    assert len(frame) in lengths  # it stays where it was made


@real
def test_when_no_worker_is_left_work_waits_only_so_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster.client, "SECONDS_WITHOUT_WORKERS", 2.0)

    with programs(tmp_path / "cluster") as there:
        there.scheduler()
        worker = there.worker()
        with cluster.join(cluster.parse(there.executor)) as found:
            kill(worker)
            task = found.submit(bytes.upper, b"x")

            with pytest.raises(FindingsReportError, match="has no worker"):
                task.result()


def authority(folder: Path, name: str) -> dict[str, Path]:
    """A certificate authority, and one certificate of it: the files `ca`, `cert` and `key`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)

    def signed(subject: str, key: ec.EllipticCurvePrivateKey, *, is_authority: bool) -> bytes:
        builder = x509.CertificateBuilder(named(name), named(subject), key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        return builder.sign(root, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    contents = {"ca": signed(name, root, is_authority=True), "cert": signed("node", own, is_authority=False)}
    folder.mkdir()
    files = {each: folder / f"{each}.pem" for each in ("ca", "cert", "key")}
    for each, content in (contents | {"key": own.private_bytes(*pem)}).items():
        files[each].write_bytes(content)
    return files


def tls(files: Mapping[str, Path]) -> dict[str, str]:
    """Dask's configuration for these certificates, for everybody."""
    found = {"DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(files["ca"])}
    for role in ("CLIENT", "SCHEDULER", "WORKER"):
        found |= {f"DASK_DISTRIBUTED__COMM__TLS__{role}__{each.upper()}": str(files[each]) for each in ("cert", "key")}
    return found


@real
def test_with_certificates_everything_is_encrypted_and_strangers_are_kept_out(tmp_path: Path) -> None:
    folder = commands.demo(tmp_path / "demo")
    own, other = authority(tmp_path / "own", "ours"), authority(tmp_path / "other", "theirs")
    broken = {**other, "key": tmp_path / "nowhere.pem"}
    out = tmp_path / "out"

    def built(executor: str, files: Mapping[str, Path] | None) -> subprocess.CompletedProcess[str]:
        environment = surroundings(tmp_path, **(tls(files) if files else {}))
        return build([folder], out, "-f", "html", "--executor", executor, environment=environment)

    with programs(tmp_path / "cluster", **tls(own), DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION="true") as there:
        there.scheduler("--protocol", "tls")
        there.worker()
        assert there.executor.startswith("tls://127.0.0.1:")
        stranger, nobody, unreadable = (built(there.executor, files) for files in (other, None, broken))
        in_clear = built(there.executor.replace("tls:", "dask:"), own)
        assert not out.exists()
        friend = built(there.executor, own)
    near = build([folder], tmp_path / "near", "-f", "html")

    assert (stranger.returncode, in_clear.returncode) == (int(Kind.NETWORK), int(Kind.NETWORK))
    assert "cannot be reached" in stranger.stderr
    assert "cannot be reached" in in_clear.stderr
    assert in_clear.stderr.count("\n") == 2
    assert "help: write " + there.executor in in_clear.stderr
    assert "its certificate does not fit" in stranger.stderr
    assert (nobody.returncode, unreadable.returncode) == (int(Kind.USAGE), int(Kind.USAGE))
    assert "needs a certificate" in nobody.stderr
    assert "cannot be used" in unreadable.stderr
    assert (friend.returncode, friend.stderr) == (0, near.stderr)
    assert digests(out) == digests(tmp_path / "near")
