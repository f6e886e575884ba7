"""The git program: found, started with nothing inherited, and its words made fit to print.

It knows nothing of repositories. Every start of git in this project goes through `program` and `environment`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

from findings_report.problems import FindingsReportError, Kind, Problem

TIMED_OUT: Final = 124
"""Status of a git that was ended because it took too long; timeout(1) uses the same."""

NOT_STARTED: Final = 126
"""Status of a git that the system did not start; a shell uses the same."""

OVERFLOWED: Final = -signal.SIGKILL
"""Status of a git that was ended because it wrote too much."""

MOST_OUTPUT: Final = 64 * 1024 * 1024
_MOST_COMPLAINT: Final = 1 << 16
_ENDING_SECONDS: Final = 10
# `ulimit` in a shell instead of `preexec_fn`, which is unsafe in a process with threads.
_BLOCK: Final = 512
"""Bytes in the unit of a shell's `ulimit -f`. Source: POSIX, ulimit."""

_NETWORK_VARIABLES: Final = (
    "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO",
    "http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY",
)  # fmt: skip

_CREDENTIALS: Final = re.compile(r"(?<=://)(?:[^\s/?#'\"@]*:[^\s'\"]*|[^\s/?#'\"]*)@")
_QUERY: Final = re.compile(r"(://[^\s?'\"]*)\?[^\s'\"]*")
_PREFIX: Final = re.compile(r"^(?:fatal|error|remote: fatal|remote: error): ")


@dataclass(frozen=True)
class GitResult:
    """What a git that ran to its end left behind."""

    status: int
    """Exit status; `NOT_STARTED`; `TIMED_OUT` or `OVERFLOWED` when it was ended, else negative for a signal."""
    output: bytes
    """Standard output, as much of it as was allowed."""
    fault: str
    """What it complained of, in one line fit to print; empty when it did not."""


def program() -> str:
    """Return the absolute path of the user's git. Raises FindingsReportError (SOURCE) when there is none."""
    path = shutil.which("git")
    if path is None:
        raise FindingsReportError(
            Problem(
                Kind.SOURCE,
                "git is not installed, or not on PATH",
                remedy="install git 2.34 or newer (Debian: apt install git)",
                code="git-missing",
            )
        )
    return os.path.abspath(path)  # noqa: PTH100  # resolving links would lose the name that git is started by


@cache
def _end_with_parent() -> tuple[str, ...]:
    """Return the beginning of a command that the kernel ends with the thread that started it; nothing where it cannot be had.

    A program of util-linux 2.33 does it before git starts: `preexec_fn` is unsafe in a process with threads.
    """
    if (setpriv := shutil.which("setpriv")) is None:
        return ()
    prefix = (os.path.abspath(setpriv), "--pdeathsig", "KILL")  # noqa: PTH100  # as that of git
    with contextlib.suppress(OSError):
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
            return prefix
    return ()


def command(arguments: Sequence[str]) -> list[str]:
    """Return the command line of git. If this process is killed, the kernel kills git with it, where Linux has the means.

    Raises FindingsReportError as `program`.
    """
    return [*_end_with_parent(), program(), *arguments]


def version() -> str | None:
    """Return the version of the installed git, as `2.39.5`; None when git is missing or prints none."""
    if shutil.which("git") is None:
        return None
    answer = run(["version"], environment=environment(), folder=Path("/"), seconds=10)
    match = re.match(rb"git version (\S+)", answer.output)
    return match[1].decode("ascii", "replace") if match and answer.status == 0 else None


def environment(*, protocols: str = "none") -> dict[str, str]:
    """Return the whole environment of git: nothing of the user's but PATH, so no configuration, prompt or network.

    `protocols` is git's colon-separated list of transports it may use. With "none" even a git too old to know
    GIT_NO_LAZY_FETCH cannot be made to start a remote's program.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        # Without a HOME git dies of a `~/` in a repository's configuration; with this one it reads nothing there.
        "HOME": "/nonexistent",
        # The C locale compares bytes, and keeps the words of git those that tests and users know.
        "LC_ALL": "C",
        # Three variables, because versions differ: GIT_CONFIG_SYSTEM and GIT_CONFIG_GLOBAL are known from git 2.32 on.
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "GIT_PAGER": "cat",
        "GIT_EDITOR": "/bin/false",
        # In a partial clone `cat-file` would otherwise run the remote's upload-pack or ssh command to get a missing blob.
        "GIT_NO_LAZY_FETCH": "1",
        # A ref below refs/replace makes git serve other content under the id that was asked for.
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_GRAFT_FILE": os.devnull,
        "GIT_ALLOW_PROTOCOL": protocols,
        # Protocols that only a user may start are not allowed, as for the URL of a submodule.
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        # A small delta may have a huge object as its base; git refuses to unpack what would need more than this at once.
        "GIT_ALLOC_LIMIT": "1g",
    }


def network_environment(protocols: str) -> dict[str, str]:
    """Return `environment` for a clone: with the user's proxy, certificates and ssh agent, and without prompts."""
    kept = {name: os.environ[name] for name in _NETWORK_VARIABLES if name in os.environ}
    return environment(protocols=protocols) | kept | {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=30"}


def run(
    arguments: Sequence[str],
    *,
    environment: dict[str, str],
    folder: Path,
    seconds: float,
    most: int = MOST_OUTPUT,
    file_bytes: int | None = None,
    memory_bytes: int | None = None,
    given: IO[bytes] | None = None,
) -> GitResult:
    """Run git in `folder` to its end, its children with it, for at most `seconds` and `most` bytes of output.

    A git that would write a file of more than `file_bytes` is ended once it has written that much; None allows any. So is one
    that would fill more than `memory_bytes` of memory, where the system has such a limit; what it maps of packs does not count.
    `given` is a file that it reads as its standard input; without one there is none.
    """
    limits = [f"ulimit -f {file_bytes // _BLOCK}"] if file_bytes is not None else []
    limits += [f"ulimit -d {memory_bytes // 1024}"] if memory_bytes is not None else []
    limited = ["/bin/sh", "-c", " && ".join([*limits, 'exec "$0" "$@"'])] if limits else []
    try:
        process = subprocess.Popen(
            [*_end_with_parent(), *limited, program(), *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL if given is None else given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that ssh and helpers end with it
        )
    except OSError as error:
        # A question that git cannot be asked. Any other refusal, as for too many open files, is of the machine: who goes
        # on without the answer has another result.
        if error.errno not in (errno.E2BIG, errno.ENOENT, errno.ENOTDIR):
            raise
        return GitResult(NOT_STARTED, b"", f"git cannot be started: {error.strerror}")
    try:
        output, complaint = _receive(process, time.monotonic() + seconds, most)
        status = process.wait(_ENDING_SECONDS) if len(output) <= most else OVERFLOWED
    except (TimeoutError, subprocess.TimeoutExpired):
        return GitResult(TIMED_OUT, b"", f"git did not finish within {seconds:g} seconds")
    finally:
        end_group(process)
    return GitResult(status, output[:most], printable_fault(complaint))


def file_of(lines: Iterable[str]) -> IO[bytes]:
    """Return an unnamed file of the lines, at its start, for `given`: a pipe would have to be fed while answers are read."""
    file = TemporaryFile()  # noqa: SIM115  # closed by who asked for it
    file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    file.seek(0)
    return file


def _receive(process: subprocess.Popen[bytes], deadline: float, most: int) -> tuple[bytes, bytes]:
    """Return both outputs; stops once the first is over `most` bytes, keeps the end of the second. Raises TimeoutError."""
    received = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for pipe in received:
            assert pipe is not None  # noqa: S101  # started with pipes
            selector.register(pipe, selectors.EVENT_READ, received[pipe])
        while selector.get_map() and len(received[process.stdout]) <= most:
            ready = selector.select(max(0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                part = os.read(key.fd, 1 << 16)
                key.data.extend(part)
                if not part:
                    selector.unregister(key.fileobj)
            del received[process.stderr][:-_MOST_COMPLAINT]
    return bytes(received[process.stdout]), bytes(received[process.stderr])


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a git that was started as the leader of its session, with all its children, and take its pipes away."""
    # A failure here changes nothing about what git has answered.
    with contextlib.suppress(OSError):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:
            process.kill()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    with contextlib.suppress(OSError):
        process.wait()


_FAULT_OF_SSH: Final = "fatal: Could not read from remote repository."


def without_credentials(text: str) -> str:
    """Return `text` with user, password and query taken out of every URL in it."""
    return _QUERY.sub(r"\1", _CREDENTIALS.sub("", text))


def printable_fault(complaint: bytes) -> str:
    """Return git's errors as one line of at most 300 characters, free of credentials and control characters."""
    lines = [
        line.strip() for line in complaint[-_MOST_COMPLAINT:].decode("utf-8", "backslashreplace").splitlines() if line.strip()
    ]
    # Hints and progress go to the same stream; the errors are what a user needs.
    grave = [line for line in lines if _PREFIX.match(line)] or lines
    if _FAULT_OF_SSH in grave[0:1] and lines[0] not in grave:
        grave = [lines[lines.index(grave[0]) - 1], *grave]  # ssh has said what is wrong
    text = "; ".join(dict.fromkeys(_PREFIX.sub("", line) for line in grave[:3]))
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in without_credentials(text))
    return safe if len(safe) <= 300 else safe[:297] + "..."
