"""A program of the user's, for trackers that are not among these: it is given a file and a comment, and puts them there.

It is named in the environment and never in an engagement: whoever sends findings to look at must not choose what runs here.
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

from findings_report.model.ticket import File, Markup, Ticket, TicketRef
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.tickets.http.credentials import Surroundings
from findings_report.tickets.http.problems import AGAIN, no_reference
from findings_report.tickets.http.transport import redacted

SHAPE: Final = "command:NAME or command:NAME/TICKET"
_KEY = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_-]{0,39})(/(?P<ticket>\S{1,200}))?\Z")
_SECRET = re.compile(r"TOKEN|SECRET|PASS|PWD|KEY|PAT\b|CREDENTIAL", re.IGNORECASE)
_LONGEST_OUTPUT: Final = 4096
_LONGEST_SAID: Final = 300
PATIENCE_SECONDS: Final = 300.0


@contextmanager
def open_command(surroundings: Surroundings, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[Command]:
    """The programs of FINDINGS_REPORT_COMMAND_NAME, each with that long to do its work."""
    yield Command(surroundings, patience_seconds)


class Command:
    """Programs that put files somewhere. What is there they do not tell: the lock remembers it."""

    markup = Markup.MARKDOWN

    def __init__(self, surroundings: Surroundings, patience_seconds: float) -> None:
        self._surroundings = surroundings
        self._patience_seconds = patience_seconds

    def identity(self) -> str:
        """Nobody's: the program has its own ways to say who it is."""
        return "command"

    def read(self, key: str) -> Ticket:
        """That there is such a program; it is not started."""
        ref = TicketRef("command", key)
        words = self._words(ref)
        return Ticket(ref, title=words[0], address=shlex.join(words), is_public=False, is_listed=False)

    def attach(self, ticket: Ticket, file: File, comment: str) -> None:
        """Starts the program with the file's path as last argument, and what is known of it as JSON on standard input.

        Exit code 0 means that file and comment are where they belong.
        """
        words = self._words(ticket.ref)
        with tempfile.TemporaryDirectory(prefix="findings-report-") as folder:
            path = Path(folder) / file.name
            path.write_bytes(file.content)
            asked = json.dumps(_told(ticket.ref, path, file, comment), ensure_ascii=False).encode()
            code, said = self._run([*words, str(path)], asked, str(ticket.ref))
        if code != 0:
            how = f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"
            raise _failed(f"{ticket.ref}: {words[0]} {how}{f': {said}' if said else ''}")

    def _words(self, ref: TicketRef) -> list[str]:
        """Program and arguments, split as a shell would; no shell sees them."""
        found = _KEY.match(ref.key)
        if found is None:
            raise no_reference(str(ref), SHAPE)
        variable = f"FINDINGS_REPORT_COMMAND_{found['name'].upper().replace('-', '_')}"
        remedy = f"set it to a program and its arguments, as in {variable}='/usr/local/bin/put-on-ticket --project audit'"
        try:
            words = shlex.split(self._surroundings.environment.get(variable, ""))
        except ValueError as error:
            raise _unusable(f"{variable} cannot be split into words: {error}", remedy) from None
        if not words:
            raise _unusable(f"{variable} is not set", remedy)
        program = shutil.which(words[0], path=self._surroundings.environment.get("PATH"))
        if program is None:
            raise _unusable(f"{variable}: there is no program {words[0]}", remedy)
        return [program, *words[1:]]

    def _run(self, words: list[str], asked: bytes, about: str) -> tuple[int, str]:
        """Exit code, and the end of what it printed: one line, without secrets."""
        process, late = self._started(words, asked, about), threading.Event()
        timer = threading.Timer(self._patience_seconds, _end, (process, late))
        with process:
            timer.start()
            try:
                said = self._cleaned(_tail(process.stdout))
                code = process.wait()
            except BaseException:  # also when the user interrupts: the program has a session of its own
                _end(process)
                raise
            finally:
                timer.cancel()
        if late.is_set():
            raise _failed(
                f"{about}: {words[0]} did not end within {self._patience_seconds:g} seconds{f': {said}' if said else ''}"
            )
        return code, said

    def _started(self, words: list[str], asked: bytes, about: str) -> subprocess.Popen[bytes]:
        """The program, reading `asked` from a file: one that reads nothing of it holds nobody up."""
        with tempfile.TemporaryFile() as source:
            source.write(asked)
            source.seek(0)
            try:
                return subprocess.Popen(
                    words,
                    stdin=source,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=dict(self._surroundings.environment),
                    start_new_session=True,
                )
            except OSError as error:
                raise _failed(f"{about}: {words[0]} cannot be started: {error.strerror or error}") from None

    def _cleaned(self, output: bytes) -> str:
        environment = self._surroundings.environment
        secrets = tuple(value for name, value in environment.items() if value and _SECRET.search(name))
        text = redacted(output.decode(errors="replace"), secrets)
        printable = "".join(each if each.isprintable() else " " for each in text)
        return " ".join(printable.split())[-_LONGEST_SAID:]


def _told(ref: TicketRef, path: Path, file: File, comment: str) -> dict[str, object]:
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
    """The last of what comes, however much it is."""
    kept = b""
    while stream is not None and (piece := os.read(stream.fileno(), 65536)):
        kept = (kept + piece)[-_LONGEST_OUTPUT:]
    return kept


def _end(process: subprocess.Popen[bytes], late: threading.Event | None = None) -> None:
    """Ends the program and what it started."""
    if late is not None:
        late.set()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _unusable(fault: str, remedy: str) -> FindingsReportError:
    return FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="tracker-setting"))


def _failed(fault: str) -> FindingsReportError:
    remedy = f"see what it did; {AGAIN}"
    return FindingsReportError(Problem(Kind.NETWORK, fault, remedy, code="tracker-command"))
