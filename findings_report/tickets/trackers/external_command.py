"""A program of the user for all other trackers: it receives a file and a comment, and delivers them.

The program is configured in the environment, never in an engagement: findings from other people must not choose what runs on
this machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from findings_report.model.ticket import Delivery, File, Markup, Ticket, TicketRef
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.system.journal import TemporaryFolder
from findings_report.tickets.http.credentials import Environment
from findings_report.tickets.http.response import AGAIN, invalid_reference, redact

REFERENCES: Final = ("command:NAME", "command:NAME/TICKET")
_KEY = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_-]{0,39})(/(?P<ticket>\S{1,200}))?\Z")
# The program may print its environment when it fails. Which of the variables are secrets is only known by their names.
_SECRET = re.compile(r"TOKEN|SECRET|PASS|PWD|KEY|PAT\b|CREDENTIAL", re.IGNORECASE)
_MAX_OUTPUT_BYTES: Final = 4096
_MAX_OUTPUT_CHARACTERS: Final = 300
TIMEOUT_SECONDS: Final = 300.0


@contextmanager
def open_command(environment: Environment, timeout_seconds: float = TIMEOUT_SECONDS) -> Iterator[ExternalCommand]:
    """Open the programs of FINDINGS_REPORT_COMMAND_NAME."""
    yield ExternalCommand(environment, timeout_seconds)


class ExternalCommand:
    """Programs that deliver files. They cannot be asked for existing files: the lock file records those."""

    markup = Markup.MARKDOWN

    def __init__(self, environment: Environment, timeout_seconds: float) -> None:
        self._environment = environment
        self._timeout_seconds = timeout_seconds

    def identity(self) -> str:
        """Return a constant: a program authenticates itself in ways of its own."""
        return "command"

    def read(self, key: str) -> Ticket:
        """Return a ticket without contents. Raises FindingsReportError (USAGE) if there is no such program; none is started."""
        ref = TicketRef("command", key)
        words = self._words(ref)
        return Ticket(ref, title=words[0], address=shlex.join(words), is_public=False, is_listed=False)

    def attach(self, ticket: Ticket, file: File, comment: str) -> Delivery:
        """Run the program with the file's path as last argument and a JSON document on standard input.

        Exit code 0 means that file and comment were delivered.
        """
        words = self._words(ticket.ref)
        with TemporaryFolder() as folder:
            # A copy, because the user's file may change while the program runs, and because of the digest in its name.
            path = Path(folder) / file.name
            path.write_bytes(file.content)
            document = json.dumps(_document(ticket.ref, path, file, comment), ensure_ascii=False).encode()
            code, output = self._run([*words, str(path)], document, str(ticket.ref))
        if code != 0:
            how = f"ended with exit code {code}" if code > 0 else f"was terminated by signal {-code}"
            raise _failed(f"{ticket.ref}: {words[0]} {how}{f': {output}' if output else ''}")
        return Delivery()

    def _words(self, ref: TicketRef) -> list[str]:
        """Return program and arguments, split as a shell does. No shell runs."""
        match = _KEY.match(ref.key)
        if match is None:
            raise invalid_reference(str(ref), " or ".join(REFERENCES))
        variable = f"FINDINGS_REPORT_COMMAND_{match['name'].upper().replace('-', '_')}"
        remedy = f"set it to a program and its arguments, as in {variable}='/usr/local/bin/put-on-ticket --project audit'"
        try:
            words = shlex.split(self._environment.variables.get(variable, ""))
        except ValueError as error:
            raise _unusable(f"{variable} is not a valid command line: {error}", remedy) from None
        if not words:
            raise _unusable(f"{variable} is not set", remedy)
        # Looked up before anything is sent, so that a missing program does not stop a run half-way.
        program = shutil.which(words[0], path=self._environment.variables.get("PATH"))
        if program is None:
            raise _unusable(f"{variable}: program {words[0]} not found", remedy)
        return [program, *words[1:]]

    def _run(self, words: list[str], document: bytes, about: str) -> tuple[int, str]:
        """Return the exit code, and the end of the output: one line, without secrets."""
        process, late = self._start(words, document, about), threading.Event()
        timer = threading.Timer(self._timeout_seconds, _kill, (process, late))
        with process:
            timer.start()
            try:
                output = self._clean(_tail(process.stdout))
                code = process.wait()
            except BaseException:  # also when the user interrupts: the program has a session of its own
                _kill(process)
                raise
            finally:
                timer.cancel()
        if late.is_set():
            raise _failed(
                f"{about}: {words[0]} did not end within {self._timeout_seconds:g} seconds{f': {output}' if output else ''}"
            )
        return code, output

    def _start(self, words: list[str], document: bytes, about: str) -> subprocess.Popen[bytes]:
        """Start the program. It reads `document` from a file, because a pipe would block on a program that reads nothing."""
        with tempfile.TemporaryFile() as source:
            source.write(document)
            source.seek(0)
            try:
                return subprocess.Popen(
                    words,
                    stdin=source,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=dict(self._environment.variables),
                    start_new_session=True,
                )
            except OSError as error:
                raise _failed(f"{about}: {words[0]} cannot be started: {error.strerror or error}") from None

    def _clean(self, output: bytes) -> str:
        secrets = tuple(value for name, value in self._environment.variables.items() if value and _SECRET.search(name))
        text = redact(output.decode(errors="replace"), secrets)
        printable = "".join(character if character.isprintable() else " " for character in text)
        return " ".join(printable.split())[-_MAX_OUTPUT_CHARACTERS:]


def _document(ref: TicketRef, path: Path, file: File, comment: str) -> dict[str, object]:
    name, _, ticket = ref.key.partition("/")
    return {
        "format": 1,
        "command": name,
        "ticket": ticket or None,
        "file": {
            "path": str(path),
            "name": file.name,
            "replaces": f"{file.stem}{file.suffix}",
            "media_type": file.media_type,
            "size": len(file.content),
            "sha256": file.digest,
        },
        "comment": comment,
    }


def _tail(stream: IO[bytes] | None) -> bytes:
    """Return the last bytes of a stream, however long it is."""
    tail = b""
    while stream is not None and (piece := os.read(stream.fileno(), 65536)):
        tail = (tail + piece)[-_MAX_OUTPUT_BYTES:]
    return tail


def _kill(process: subprocess.Popen[bytes], late: threading.Event | None = None) -> None:
    """Kill the program and all that it started: it leads a session of its own."""
    if late is not None:
        late.set()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _unusable(fault: str, remedy: str) -> FindingsReportError:
    return FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="tracker-setting"))


def _failed(fault: str) -> FindingsReportError:
    remedy = f"check what the program did; {AGAIN}"
    return FindingsReportError(Problem(Kind.NETWORK, fault, remedy, code="tracker-command"))
