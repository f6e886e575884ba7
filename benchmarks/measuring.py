"""How the benchmarks measure: whole processes, their children's CPU included, in alternating pairs, medians."""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One process run."""

    cpu: float
    """Seconds of user and system time, its children's included."""
    wall: float
    """Seconds."""
    peak: int
    """Bytes of memory of the largest process of its tree."""


def run(command: Sequence[str]) -> Run:
    """Runs `command` to its end; its output is dropped. Fails when it fails with a code over 1.

    Bytecode is kept, as for an installed program: else every run would compile all that it loads.
    """
    launcher = (
        "import os,resource,subprocess,sys,time;t=time.perf_counter();"
        "r=subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.PIPE);w=time.perf_counter()-t;"
        "u=resource.getrusage(resource.RUSAGE_CHILDREN);"
        "sys.stderr.buffer.write(r.stderr[-2000:]) if r.returncode>1 else None;"
        "print(u.ru_utime+u.ru_stime,w,u.ru_maxrss*1024,r.returncode)"
    )
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-c", launcher, *command], stdout=subprocess.PIPE, text=True, check=True, env=kept)
    cpu, wall, peak, code = done.stdout.split()
    if int(code) > 1:
        raise SystemExit(f"{' '.join(command)} ended with {code}")
    return Run(float(cpu), float(wall), int(peak))


def paired(first: Callable[[], Run], second: Callable[[], Run], rounds: int) -> tuple[list[Run], list[Run]]:
    """Both in turn, `rounds` times."""
    pairs = [(first(), second()) for _ in range(rounds)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def median_cpu(runs: Sequence[Run]) -> float:
    return statistics.median(run.cpu for run in runs)


def peak(runs: Sequence[Run]) -> int:
    return max(run.peak for run in runs)


@contextlib.contextmanager
def cluster(folder: Path, workers: int, port: int) -> Iterator[list[int]]:
    """A scheduler, and so many workers with one thread: their process ids, the scheduler's first."""
    place = f"127.0.0.1:{port}"
    commands = [["scheduler", "--host", "127.0.0.1", "--port", str(port)]]
    commands += [["worker", f"tcp://{place}", "--nthreads", "1", "--no-nanny", "--local-directory", str(folder)]] * workers
    dask, running = Path(sys.executable).parent / "dask", list[subprocess.Popen[bytes]]()
    log_file = folder / "dask.log"
    try:
        with log_file.open("wb") as log:
            running += (
                subprocess.Popen(
                    [dask, *each, "--no-dashboard"],
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
                for each in commands
            )
        while log_file.read_text().count("Registered to") < workers:
            assert all(process.poll() is None for process in running), log_file.read_text()[-2000:]
            time.sleep(0.2)
        yield [process.pid for process in running]
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait()


def machine() -> str:
    return f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}"


def own_cpu() -> float:
    """CPU seconds of this process and its ended children."""
    mine, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + children.ru_utime + children.ru_stime
