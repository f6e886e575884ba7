"""What a process gives up before it sees untrusted input, for good: files, network, privileges, endless time and memory.

Needs no root. What a kernel does not have is left out and told, as a report has to be made on it all the same.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import resource
import site
import struct
import sys
import sysconfig
import time
from collections.abc import Iterable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CAPABILITY_VERSION_3 = 0x20080522

# Source: linux/landlock.h; the system calls have the same numbers on every architecture but alpha.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FIRST_FILE_RIGHTS = (1 << 13) - 1
_LATER_FILE_RIGHTS = ((2, 1 << 13), (3, 1 << 14), (5, 1 << 15))  # since version: refer, truncate, ioctl on devices
_NETWORK_RIGHTS = 0b11  # bind and connect of TCP, since version 4
_SCOPES = 0b11  # abstract UNIX sockets and signals, since version 6

_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")
_OPEN_FILES = 256


def landlock_version() -> int:
    """The version of Landlock that this kernel has, 0 when none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)))


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send this process a signal once the thread that started it is gone."""
    if sys.platform == "linux":
        _libc().prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def restrict(*, memory_bytes: int, file_bytes: int, readable: Iterable[str]) -> str:
    """Give up everything but reading Python, shared libraries, this package and `readable`; says what is in force.

    Raises OSError when the kernel has a means and refuses it. Only the calling thread and those it starts later are held.
    """
    measures = []
    if sys.platform == "linux":
        libc = _libc()
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _go_first()
        measures.append("network cut off" if _leave_network(libc) else "network not cut off")
        version = landlock_version()
        if version:
            _landlock(libc, version, [*_own_files(), *readable])
        measures.append(f"files closed off by Landlock {version}" if version else "files not closed off (no Landlock)")
    _lower(resource.RLIMIT_AS, memory_bytes)
    _lower(resource.RLIMIT_FSIZE, file_bytes)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    return ", ".join([*measures, "limits on memory, time and files"])


def allow_cpu(seconds: int) -> None:
    """From now on the process may use so much CPU time until SIGXCPU ends it; a later call grants anew."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    wanted = math.ceil(time.process_time()) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def _leave_network(libc: ctypes.CDLL) -> bool:
    """Move to a network namespace with nothing in it. Landlock knows TCP only, and that not before version 4 (Linux 6.7)."""
    if os.geteuid() == 0:
        # Not into a user namespace: root would lose the right to read files of others, the fonts of a user's venv among them.
        return bool(libc.unshare(_CLONE_NEWNET) == 0)
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return False
    # A new user namespace grants every capability inside itself, which is more kernel than untrusted input should reach.
    libc.capset(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), bytes(24))
    return True


def _go_first() -> None:
    """When the machine's memory runs out below our own limit, let the kernel end this process and not one of the user's."""
    with contextlib.suppress(OSError):  # no /proc
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")


def _own_files() -> list[str]:
    """Where Python, what is installed for it, this package and shared libraries may still be loaded from."""
    python = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    package = str(Path(__file__).resolve().parents[1])
    return [*python, *site.getsitepackages(), site.getusersitepackages(), package, *_LIBRARIES]


def _landlock(libc: ctypes.CDLL, version: int, readable: Iterable[str]) -> None:
    rights = _FIRST_FILE_RIGHTS
    for since, right in _LATER_FILE_RIGHTS:
        rights |= right if version >= since else 0
    attributes = struct.pack("=QQQ", rights, _NETWORK_RIGHTS, _SCOPES)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "Landlock refuses its rules")
    for path in dict.fromkeys(readable):
        _allow_reading(libc, ruleset, Path(path))
    if libc.syscall(_RESTRICT_SELF, ruleset, 0) != 0:
        raise OSError(ctypes.get_errno(), "Landlock cannot be put in force")
    os.close(ruleset)


def _allow_reading(libc: ctypes.CDLL, ruleset: int, path: Path) -> None:
    if not path.exists():
        return
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = _READ_FILE | _READ_DIR if path.is_dir() else _READ_FILE
        if libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, struct.pack("=Qi", rights, opened), 0) != 0:
            raise OSError(ctypes.get_errno(), "Landlock refuses a rule")
    finally:
        os.close(opened)
