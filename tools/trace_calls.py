"""Counts how many of the package's own files and functions one run of a command enters.

    python tools/trace_calls.py                    all scenarios
    python tools/trace_calls.py check "tickets sync"
    python tools/trace_calls.py -- list FOLDER     any command of findings-report

A scenario runs on an engagement with one finding, whose location is in a git repository. `tickets sync` has neither location
nor repository; `tickets sync with code` has both. All files are written to a temporary folder. Each command runs in a new
interpreter with an empty page cache, so that no run profits from the one before.

The figures are for the parent process only: git and the confined process that lays out a PDF are child processes. Each function
or method of the package that is entered in any thread counts once, by file and qualified name. Lambdas, comprehensions, class
bodies, the code of templates and calls made while a module is imported do not count. The package is found through its console
script, so the figures stay comparable when its modules move.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import inspect
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any, Final

PROGRAM: Final = "findings-report"
_RECORD: Final = "--record"

_CODE: Final = """\
import sqlite3


def find_user(connection: sqlite3.Connection, name: str) -> list[tuple[int, str]]:
    query = f"SELECT id, name FROM users WHERE name = '{name}'"
    return connection.execute(query).fetchall()
"""
_ENGAGEMENT: Final = """\
format: 1
title: Review of app
date: 2020-01-02
"""
_REPOSITORY: Final = """\
repositories:
  app:
    path: ../app
    commit: {commit}
scope: [app.py]
"""
_FINDING: Final = """\
title: SQL injection in find_user
severity: high
status: {status}
cwe: CWE-89
description: |
  The *name* is inserted into the query without a placeholder.
recommendation: Use a placeholder.
"""
_LOCATION: Final = """\
locations:
  - path: app.py
    lines: 5-6
    quote: |
      query = f"SELECT id, name FROM users WHERE name = '{name}'"
      return connection.execute(query).fetchall()
"""


@dataclass(frozen=True)
class Scenario:
    """One command whose run is counted."""

    name: str
    arguments: tuple[str, ...]
    has_code: bool = True
    """False for an engagement without repository and a finding without location."""


SCENARIOS: Final = (
    Scenario("check", ("check", "findings")),
    Scenario("html", ("build", "findings", "--format", "html", "--output", "report/")),
    Scenario("pdf", ("build", "findings", "--format", "pdf", "--output", "report/")),
    Scenario("tickets sync", ("tickets", "sync"), has_code=False),
    Scenario("tickets sync with code", ("tickets", "sync")),
)


@dataclass(frozen=True)
class Counts:
    """What one run entered."""

    files: int
    functions: int


class Recorder:
    """A profile function that notes which functions of `package` are entered."""

    def __init__(self, package: Path) -> None:
        self.entered: set[tuple[str, str]] = set()
        """Pairs of file and qualified name."""
        self._prefix = f"{package}{os.sep}"
        self._thread = threading.local()

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """Note the function of `frame`, unless a module is being imported in this thread."""
        if event not in ("call", "return"):
            return
        code = frame.f_code
        if code.co_name == "_find_and_load" and code.co_filename == "<frozen importlib._bootstrap>":
            self._thread.imports = self._imports + (1 if event == "call" else -1)
        elif event == "call" and code.co_filename.startswith(self._prefix) and not self._imports:
            is_named = code.co_flags & inspect.CO_OPTIMIZED and not code.co_name.startswith("<")
            if is_named and code.co_filename.endswith(".py"):
                self.entered.add((code.co_filename, code.co_qualname))

    @property
    def _imports(self) -> int:
        imports: int = getattr(self._thread, "imports", 0)
        return imports


def record(output: Path, arguments: Sequence[str]) -> int:
    """Run a command of the program in this process and write what it enters to `output`; the exit code."""
    (script,) = importlib.metadata.entry_points(group="console_scripts", name=PROGRAM)
    spec = importlib.util.find_spec(script.module.partition(".")[0])
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{PROGRAM} is not installed")
    recorder = Recorder(Path(spec.submodule_search_locations[0]))
    program = script.load()
    sys.argv = [PROGRAM, *arguments]
    threading.setprofile(recorder)
    sys.setprofile(recorder)
    code: object = 0
    try:
        program()
    except SystemExit as end:
        code = end.code
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    output.write_text(json.dumps(sorted(recorder.entered)), "utf-8")
    return code if isinstance(code, int) else int(code is not None)


def count(arguments: Sequence[str], folder: Path, environment: dict[str, str]) -> Counts:
    """Run one command in `folder`, in a new interpreter, and count. Raises SystemExit when the command fails."""
    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary) / "entered.json"
        command = [sys.executable, str(Path(__file__).resolve()), _RECORD, str(output), *arguments]
        # A run removes what killed runs left in the folder for temporary files, which others may be filling just now.
        given = {**environment, "XDG_CACHE_HOME": temporary, "TMPDIR": temporary}
        ran = subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, check=False)
        if ran.returncode:
            command_line = " ".join([PROGRAM, *arguments])
            raise SystemExit(f"{command_line}: exit code {ran.returncode}\n{ran.stdout}{ran.stderr}")
        entered = json.loads(output.read_text("utf-8"))
    return Counts(len({file for file, _ in entered}), len(entered))


def run_scenarios(names: Sequence[str]) -> Iterator[tuple[str, Counts]]:
    """The scenarios of these names, in order, each on an engagement of its own."""
    for scenario in SCENARIOS:
        if scenario.name not in names:
            continue
        with tempfile.TemporaryDirectory() as temporary, tracker_server() as url:
            folder = Path(temporary).resolve()
            environment = {
                **{name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "PYTHONPATH")},
                "HOME": str(folder),
                "GITHUB_API_URL": url,
                "GITHUB_TOKEN": "token-of-no-account",
            }
            write_engagement(folder, has_code=scenario.has_code)
            if scenario.arguments[:2] == ("tickets", "sync"):
                count(("tickets", "create", "--to", "github:owner/name"), folder, environment)
                write_finding(folder, status="resolved", has_code=scenario.has_code)
            yield scenario.name, count(scenario.arguments, folder, environment)


def write_engagement(folder: Path, *, has_code: bool) -> None:
    """Write the engagement `findings` with one finding, and the repository `app` that it is about."""
    (folder / "findings").mkdir()
    text = _ENGAGEMENT
    if has_code:
        text += _REPOSITORY.format(commit=_write_repository(folder / "app"))
    (folder / "findings" / "engagement.yaml").write_text(text, "utf-8")
    write_finding(folder, status="open", has_code=has_code)


def write_finding(folder: Path, *, status: str, has_code: bool) -> None:
    """Write the finding; a new status is what `tickets sync` has to bring to the ticket."""
    text = _FINDING.format(status=status) + (_LOCATION if has_code else "")
    (folder / "findings" / "A-1.finding.yaml").write_text(text, "utf-8")


def _write_repository(folder: Path) -> str:
    """Make a git repository with one commit; its hash."""
    folder.mkdir()
    (folder / "app.py").write_text(_CODE, "utf-8")
    settings = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *settings, *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    git("add", "app.py")
    git("commit", "--quiet", "--message", "Add app")
    return git("rev-parse", "HEAD")


@contextmanager
def tracker_server() -> Iterator[str]:
    """The address of a server on loopback that answers like GitHub, as far as `tickets create` and `tickets sync` ask."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _GitHub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        _GitHub.issue = None


class _GitHub(BaseHTTPRequestHandler):
    """One private repository with at most one issue."""

    protocol_version = "HTTP/1.1"
    issue: dict[str, Any] | None = None

    def _handle(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = self.path.partition("?")[0]
        is_issue = path.endswith("/issues/1")
        if (self.command == "POST" and path.endswith("/issues")) or (self.command == "PATCH" and is_issue):
            sent = json.loads(content)
            labels = [{"name": name} for name in sent.pop("labels", [])]  # answered as objects
            assignees = [{"login": name} for name in sent.pop("assignees", [])]
            _GitHub.issue = {
                "number": 1,
                "html_url": "https://tracker.example/1",
                "labels": labels,
                "assignees": assignees,
                **sent,
            }
        if path == "/user":
            document: Any = {"login": "ada"}
        elif path.endswith("/comments"):
            document = {"id": 1} if self.command == "POST" else []
        elif path.endswith("/issues") and self.command == "GET":
            document = [_GitHub.issue] if _GitHub.issue else []
        elif path.endswith("/issues") or is_issue:
            document = _GitHub.issue
        else:
            document = {"private": True, "visibility": "private"}
        body = json.dumps(document).encode()
        self.send_response(201 if self.command == "POST" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = _handle  # noqa: N815 - the names are the library's

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - likewise
        """Print nothing."""


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == [_RECORD]:
        raise SystemExit(record(Path(sys.argv[2]), sys.argv[3:]))
    given = sys.argv[1:]
    command = given[given.index("--") + 1 :] if "--" in given else []
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="default: all of them")
    names = [scenario.name for scenario in SCENARIOS]
    chosen = parser.parse_args(given[: given.index("--")] if command else given).scenarios or names
    for unknown in set(chosen) - set(names):
        parser.error(f"no scenario {unknown!r}; there are: {', '.join(names)}")
    rows = [(" ".join(command), count(command, Path.cwd(), dict(os.environ)))] if command else run_scenarios(chosen)
    print(f"{'scenario':<24} {'files':>6} {'functions':>10}")
    for name, counts in rows:
        print(f"{name:<24} {counts.files:>6} {counts.functions:>10}", flush=True)


if __name__ == "__main__":
    main()
