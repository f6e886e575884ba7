"""Run a command of the program again and again, each time with one system call that fails.

    python faults.py FOLDER ERRORS STEP ARGUMENT ...

The command runs in `FOLDER`/work, which is copied from `FOLDER`/before each time, in a forked process: first undisturbed, to
list its calls, then once for each place in the code that makes one, as the tuple of the frames of the package on the stack, or
for every STEP-th of them. The errors take turns. The calls are those that Python audits and those of `os`; modules are imported
before, and a failed import is not a case. Prints one JSON document for each run: the call, the place, the error, the exit code,
standard error, and the files of the folder that changed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

AUDITED: Final = {
    "open", "os.mkdir", "os.scandir", "os.listdir", "os.remove", "os.rmdir", "os.rename", "os.link", "os.symlink", "os.chmod",
    "os.utime", "os.truncate", "subprocess.Popen",
}  # fmt: skip
WRAPPED: Final = (
    "stat", "lstat", "fstat", "read", "write", "fsync", "pipe", "readlink", "getcwd", "killpg", "fchmod", "fdopen", "close",
    "dup2", "waitpid",
)  # fmt: skip
PACKAGE: Final = f"{os.sep}findings_report{os.sep}"
Call = tuple[str, tuple[str, ...]]


class Faults:
    """Counts calls, and lets one of them fail."""

    def __init__(self) -> None:
        self.is_on = False
        self.calls: list[Call] = []
        self.failing: int | None = None
        self.error = 0
        self.failed: Call | None = None
        sys.addaudithook(self._audit)
        for name in WRAPPED:
            setattr(os, name, self._wrapped(name, getattr(os, name)))

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.is_on and event in AUDITED:
            self._count(event, arguments)

    def _wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if self.is_on:
                try:
                    self._count(f"os.{name}", arguments)
                except OSError:
                    if name == "close":  # Linux has closed the descriptor all the same, see close(2)
                        function(*arguments, **named)
                    raise
            return function(*arguments, **named)

        return call

    def _count(self, event: str, arguments: tuple[Any, ...]) -> None:
        self.is_on = False
        try:
            frame, place = sys._getframe(2), []
            while frame is not None:
                file = frame.f_code.co_filename
                if file.startswith("<frozen importlib"):
                    return
                if PACKAGE in file:
                    place.append(f"{file.rpartition(PACKAGE)[2]}:{frame.f_lineno}")
                frame = frame.f_back  # type: ignore[assignment]
            self.calls.append((event, tuple(place)))
            if len(self.calls) - 1 == self.failing:
                self.failed = self.calls[-1]
                path = next((os.fspath(a) for a in arguments if isinstance(a, (str, bytes, os.PathLike))), None)
                raise OSError(self.error, os.strerror(self.error), path)
        finally:
            self.is_on = True


def files_of(folder: Path) -> dict[str, str]:
    """Return a digest of each file below the folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def run(faults: Faults, folder: Path, arguments: list[str], failing: int | None, error: int) -> dict[str, Any]:
    """Run the command in a forked process with the call `failing` failing; None lists the calls."""
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(folder / "before", work, symlinks=True)
    scratch = folder / "tmp"
    scratch.mkdir(exist_ok=True)
    answer, errors = folder / "answer.json", folder / "stderr"
    child = os.fork()
    if child == 0:
        with errors.open("wb") as stream:
            os.dup2(stream.fileno(), 2)
            os.dup2(stream.fileno(), 1)
        os.chdir(work)
        tempfile.tempdir = str(scratch)
        sys.argv = ["findings-report", *arguments]
        code: object = 0
        from findings_report.cli.app import main

        faults.calls, faults.failing, faults.error = [], failing, error
        faults.is_on = True
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        except BaseException:
            traceback.print_exc()
            code = 99
        faults.is_on = False
        sys.stdout.flush()
        sys.stderr.flush()
        answer.write_text(json.dumps([code, faults.calls if failing is None else faults.failed]))
        os._exit(0)
    os.waitpid(child, 0)
    code, calls = json.loads(answer.read_text())
    before, after = files_of(folder / "before"), files_of(work)
    changed = {name: after.get(name) for name in before | after if before.get(name) != after.get(name)}
    if others := [name for name in changed if name.endswith((".kept", ".part"))]:
        # A name that could not be removed is the next command's to remove.
        settle = "from findings_report.system.journal import finish_killed_runs; assert not finish_killed_runs()"
        subprocess.run([sys.executable, "-c", settle], check=True)
        for name in others:
            if not (work / name).exists():
                del changed[name]
    left = [path.name for path in scratch.iterdir()]
    shutil.rmtree(scratch)
    return {"code": code, "calls": calls, "stderr": errors.read_text("utf-8", "replace"), "changed": changed, "left": left}


def main() -> None:
    """Print the results of all runs."""
    folder, names, step, arguments = Path(sys.argv[1]), sys.argv[2].split(","), int(sys.argv[3]), sys.argv[4:]
    faults = Faults()
    # In this process as well, for its imports: the forked ones find the modules.
    warm(folder, arguments)
    whole = run(faults, folder, arguments, None, 0)
    report({"call": None, **{key: whole[key] for key in ("code", "stderr", "changed", "left")}})
    seen: dict[Call, int] = {}
    for index, (event, place) in enumerate(whole["calls"]):
        seen.setdefault((event, tuple(place)), index)
    for number, (call, index) in enumerate(seen.items()):
        if number % step:
            continue
        error = getattr(errno, names[number % len(names)])
        result = run(faults, folder, arguments, index, error)
        # Of two runs that look into their folders in another order: the call that did fail.
        call = result.pop("calls") or call
        report({"call": call, "error": names[number % len(names)], **result})


def report(result: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


def warm(folder: Path, arguments: list[str]) -> None:
    """Import what the command imports."""
    from findings_report.cli.app import main as program

    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(folder / "before", work, symlinks=True)
    output, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    sys.stdout.flush()
    os.dup2(null, 1)
    os.chdir(work)
    sys.argv = ["findings-report", *arguments]
    try:
        program()
    except SystemExit:
        pass
    finally:
        sys.stdout = sys.__stdout__
        os.chdir("/")
        os.dup2(output, 1)


if __name__ == "__main__":
    main()
